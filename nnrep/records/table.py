"""The table of runs: its columns, and how it is written."""

import csv
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nnrep.errors import UserError
from nnrep.host.cache import write_whole
from nnrep.host.terminal import log
from nnrep.host.text import readable
from nnrep.systems.force_fields.registry import term_names

if TYPE_CHECKING:
    import pandas as pd

# One row a seed. Times in seconds; energies in the system's unit (proteins: kJ/mol); RMSD and radius of
# gyration in Angstrom.
_HEAD = [
    "run_id",
    "system",
    "structure",
    "structure_source",
    "structure_hash",
    "potential",
    "start",
    "start_seed",
    "n",
    "n_residues",
    "baseline",
    "reparam",
    "modes",
    "modes_of",
    "modes_solver",
    "modes_residual",
    "hidden",
    "optimizer",
    "learning_rate",
    "learning_rate_coarse",
    "min_delta",
    "min_delta_coarse",
    "seed",
    "status",
    "energy",
    "energy_start",
    "energy_coarse",
    "energy_bound",
]
_TAIL = [
    "energy_openmm",
    "bond_fraction",
    "contact_fraction",
    "pieces",
    "largest_piece",
    "rmsd_ca",
    "rmsd_backbone",
    "rmsd_all",
    "rmsd_ca_start",
    "rmsd_backbone_start",
    "rmsd_all_start",
    "radius_of_gyration",
    "gradient_rms",
    "restarts",
    "steps_coarse",
    "steps_fine",
    "evaluations",
    "time_modes_s",
    "time_modes_fresh_s",
    "time_modes_compile_s",
    "modes_stored",
    "time_fit_s",
    "time_compile_s",
    "time_minimize_s",
    "time_total_s",
    "precision",
    "device",
    "versions",
    "config_hash",
]

TERM = "energy_"  # what the columns of energy terms begin with
RMSD, LAST_RMSD = "rmsd_", "rmsd_all_start"  # the same of RMSDs, and after which column further ones stand
FIXED_COLUMNS = [*_HEAD, *_TAIL]  # what every table has
# The last column of the table of a sweep, which alone has it: why a job has no runs, empty for the others.
ERROR = "error"

TIMES = [name for name in _TAIL if name.startswith("time_")]
COUNTS = ("n", "seed")  # whole numbers, in every row
_TEXTS = (
    *("run_id", "system", "structure", "structure_source", "structure_hash", "potential", "start"),
    *("baseline", "reparam", "modes_of", "modes_solver", "hidden", "optimizer", "status"),
    *("modes_stored", "precision", "device", "versions", "config_hash"),
)
DAMAGED = "restore the table, or leave out its folder"


def run_columns(given: Iterable[str] = ()) -> list[str]:
    """The columns of a table of runs, in order: with those of the terms of all force fields, and of further
    energy terms and RMSDs among the given columns."""
    further = [name for name in given if name not in FIXED_COLUMNS]
    more = [name for name in further if name.startswith(TERM)]
    terms = [f"{TERM}{name}" for name in term_names()]
    columns = [*_HEAD, *dict.fromkeys([*terms, *more]), *_TAIL]
    place = columns.index(LAST_RMSD) + 1
    return [*columns[:place], *(name for name in further if name.startswith(RMSD)), *columns[place:]]


def in_columns(rows: "pd.DataFrame") -> "pd.DataFrame":
    """A table of runs with all its columns in order; what a system does not have is left empty.

    Raises:
        ValueError: a column that a table of runs does not have, and would lose.
    """
    columns = run_columns(rows.columns)
    unknown = [name for name in rows.columns if name not in columns]
    if unknown:
        raise ValueError(f"a table of runs has no columns {', '.join(unknown)}")
    return rows.reindex(columns=columns)


def differing_columns(given: Iterable[str]) -> tuple[list[str], list[str]]:
    """Columns that a table of runs lacks, and those it should not have; energy terms and RMSDs may be any."""
    given = list(given)
    missing = [name for name in FIXED_COLUMNS if name not in given]
    return missing, [name for name in given if name not in run_columns(given)]


