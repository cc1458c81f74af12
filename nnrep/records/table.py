"""The table of runs: its columns, and how it is written."""

import csv
import io
import zlib
from collections.abc import Iterable, Iterator
from enum import Enum, Flag, auto
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nnrep.errors import UserError
from nnrep.host.cache import write_whole
from nnrep.host.terminal import log
from nnrep.host.text import readable
from nnrep.systems.force_fields.registry import term_names

if TYPE_CHECKING:
    import pandas as pd


class Kind(Enum):
    """What a column holds: text, a whole number in every row, or a number, which may be missing."""

    text = "text"
    count = "count"
    number = "number"


class Role(Flag):
    """What a column is taken for.

    `setting`: it tells settings from each other; `swept`: it is shown where the jobs of a sweep differ in it;
    `problem`: it tells what was minimised; `later`: tables that were made before it came lack it.
    """

    result = 0
    setting = auto()
    swept = auto()
    problem = auto()
    later = auto()


class Column(NamedTuple):
    """A column of a table of runs.

    Attributes:
        name: of the column.
        kind: of its values.
        role: what it is taken for.
        keys: of the configuration, the first of which that there is fills it where a job has no runs.
    """

    name: str
    kind: Kind = Kind.number
    role: Role = Role.result
    keys: tuple[str, ...] = ()


_SHOWN = Role.setting | Role.swept  # of what a sweep's closing table shows
# One row a seed. Times in seconds; energies in the system's unit (proteins: kJ/mol); RMSD and radius of
# gyration in Angstrom. Terms of the energy stand after energy_bound.
COLUMNS = (
    Column("run_id", Kind.text),
    Column("system", Kind.text, _SHOWN | Role.problem, ("system.name",)),
    Column("structure", Kind.text, _SHOWN | Role.problem),
    Column("structure_source", Kind.text, keys=("system.pdb", "system.topology")),
    Column("structure_hash", Kind.text, Role.problem),
    Column("potential", Kind.text, _SHOWN | Role.problem, ("system.force_field", "system.potential")),
    Column("start", Kind.text, _SHOWN, ("system.start",)),
    Column("start_seed", role=Role.setting),
    Column("n", Kind.count, _SHOWN | Role.problem, ("system.n",)),
    Column("n_residues", role=Role.setting),
    Column("baseline", Kind.text, _SHOWN, ("baseline.name",)),
    Column("reparam", Kind.text, _SHOWN, ("reparam.name",)),
    Column("modes", role=_SHOWN),
    Column("modes_of", Kind.text, Role.setting),
    Column("modes_solver", Kind.text),
    Column("modes_residual"),
    Column("hidden", Kind.text, _SHOWN),
    Column("optimizer", Kind.text, _SHOWN, ("optimizer.name",)),
    Column("schedule", Kind.text, _SHOWN | Role.later, ("schedule.title", "schedule.name")),
    Column("learning_rate", role=_SHOWN, keys=("optimizer.learning_rate",)),
    Column("learning_rate_coarse", role=Role.setting),
    Column("min_delta", role=Role.setting),
    Column("min_delta_coarse", role=Role.setting),
    Column("seed", Kind.count),
    Column("status", Kind.text),
    Column("energy"),
    Column("energy_start"),
    Column("energy_coarse"),
    Column("energy_bound"),
    Column("energy_openmm"),
    Column("bond_fraction"),
    Column("contact_fraction"),
    Column("pieces"),
    Column("largest_piece"),
    Column("rmsd_ca"),
    Column("rmsd_backbone"),
    Column("rmsd_all"),
    Column("rmsd_ca_start"),
    Column("rmsd_backbone_start"),
    Column("rmsd_all_start"),
    Column("radius_of_gyration"),
    Column("gradient_rms"),
    Column("restarts"),
    Column("steps_coarse"),
    Column("steps_fine"),
    Column("evaluations"),
    Column("time_modes_s"),
    Column("time_modes_fresh_s"),
    Column("time_modes_compile_s"),
    Column("modes_stored", Kind.text),
    Column("time_fit_s"),
    Column("time_compile_s"),
    Column("time_minimize_s"),
    Column("time_total_s"),
    Column("precision", Kind.text, _SHOWN),
    Column("device", Kind.text),
    Column("versions", Kind.text),
    Column("config_hash", Kind.text),
)


def columns_of(role: Role) -> tuple[str, ...]:
    """The names of the columns of a role, in their order."""
    return tuple(column.name for column in COLUMNS if role in column.role)


def _of_kind(kind: Kind) -> tuple[str, ...]:
    return tuple(column.name for column in COLUMNS if column.kind is kind)


TERM = "energy_"  # what the columns of energy terms begin with
RMSD, LAST_RMSD = "rmsd_", "rmsd_all_start"  # the same of RMSDs, and after which column further ones stand
BOUND = "energy_bound"  # after which column the terms stand
FIXED_COLUMNS = [column.name for column in COLUMNS]  # what every new table has
# The last column of the table of a sweep, which alone has it: why a job has no runs, empty for the others.
ERROR = "error"

TIMES = [name for name in FIXED_COLUMNS if name.startswith("time_")]
TEXTS, COUNTS = _of_kind(Kind.text), _of_kind(Kind.count)
DAMAGED = "restore the table, or leave out its folder"


def run_columns(given: Iterable[str] = ()) -> list[str]:
    """The columns of a table of runs, in order: with those of the terms of all force fields, and of further
    energy terms and RMSDs among the given columns."""
    further = [name for name in given if name not in FIXED_COLUMNS]
    more = [name for name in further if name.startswith(TERM)]
    terms = [f"{TERM}{name}" for name in term_names()]
    columns = _with(FIXED_COLUMNS, BOUND, dict.fromkeys([*terms, *more]))
    return _with(columns, LAST_RMSD, (name for name in further if name.startswith(RMSD)))


def _with(columns: list[str], last: str, more: Iterable[str]) -> list[str]:
    """Columns with more of them after one."""
    place = columns.index(last) + 1
    return [*columns[:place], *more, *columns[place:]]


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
    """Columns that a table of runs lacks, and those it should not have; energy terms and RMSDs may be any.

    A table that was made before a column came does not lack it.
    """
    given = list(given)
    may_be_missing = columns_of(Role.later)
    missing = [name for name in FIXED_COLUMNS if name not in (*given, *may_be_missing)]
    return missing, [name for name in given if name not in run_columns(given)]


def check_runs(path: Path, rows: "pd.DataFrame") -> None:
    """Raise `UserError` naming the file, where a value in a table of runs cannot be what its column holds.

    Args:
        path: of the table.
        rows: of the table, its columns; the index counts its lines.
    """
    for name in COUNTS:
        is_count = rows[name].astype(str).str.fullmatch(r"\d+(\.0*)?")  # as other programs may write it
        _refuse(path, rows[name][~is_count], "no whole number")
    check_numbers(path, rows, [str(name) for name in rows if name not in (*TEXTS, *COUNTS)])


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
