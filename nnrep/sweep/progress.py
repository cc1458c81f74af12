"""How far a sweep is: a bar, or log lines where there is no terminal."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from nnrep.host.terminal import CONSOLE, log, vanishing
from nnrep.sweep.finished import FinishedRun

SAY_SECONDS = 30.0  # from one log line of a sweep to the next


class SweepBar:
    """Runs done of all, time left, and lowest energies so far; log lines where there is no terminal."""

    def __init__(self, progress: Progress, name: str, total: int, done: int) -> None:
        """Start with what was done before."""
        self._progress, self._name, self._total, self._done = progress, name, total, done
        self._before, self._began, self._said = done, time.monotonic(), time.monotonic()
        self._lowest: dict[str, tuple[float, str]] = {}
        self._task = progress.add_task(name, total=total, completed=done, lowest="", left="")

    def take(self, runs: Sequence[FinishedRun]) -> None:
        """Count finished runs."""
        self._done += len(runs)
        for row in (run.row for run in runs):
            # A protein's energies are its own; loops differ by their potential.
            what, energy = row["structure"] or row["potential"], float(row["energy"])
            if isfinite(energy) and energy < self._lowest.get(what, (float("inf"), ""))[0]:
                self._lowest[what] = (energy, row["reparam"])
        shortly = ", ".join(f"{what} {energy:.4f}" for what, (energy, _) in self._lowest.items())
        left = self._seconds_left()
        shown = f"{int(left // 3600)}:{int(left // 60 % 60):02}:{int(left % 60):02} left"
        self._progress.update(self._task, completed=self._done, lowest=shortly, left=shown)
        if not CONSOLE.is_terminal and time.monotonic() > self._said + SAY_SECONDS:
            self._said = time.monotonic()
            lowest = ", ".join(f"{what} {energy:.5g} ({how})" for what, (energy, how) in self._lowest.items())
            log().info("%s: %d of %d runs, %s, lowest %s", self._name, self._done, self._total, shown, lowest)

    def _seconds_left(self) -> float:
        """At the pace of what was done since the start."""
        pace = (time.monotonic() - self._began) / max(1, self._done - self._before)
        return pace * (self._total - self._done)


@contextmanager
def sweep_bar(name: str, total: int, done: int) -> Iterator[SweepBar]:
    """A progress bar of runs that vanishes when they are done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[lowest]}"),
    )
    with vanishing(*columns) as progress:
        yield SweepBar(progress, name, total, done)