def check_runs(path: Path, rows: "pd.DataFrame") -> None:
    """Raise `UserError` naming the file, where a value in a table of runs cannot be what its column holds.

    Args:
        path: of the table.
        rows: of the table, all its columns; the index counts its lines.
    """
    for name in COUNTS:
        is_count = rows[name].astype(str).str.fullmatch(r"\d+(\.0*)?")  # as other programs may write it
        _refuse(path, rows[name][~is_count], "no whole number")
    check_numbers(path, rows, [str(name) for name in rows if name not in (*_TEXTS, *COUNTS)])


def check_numbers(path: Path, rows: "pd.DataFrame", names: Iterable[str]) -> None:
    """The same for columns of numbers, which may be empty."""
    import pandas as pd

    for name in names:
        given = rows[name]
        if not pd.api.types.is_numeric_dtype(given):
            filled = given[given.notna() & (given != "")]
            numbers = pd.to_numeric(filled, errors="coerce")
            _refuse(path, filled[numbers.isna() & (filled.astype(str) != "nan")], "no number")


def _refuse(path: Path, wrong: "pd.Series", called: str) -> None:
    if len(wrong):
        line = int(str(wrong.index[0])) + 2  # below that of the columns
        given = repr(str(wrong.iloc[0]))
        raise UserError(f"{path}: {wrong.name} in line {line} is {called}, but {given}; {DAMAGED}")


def read_columns(
    path: Path, called: str, numbers: Iterable[str], texts: Iterable[str] = (), least: int = 0
) -> "pd.DataFrame":
    """The table that `write_table` wrote, if it is what it should be.

    Args:
        path: of the table.
        called: what it is, as an error says it: "history of a run".
        numbers: columns of numbers that it must have.
        texts: other columns that it must have.
        least: how many rows it must have.

    Raises:
        UserError: it cannot be read, or is something else.
    """
    rows, numbers = read_table(path), list(numbers)
    lacking = [name for name in (*texts, *numbers) if name not in rows]
    if lacking:
        raise UserError(f"{path}: is no {called}, it lacks {', '.join(lacking)}; {DAMAGED}")
    if len(rows) < least:
        raise UserError(f"{path}: is no {called}, it has no rows; {DAMAGED}")
    check_numbers(path, rows, numbers)
    return rows


def read_table(path: Path) -> "pd.DataFrame":
    """The table that `write_table` wrote.

    Raises:
        UserError: it cannot be read.
    """
    import pandas as pd  # a run begins without it

    try:
        return pd.read_csv(path)
    except (ValueError, OSError, EOFError, zlib.error) as error:  # it may be compressed
        raise UserError(f"{path}: not a readable table ({error})") from error


def read_text(path: Path) -> "pd.DataFrame":
    """A table as it stands: text, empty where it is empty; without a last line that a crash has torn.

    Raises:
        UserError: it cannot be read.
    """
    import pandas as pd

    try:
        lines, newline, torn = path.read_bytes().decode().rpartition("\n")
        table = pd.read_csv(io.StringIO(lines + newline or torn), dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a readable table ({error})") from error
    if torn and len(table):
        log().warning("%s: its last line is torn, and left out", path)
    return table


def text_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows that `read_text` has, one by one: for tables that are large.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(_whole_lines(file, path), restval="", strict=True):
                if None in row:  # where Python puts what no column is for
                    raise ValueError("a row has more values than there are columns")
                yield row
    except (ValueError, OSError, csv.Error) as error:
        raise UserError(f"{path}: not a readable table ({error})") from error


def _whole_lines(lines: Iterable[str], path: Path) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number and not line.endswith("\n"):
            log().warning("%s: its last line is torn, and left out", path)
            return
        yield line


def write_table(path: Path, rows: "pd.DataFrame") -> None:
    """Write a table as CSV; a crash leaves the old file or the new one, never half of one."""
    write_whole(path, readable(rows.to_csv(index=False)).encode())
