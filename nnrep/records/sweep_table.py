"""The table of a sweep of Hydra's: the rows of all its jobs."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from nnrep.records.run_folder import RUNS
from nnrep.records.table import COLUMNS, ERROR, read_text, run_columns, write_table
from nnrep.structures.file_names import structure_name

FAILED = "failed"  # status of a job that has no runs
PAUSE = 20.0  # from one writing of the table to the next, in times of what it has taken
Row = Mapping[str, str]


class SweepTable:
    """`runs.csv` of a sweep's folder, written whole as jobs end: a killed sweep keeps what was there.

    Rows are text, as they stand in the tables of the jobs. A table of many jobs is not written after each of
    them, so that writing takes a twentieth of the time at most: what it lacks is in the folders of the jobs.

    Attributes:
        folder: of the sweep.
    """

    def __init__(self, folder: Path) -> None:
        """Take up the rows of an earlier command, which stay until their jobs have come up again."""
        self.folder = folder
        self._jobs: dict[int, list[Row]] = {}
        self._earlier = _held(folder / RUNS)
        self._next_s = 0.0  # when it is written again, at the earliest

    def add(self, job: int, folder: Path) -> list[Row]:
        """Take the rows in a job's folder, and write the table before long.

        Returns:
            The rows.

        Raises:
            UserError: the job's table cannot be read.
        """
        self._jobs[job] = _read(folder / RUNS)
        self._write_in_time()
        return self._jobs[job]

    def add_failed(self, job: int, config: DictConfig, reason: str) -> None:
        """Take a row for a job that has no runs, and write the table before long."""
        self._jobs[job] = [failed_row(config, reason)]
        self._write_in_time()

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of the jobs of this command, in their order; the index is the number of the job."""
        return _table(self._own()).set_axis([job for job in sorted(self._jobs) for _ in self._jobs[job]])

    def close(self) -> None:
        """Write the table once all jobs have ended: without rows of earlier commands that none came to.

        Where a job could not be run these stay, as they may be those in its folder.
        """
        if not any(row["status"] == FAILED for row in self._own()):
            self._earlier = []
        self.write()

    def _own(self) -> list[Row]:
        return [row for job in sorted(self._jobs) for row in self._jobs[job]]

    def _write_in_time(self) -> None:
        began = time.monotonic()
        if began >= self._next_s:
            self.write()
            now = time.monotonic()
            self._next_s = now + PAUSE * (now - began)

    def write(self) -> None:
        """Write the table: the rows of this command's jobs, and of an earlier one those that are left."""
        rows = self._own()
        names = {row.get("run_id") for row in rows}
        left = [row for row in self._earlier if row["run_id"] not in names]
        write_table(self.folder / RUNS, _table([*rows, *left]))


def failed_row(config: DictConfig, reason: str) -> Row:
    """The row of a job that has no runs: what is known of it from its configuration, and why."""
    row = {"status": FAILED, ERROR: reason}
    for column in COLUMNS:
        if column.keys:
            values = [OmegaConf.select(config, key, throw_on_resolution_failure=False) for key in column.keys]
            row[column.name] = next((str(value) for value in values if value is not None), "")
    if row["system"] == "protein":
        row["structure"] = structure_name(row["structure_source"] or None)
    return row


def is_sweep_table(path: Path) -> bool:
    """Whether a table is that of a sweep, whose rows are also in the folders of its jobs."""
    try:
        return list(pd.read_csv(path, nrows=0).columns)[-1:] == [ERROR]
    except (ValueError, OSError):  # no table at all: whoever reads it says so
        return False


def _held(path: Path) -> list[Row]:
    """The runs in the table of an earlier command; none if there is no such table."""
    if not (path.exists() and is_sweep_table(path)):
        return []
    return [row for row in _read(path) if row["status"] != FAILED]


def _read(path: Path) -> list[Row]:
    return [{str(name): text for name, text in row.items()} for row in read_text(path).to_dict("records")]


def _table(rows: Iterable[Row]) -> pd.DataFrame:
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame(rows, columns=[*run_columns(names), ERROR], dtype=object).fillna("")
