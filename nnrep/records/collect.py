"""`nnrep collect`: the tables of many runs as one."""

from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

import pandas as pd

from nnrep.errors import UserError
from nnrep.records.run_folder import RUNS
from nnrep.records.sweep_table import FAILED, is_sweep_table
from nnrep.records.table import ERROR, differing_columns, read_text, run_columns, text_rows


class Duplicates(Enum):
    """Which rows are kept of a run that is in several tables.

    `newest`: that of the table that was written last; `first`: that of the first table, in the order of
    folders and paths; `all` of them; `error`: none, it is refused.
    """

    newest = "newest"
    first = "first"
    all = "all"
    error = "error"


def collected(folders: Sequence[Path], duplicates: Duplicates) -> tuple[pd.DataFrame, int]:
    """All rows of the run folders at and below the given ones, in the order of their paths.

    The table of a sweep is left out where its jobs have theirs; without them, its own runs count.

    Returns:
        The table, and how many of its runs are in several places.

    Raises:
        UserError: a folder that is not there or holds no runs, a table with other columns or that cannot be
            read, or, if duplicates are errors, a run that comes up twice; both places are named.
    """
    paths = [path for folder in folders for path in tables_in(folder)]
    tables = [runs_of_sweep(path) if is_sweep_table(path) else read_runs(path) for path in paths]
    whole = pd.concat(tables, ignore_index=True)
    places = [path for path, rows in zip(paths, tables, strict=True) for _ in range(len(rows))]
    if duplicates is Duplicates.error:
        _refuse_duplicates(whole["run_id"], places)
    kept = _kept(whole["run_id"], places, duplicates)
    several = whole["run_id"][whole["run_id"].duplicated()].nunique()
    return whole[kept].reindex(columns=run_columns(whole.columns)).fillna(""), several


def _refuse_duplicates(names: "pd.Series[str]", places: Sequence[Path]) -> None:
    place: dict[str, Path] = {}
    for name, path in zip(names, places, strict=True):
        if name in place:
            advice = "name only one of the two, or choose duplicates=newest"
            raise UserError(f"{path}: run {name} is in {place[name]} as well; {advice}")
        place[name] = path


def _kept(names: "pd.Series[str]", places: Sequence[Path], duplicates: Duplicates) -> "pd.Series[bool]":
    """Which rows are kept."""
    if duplicates is Duplicates.newest:
        written = pd.Series([path.stat().st_mtime_ns for path in places], index=names.index)
        by_age = names[written.sort_values(kind="stable").index]
        return ~by_age.duplicated(keep="last").reindex(names.index)
    if duplicates is Duplicates.first:
        return ~names.duplicated()
    return pd.Series(True, index=names.index)


def tables_in(folder: Path) -> Iterator[Path]:
    """The tables of runs in a folder and below it; that of a sweep only where its jobs have none.

    Raises:
        UserError: there are none, or no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder; name folders of runs, or folders above them")
    paths = sorted(folder.rglob(RUNS))
    sweeps = {path.parent for path in paths if is_sweep_table(path)}
    of_jobs = {parent for path in paths if path.parent not in sweeps for parent in path.parents}
    if not paths:
        raise UserError(f"{folder}: holds no runs ({RUNS}), nor does any folder below it")
    yield from (path for path in paths if path.parent not in sweeps & of_jobs)


def read_runs(path: Path) -> pd.DataFrame:
    """The rows of a table of runs, text as it stands and empty where it is empty.

    Raises:
        UserError: it cannot be read, or has other columns than a table of runs.
    """
    return _checked(path, read_text(path))


def runs_one_by_one(path: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """The columns and the rows of `read_runs`, in the memory that one row takes; raises as it does."""
    try:
        head = pd.read_csv(path, nrows=0)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a readable table ({error})") from error
    columns = list(_checked(path, head).columns)
    return columns, ({name: row.get(name, "") for name in columns} for row in text_rows(path))


def runs_of_sweep(path: Path) -> pd.DataFrame:
    """The runs of a sweep's table, without jobs that failed; raises as `read_runs` does."""
    rows = _checked(path, read_text(path).drop(columns=ERROR))
    return rows[rows["status"] != FAILED]


def _checked(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    missing, strange = differing_columns(rows.columns)
    if missing or strange:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has {', '.join(strange)}"] if strange else []
        raise UserError(f"{path}: is no table of runs, or one of another nnrep: it {' and '.join(parts)}")
    # Tables that were made before a force field had a term, or with one that is gone.
    return rows.reindex(columns=run_columns(rows.columns), fill_value="")
