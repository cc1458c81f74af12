"""`nnrep collect`: the tables of many runs as one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from nnrep.errors import UserError
from nnrep.records.run_folder import RUNS
from nnrep.records.table import differing_columns, run_columns


def collected(folders: Sequence[Path]) -> pd.DataFrame:
    """All rows of the run folders at and below the given ones, in the order of their paths.

    Raises:
        UserError: a folder that is not there or holds no runs, a table with other columns or that cannot be
            read, or a run that comes up twice; both places are named.
    """
    tables: list[pd.DataFrame] = []
    place: dict[str, Path] = {}
    for path in [path for folder in folders for path in _tables_in(folder)]:
        rows = read_runs(path)
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
    if not paths:
        raise UserError(f"{folder}: holds no runs ({RUNS}), nor does any folder below it")
    yield from paths


def read_runs(path: Path) -> pd.DataFrame:
    """The rows of a table of runs, text as it stands and empty where it is empty.

    Raises:
        UserError: it cannot be read, or has other columns than a table of runs.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a readable table ({error})") from error
    missing, strange = differing_columns(rows.columns)
    if missing or strange:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has {', '.join(strange)}"] if strange else []
        raise UserError(f"{path}: is no table of runs, or one of another nnrep: it {' and '.join(parts)}")
    # Tables that were made before a force field had a term, or with one that is gone.
    return rows.reindex(columns=run_columns(rows.columns), fill_value="")
