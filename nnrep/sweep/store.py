"""The runs of a sweep on disk: a table, where they ended, and how they went there."""

import csv
import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from nnrep.errors import UserError
from nnrep.host.cache import write_whole
from nnrep.minimization import Status
from nnrep.records.collect import runs_one_by_one
from nnrep.records.run_folder import RUNS
from nnrep.records.table import TIMES, run_columns
from nnrep.sweep.finished import FinishedRun, Keep

POSITIONS, HISTORIES = "positions", "histories"
AGAIN = "cannot be read ({}); remove it, and resume=true makes the run again"
# Columns that every run has a number in.
NUMBERS = ["seed", "n", "energy", "steps_coarse", "steps_fine", *TIMES]


class RunStore:
    """A table of runs to which each run is added as it ends: a killed sweep keeps what was finished.

    Rows are appended as they come, in constant time; `write` puts them into the sweep's order. A line that a
    crash has torn is left out when the table is read, and its run is made again.

    Attributes:
        folder: where.
        path: of the table in it.
        order: the names of all runs of the sweep, as the table has them in the end.
        keep: what is kept of a run beside its row.
    """

    def __init__(
        self,
        folder: Path,
        order: Sequence[str],
        *,
        keep_positions: bool = False,
        keep_histories: bool = False,
        table: str = RUNS,
    ) -> None:
        """Take up what the folder holds.

        Raises:
            UserError: its table cannot be read, or has runs that are not of this sweep.
            OSError: the folder cannot be made.
        """
        self.folder, self.path, self.order = folder, folder / table, list(order)
        self.keep = Keep(keep_positions, keep_histories)
        self._place = {run: place for place, run in enumerate(order)}
        self._columns = run_columns()
        self._lines: dict[str, str] = {}  # run -> its line of the table
        self._versions: set[str] = set()
        self._structures: set[tuple[str, str]] = set()
        self._is_ours = False  # whether lines can be appended to the file as it is
        folder.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            return
        self._columns, held = runs_one_by_one(self.path)
        for row in held:
            _check_numbers(self.path, row)
            if row["run_id"] not in self._place:
                reason = "holds runs of other settings or seeds"
                raise UserError(f"{self.path}: {reason} ({row['run_id']}); choose another results_dir")
            if self._is_whole(row):
                self._take(row)

    def _is_whole(self, row: Mapping) -> bool:
        ended = row["status"] != Status.interrupted.name
        wanted = [self._positions_path] * self.keep.positions + [self._history_path] * self.keep.histories
        return ended and all(path(row["run_id"]).exists() for path in wanted)

    def _take(self, row: Mapping[str, str]) -> str:
        """Take a row; its line."""
        line = _line(row.get(name, "") for name in self._columns)
        self._lines[row["run_id"]] = line
        self._versions.add(row["versions"])
        if row["structure"]:
            self._structures.add((row["structure"], row["structure_hash"]))
        return line

    def done(self) -> set[str]:
        """The names of the finished runs."""
        return set(self._lines)

    def versions(self) -> set[str]:
        """What the finished runs were made by."""
        return self._versions

    def structures(self) -> set[tuple[str, str]]:
        """Names and hashes of the structures of the finished runs."""
        return self._structures

    def add(self, runs: Iterable[FinishedRun]) -> None:
        """Take finished runs, and write them: their rows last, so that a run with a row is whole."""
        lines = []
        for run in runs:
            name = run.row["run_id"]
            if run.positions is not None:
                self._write_positions(name, run.positions)
            if run.history is not None:
                self._write(self._history_path(name), run.history)
            if run.row.keys() - self._columns:
                self._widen(run.row)
            lines.append(self._take(run.row))
        if not self._is_ours:
            self.write()
            return
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write("".join(lines))

    def _widen(self, names: Iterable[str]) -> None:
        """Give all lines the columns of an energy term that no run has had yet."""
        before, self._columns = self._columns, run_columns([*self._columns, *names])
        for run, line in self._lines.items():
            row = dict(zip(before, next(csv.reader([line])), strict=True))
            self._lines[run] = _line(row.get(name, "") for name in self._columns)
        self._is_ours = False

    def write(self) -> None:
        """Write the table whole, in the sweep's order."""
        names = sorted(self._lines, key=self._place.__getitem__)
        lines = (_line(self._columns), *map(self._lines.__getitem__, names))
        write_whole(self.path, b"".join(line.encode() for line in lines))
        self._is_ours = True

    def positions(self, run: str) -> np.ndarray:
        """Where a run ended, (n, d).

        Raises:
            UserError: its file cannot be read.
        """
        path = self._positions_path(run)
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{path}: {AGAIN.format(error)}") from error

    def history(self, run: str) -> pd.DataFrame:
        """How a run went: stage, step, time_s, energy, gradient_norm and the system's measures.

        Raises:
            UserError: its file cannot be read.
        """
        path = self._history_path(run)
        try:
            return pd.read_csv(path)
        except (OSError, ValueError, EOFError, zlib.error) as error:
            raise UserError(f"{path}: {AGAIN.format(error)}") from error

    def _positions_path(self, run: str) -> Path:
        return self.folder / POSITIONS / f"{run}.npy"

    def _history_path(self, run: str) -> Path:
        return self.folder / HISTORIES / f"{run}.csv.gz"

    def _write_positions(self, run: str, positions: np.ndarray) -> None:
        content = io.BytesIO()
        np.save(content, positions)
        self._write(self._positions_path(run), content.getvalue())

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)


def _line(values: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _check_numbers(path: Path, row: Mapping[str, str]) -> None:
    """Raise `UserError` where a row in text has no number in a place that needs one."""
    for name in NUMBERS:
        try:
            float(row[name])
        except ValueError as error:
            reason = f"{name} of {row['run_id']} is no number: '{row[name]}'; remove its line"
            raise UserError(f"{path}: {reason}") from error
