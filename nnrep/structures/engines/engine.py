"""`Engine`: a choice of who has given a molecule its parameters."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nnrep.errors import ConfigError, UserError

if TYPE_CHECKING:
    import openmm
    from openmm import app

    from nnrep.structures.engines.coordinates import Coordinates


class Given(NamedTuple):
    """What the files of an engine say of a molecule.

    Attributes:
        topology: atoms, residues and bonds.
        system: its forces; without a cutoff where the reader may choose.
        box: where a periodic box is given, for people; empty without one.
    """

    topology: "app.Topology"
    system: "openmm.System"
    box: str = ""


class Engine(NamedTuple):
    """Files of an engine.

    Attributes:
        suffixes: of its topologies.
        title: for people.
        read: (topology file, files of parameters, coordinates) -> what they say. May raise anything, see
            `reading`.
        takes_parameters: whether parameters are in files of their own.
        has_names: whether topologies have names; else those of the positions count, of the molecule too.
    """

    suffixes: tuple[str, ...]
    title: str
    read: "Callable[[Path, Sequence[Path], Coordinates], Given]"
    takes_parameters: bool = False
    has_names: bool = True


# What readers raise where they find something that they have not thought of, with words for programmers.
OF_CODE = (AttributeError, IndexError, TypeError, UnboundLocalError)
UNSAID = "it is empty, cut short, or of another kind"


@contextmanager
def reading(key: str, path: Path, what: str) -> Iterator[None]:
    """Name the key and the file where a reader fails, whatever it raises.

    Raises:
        ConfigError: it has failed.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # readers raise exceptions of all kinds for damaged files
        text = str(error).strip() or type(error).__name__
        reason = UNSAID if isinstance(error, OF_CODE) else text.splitlines()[0]
        raise ConfigError(key, f"{path}: cannot be read as {what}: {reason}") from error
