"""`nnrep collect`: the tables of many runs as one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from nnrep.errors import UserError
from nnrep.records.run_folder import RUNS
from nnrep.records.table import RUN_COLUMNS


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
    return pd.concat(tables, ignore_index=True)


def _tables_in(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder; name folders of runs, or folders above them")
    found = sorted(folder.rglob(RUNS))
    if not found:
        raise UserError(f"{folder}: holds no runs ({RUNS}), nor does any folder below it")
    yield from found


def read_runs(path: Path) -> pd.DataFrame:
    """The rows of a table of runs, text as it stands and empty where it is empty.

    Raises:
        UserError: it cannot be read, or has other columns than `RUN_COLUMNS`.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a readable table ({error})") from error
    missing = [name for name in RUN_COLUMNS if name not in rows.columns]
    strange = [name for name in rows.columns if name not in RUN_COLUMNS]
    if missing or strange:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has {', '.join(strange)}"] if strange else []
        raise UserError(f"{path}: is no table of runs, or one of another nnrep: it {' and '.join(parts)}")
    return rows
