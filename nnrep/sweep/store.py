"""The runs of a sweep on disk: a table, where they ended, and how they went there."""

import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from nnrep.errors import UserError
from nnrep.host.cache import write_whole
from nnrep.minimization import Status
from nnrep.records.collect import read_runs
from nnrep.records.run_folder import RUNS
from nnrep.records.table import TIMES, run_columns

POSITIONS, HISTORIES = "positions", "histories"
MOST_KEPT = 500  # rows of a run's history
AGAIN = "cannot be read ({}); remove it, and resume=true makes the run again"
# Columns that every run has a number in.
NUMBERS = ["seed", "n", "energy", "steps_coarse", "steps_fine", *TIMES]


class RunStore:
    """A table of runs, rewritten whole after every run: a killed sweep keeps what was finished.

    Attributes:
        folder: where.
        path: of the table in it.
        order: the names of all runs of the sweep, as the table has them in the end.
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
        self._place = {run: place for place, run in enumerate(order)}
        self._keep_positions, self._keep_histories = keep_positions, keep_histories
        self._rows: dict[str, pd.Series] = {}
        self._lines: dict[str, str] = {}  # of the table as it was written last
        self._columns: list[str] = []  # of these lines
        folder.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            return
        held = read_runs(self.path)
        _check_numbers(self.path, held)
        for _, row in held.iterrows():
            if row["run_id"] not in self._place:
                reason = "holds runs of other settings or seeds"
                raise UserError(f"{self.path}: {reason} ({row['run_id']}); choose another results_dir")
            if self._is_whole(row):
                self._rows[row["run_id"]] = row

    def _is_whole(self, row: pd.Series) -> bool:
        ended = row["status"] != Status.interrupted.name
        wanted = [self._positions_path] * self._keep_positions + [self._history_path] * self._keep_histories
        return ended and all(path(row["run_id"]).exists() for path in wanted)

    def done(self) -> set[str]:
        """The names of the finished runs."""
        return set(self._rows)

    def versions(self) -> set[str]:
        """What the finished runs were made by."""
        return {row["versions"] for row in self._rows.values()}

    def structures(self) -> set[tuple[str, str]]:
        """Names and hashes of the structures of the finished runs."""
        return {(row["structure"], row["structure_hash"]) for row in self._rows.values() if row["structure"]}

    def add(self, rows: pd.DataFrame, positions: np.ndarray, histories: pd.DataFrame) -> None:
        """Take finished runs, with positions (s, n, d) and the history of all, and write them."""
        for (_, row), seed, final in zip(as_text(rows).iterrows(), rows["seed"], positions, strict=True):
            if self._keep_positions:
                self._write_positions(row["run_id"], final)
            if self._keep_histories:
                self._write_history(row["run_id"], histories[histories["seed"] == seed])
            self._rows[row["run_id"]] = row
            self._lines.pop(row["run_id"], None)
        self.write()

    def write(self) -> None:
        """Write the table, in the sweep's order. Lines are kept: tables of thousands of runs grow by one."""
        new = {run: self._rows[run] for run in self._rows.keys() - self._lines.keys()}
        columns = run_columns([*self._columns, *(name for row in new.values() for name in row.index)])
        if columns != self._columns:
            self._columns, new = columns, self._rows
        self._lines |= {run: self._csv(row) for run, row in new.items()}
        names = sorted(self._lines, key=self._place.__getitem__)
        header = pd.DataFrame(columns=self._columns).to_csv(index=False)
        write_whole(self.path, (header + "".join(map(self._lines.__getitem__, names))).encode())

    def _csv(self, row: pd.Series) -> str:
        return pd.DataFrame([row], columns=self._columns).to_csv(index=False, header=False)

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
        self._positions_path(run).parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._positions_path(run), content.getvalue())

    def _write_history(self, run: str, history: pd.DataFrame) -> None:
        kept = thinned(history.drop(columns="seed"), MOST_KEPT)
        self._history_path(run).parent.mkdir(parents=True, exist_ok=True)
        text = kept.to_csv(index=False, float_format="%.7g")
        # Without a time in it, the same history is the same file.
        write_whole(self._history_path(run), gzip.compress(text.encode(), mtime=0))


def thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows, evenly spaced, with the first and the last one."""
    if len(rows) <= most:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, most).round().astype(int)]


def _check_numbers(path: Path, rows: pd.DataFrame) -> None:
    """Raise `UserError` where a table in text has no number in a place that needs one."""
    for name in NUMBERS:
        for run, text in zip(rows["run_id"], rows[name], strict=True):
            try:
                float(text)
            except ValueError as error:
                raise UserError(f"{path}: {name} of {run} is no number: '{text}'; remove its line") from error


def as_text(rows: pd.DataFrame) -> pd.DataFrame:
    """A table as it is read back from its file: what was resumed and what was not are then the same."""
    return pd.read_csv(io.StringIO(rows.to_csv(index=False)), dtype=str, keep_default_na=False)
