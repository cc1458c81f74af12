"""`nnrep structures`: what can be named by an entry's letters, and where it lies."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from nnrep.errors import UserError
from nnrep.host.terminal import print_table
from nnrep.structures.parse import parse
from nnrep.structures.places import EMBEDDED_ORIGIN, Listed, embedded, from_file, list_structures
from nnrep.structures.residues import chain_letter, some

COLUMNS = ("name", "place", "models", "atoms", "chains", "size", "path")
NUMBERS = ("models", "atoms", "size")


def show_structures(folders: Sequence[str | Path]) -> None:
    """Print the structures in the package, in folders, in those of NNREP_STRUCTURES, and in the cache.

    Raises:
        UserError: a folder that does not exist.
    """
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in NUMBERS else "left", overflow="fold")
    for listed in list_structures(folders):
        table.add_row(*map(Text, _row(listed)))
    print_table(table)


def _row(listed: Listed) -> tuple[str, ...]:
    try:
        is_embedded = listed.origin == EMBEDDED_ORIGIN
        source = embedded() if is_embedded else from_file(Path(listed.origin))
        structure = parse(source.data, source.origin)
        size = len(source.data) if source.path is None else source.path.stat().st_size
    except UserError as error:  # it names the file
        return listed.name, listed.place, "", "", "", "", str(error)
    except OSError as error:
        return listed.name, listed.place, "", "", "", "", f"{listed.origin}: {error.strerror or error}"
    first = structure[0]
    chains = some([chain_letter(chain.name) for chain in first])
    counts = (str(len(structure)), str(first.count_atom_sites()), chains, f"{size / 1000:.0f} kB")
    return listed.name, listed.place, *counts, listed.origin
