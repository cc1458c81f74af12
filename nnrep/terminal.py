"""What the terminal shows: log lines, a progress bar, a closing table."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pandas as pd

    from nnrep.minimization.run import Progress as RunProgress

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


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """A progress bar that vanishes when its work is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.completed:.0f} steps"),
        TextColumn("{task.fields[energy]}"),
        TimeElapsedColumn(),
    )
    quiet = not CONSOLE.is_terminal
    with Progress(*columns, console=CONSOLE, transient=True, disable=quiet) as progress:
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


def log() -> logging.Logger:
    """The logger of the command line."""
    return logging.getLogger("nnrep")
