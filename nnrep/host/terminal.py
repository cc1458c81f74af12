"""What the terminal shows: log lines, a progress bar, a closing table."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pandas as pd

    from nnrep.minimization.progress import Progress as RunProgress

# One console for log lines and progress, so that they do not write over each other. The closing table
# alone goes to standard output.
CONSOLE = Console(stderr=True)

ENDLESS = 10_000  # columns

# Column of the closing table -> column of the table of runs, and its form.
TABLE_COLUMNS = {
    "seed": ("seed", "{}"),
    "status": ("status", "{}"),
    "energy": ("energy", "{:.6g}"),
    "bonds": ("bond_fraction", "{:.2f}"),
    "contacts": ("contact_fraction", "{:.2f}"),
    "OpenMM's": ("energy_openmm", "{:.6g}"),
    "RMSD CA": ("rmsd_ca", "{:.2f} A"),
    "all": ("rmsd_all", "{:.2f} A"),
    "coarse": ("steps_coarse", "{}"),
    "fine": ("steps_fine", "{}"),
    "minimise": ("time_minimize_s", "{:.2f} s"),
    "total": ("time_total_s", "{:.1f} s"),
}


class LogHandler(logging.Handler):
    """Log lines above the progress bar, one line a message however narrow the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        CONSOLE.print(self.format(record), soft_wrap=True, markup=False, highlight=False)


class ProgressBar:
    """A bar of steps with stage and energy; silent where the terminal is not one."""

    def __init__(self, progress: Progress) -> None:
        """Wrap a rich progress display."""
        self._progress = progress
        self._task = progress.add_task("preparing", total=None, energy="")

    def describe(self, text: str) -> None:
        """Say what is going on before steps are counted."""
        self._progress.update(self._task, description=text)

    def count(self, text: str, done: int, total: int) -> None:
        """Show steps of some other work."""
        self._progress.update(self._task, description=text, completed=done, total=total)

    def update(self, seen: "RunProgress") -> None:
        """Show where a minimisation stands."""
        self._progress.update(
            self._task,
            description=f"{seen.stage} ({seen.running} running)",
            completed=seen.steps,
            total=seen.steps_limit or None,
            energy=f"energy {seen.energy:.6g}" if isfinite(seen.energy) else "",
        )


SAY_SECONDS = 30.0  # from one log line of a sweep to the next


class SweepBar:
    """Runs done of all, time left, and lowest energies so far; log lines where there is no terminal."""

    def __init__(self, progress: Progress, name: str, total: int, done: int) -> None:
        """Start with what was done before."""
        self._progress, self._name, self._total, self._done = progress, name, total, done
        self._before, self._began, self._said = done, time.monotonic(), time.monotonic()
        self._lowest: dict[str, tuple[float, str]] = {}
        self._task = progress.add_task(name, total=total, completed=done, lowest="", left="")

    def take(self, rows: "pd.DataFrame") -> None:
        """Count finished runs, a row each."""
        self._done += len(rows)
        # A protein's energies are its own; loops differ by their potential.
        whose = rows["potential"].where(rows["structure"].isna(), rows["structure"])
        for what, energy, how in zip(whose, rows["energy"], rows["reparam"], strict=True):
            if isfinite(energy) and energy < self._lowest.get(what, (float("inf"), ""))[0]:
                self._lowest[what] = (energy, how)
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


def _vanishing(*columns: ProgressColumn, quiet: bool = False) -> Progress:
    """A display that is gone when its work is done; silent where the terminal is not one."""
    return Progress(*columns, console=CONSOLE, transient=True, disable=quiet or not CONSOLE.is_terminal)


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
    with _vanishing(*columns) as progress:
        yield SweepBar(progress, name, total, done)


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[ProgressBar]:
    """A progress bar that vanishes when its work is done; quiet where another one is shown."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.completed:.0f} steps"),
        TextColumn("{task.fields[energy]}"),
        TimeElapsedColumn(),
    )
    with _vanishing(*columns, quiet=quiet) as progress:
        yield ProgressBar(progress)


def show_table(rows: "pd.DataFrame", title: str) -> None:
    """Print the closing table of a run."""
    table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 1))
    shown = {name: form for name, form in TABLE_COLUMNS.items() if rows[form[0]].notna().any()}
    for name in shown:
        table.add_column(name, justify="left" if name == "status" else "right", no_wrap=True)
    for _, row in rows.iterrows():
        table.add_row(*(form.format(row[column]) for column, form in shown.values()))
    print_table(table)


MOST_MODES_SHOWN = 12


def show_modes(rows: "pd.DataFrame", title: str) -> None:
    """Print the first rows of a table of modes."""
    table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 1))
    forms = {"mode": "{}", "eigenvalue": "{:.4g}", "weight": "{:.4g}", "participation": "{:.2f}"}
    for name in forms:
        table.add_column(name, justify="right", no_wrap=True)
    for _, row in rows.head(MOST_MODES_SHOWN).iterrows():
        table.add_row(*(form.format(row[name]) for name, form in forms.items()))
    if len(rows) > MOST_MODES_SHOWN:
        table.add_row("...", f"{len(rows)} in all")
    print_table(table)


def print_table(table: Table) -> None:
    """Print a table to standard output; what is not a terminal has no width, and nothing is folded there."""
    console = Console()
    if console.is_terminal:
        console.print(table)
        return
    plain = Console(width=ENDLESS)
    with plain.capture() as printed:
        plain.print(table)
    print("\n".join(line.rstrip() for line in printed.get().splitlines()))


def show_log() -> None:
    """Send log lines to the terminal, where Hydra does not."""
    if not log().handlers:
        log().addHandler(LogHandler())
    log().setLevel(logging.INFO)


def log() -> logging.Logger:
    """The logger of the command line."""
    return logging.getLogger("nnrep")
