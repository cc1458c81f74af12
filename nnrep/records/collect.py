"""`nnrep collect`: the tables of many runs as one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from nnrep.errors import UserError
from nnrep.records.run_folder import RUNS
from nnrep.records.sweep_table import FAILED, is_sweep_table
from nnrep.records.table import ERROR, differing_columns, read_text, run_columns


def collected(folders: Sequence[Path]) -> pd.DataFrame:
    """All rows of the run folders at and below the given ones, in the order of their paths.

    The table of a sweep is left out where its jobs have theirs; without them, its own runs count.

    Raises:
        UserError: a folder that is not there or holds no runs, a table with other columns or that cannot be
            read, or a run that comes up twice; both places are named.
    """
    tables: list[pd.DataFrame] = []
    place: dict[str, Path] = {}
    for path in [path for folder in folders for path in _tables_in(folder)]:
        rows = runs_of_sweep(path) if is_sweep_table(path) else read_runs(path)
        for run in rows["run_id"]:
            if run in place:
                raise UserError(f"{path}: run {run} is in {place[run]} as well; name only one of the two")
            place[run] = path
        tables.append(rows)
    whole = pd.concat(tables, ignore_index=True)
    return whole.reindex(columns=run_columns(whole.columns)).fillna("")


def _tables_in(folder: Path) -> Iterator[Path]:
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


def runs_of_sweep(path: Path) -> pd.DataFrame:
    """The runs of a sweep's table, without jobs that failed; raises as `read_runs` does."""
    rows = read_text(path)
    return _checked(path, rows[rows["status"] != FAILED].drop(columns=ERROR))


def _checked(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    missing, strange = differing_columns(rows.columns)
    if missing or strange:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has {', '.join(strange)}"] if strange else []
        raise UserError(f"{path}: is no table of runs, or one of another nnrep: it {' and '.join(parts)}")
    # Tables that were made before a force field had a term, or with one that is gone.
    return rows.reindex(columns=run_columns(rows.columns), fill_value="")
