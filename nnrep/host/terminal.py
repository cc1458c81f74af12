"""What the terminal shows: log lines, a progress bar, a closing table."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from nnrep.host.announcement import withdraw
from nnrep.host.progress import NARROW, Pace, long_line, short_line
from nnrep.host.progress import Progress as RunProgress

# One console for log lines and progress, so that they do not write over each other. The closing table
# alone goes to standard output.
CONSOLE = Console(stderr=True)

ENDLESS = 10_000  # columns


class LogHandler(logging.Handler):
    """Log lines above the progress bar, one line a message however narrow the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        withdraw()
        CONSOLE.print(self.format(record), soft_wrap=True, markup=False, highlight=False)


class ProgressBar:
    """A bar of steps with stage and energy; silent where the terminal is not one."""

    def __init__(self, progress: Progress, unit: str, narrow: bool) -> None:
        """Wrap a rich progress display.

        Args:
            progress: the display.
            unit: of energies.
            narrow: whether only what is described is shown.
        """
        self._progress, self._unit, self._narrow, self._pace = progress, unit, narrow, Pace()
        self._task = progress.add_task("preparing", total=None, rest="")

    def describe(self, text: str) -> None:
        """Say what is going on before steps are counted."""
        self._progress.update(self._task, description=text, rest="")

    def count(self, text: str, done: int, total: int) -> None:
        """Show steps of some other work."""
        shown = f"{text} {done}/{total}" if self._narrow else text
        self._progress.update(
            self._task, description=shown, completed=done, total=total, rest=f"{done}/{total}"
        )

    def update(self, seen: RunProgress) -> None:
        """Show where a minimisation stands."""
        left = self._pace.seconds_left(seen)
        wide = f"{seen.stage} ({seen.running} running)"
        self._progress.update(
            self._task,
            description=short_line(seen, self._unit, left) if self._narrow else wide,
            completed=seen.stage_steps,
            total=seen.stage_limit or None,
            rest=long_line(seen, self._unit, left),
        )


_hidden: list[bool] = []


def hide_progress() -> None:
    """Show no progress in this process, a worker, whose terminal is its parent's."""
    _hidden[:] = [True]


def vanishing(*columns: ProgressColumn, quiet: bool = False) -> Progress:
    """A display that is gone when its work is done; silent where the terminal is not one."""
    withdraw()
    silent = quiet or bool(_hidden) or not CONSOLE.is_terminal
    return Progress(*columns, console=CONSOLE, transient=True, disable=silent)


@contextmanager
def job_bar(total: int) -> Iterator[Callable[[], None]]:
    """A bar of the jobs of a sweep; what it gives counts one more as finished."""
    columns = (TextColumn("jobs"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with vanishing(*columns) as progress:
        task = progress.add_task("jobs", total=total)
        yield lambda: progress.advance(task)


@contextmanager
def progress_bar(unit: str = "", quiet: bool = False) -> Iterator[ProgressBar]:
    """A progress bar that vanishes when its work is done.

    Args:
        unit: of energies.
        quiet: show nothing, as another bar is shown.
    """
    narrow = CONSOLE.width < NARROW
    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False)]
    if not narrow:
        columns += [
            BarColumn(bar_width=16),
            TextColumn("{task.fields[rest]}", markup=False),
            TimeElapsedColumn(),
        ]
    with vanishing(*columns, quiet=quiet) as progress:
        yield ProgressBar(progress, unit, narrow)


def print_line(text: str) -> None:
    """Print a line to standard output, which nothing folds."""
    withdraw()
    print(text)


def print_table(table: Table) -> None:
    """Print a table to standard output; no row is folded or cut, however narrow the terminal."""
    console = Console(width=ENDLESS)
    with console.capture() as printed:
        console.print(table)
    print("\n".join(line.rstrip() for line in printed.get().splitlines()))


def printable(text: str) -> str:
    """A unit as standard output can show it: A for Å where it must."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return text.replace("Å", "A")
    return text


def show_log() -> None:
    """Send log lines to the terminal, where Hydra does not."""
    if not log().handlers:
        log().addHandler(LogHandler())
    log().setLevel(logging.INFO)


def log() -> logging.Logger:
    """The logger of the command line."""
    return logging.getLogger("nnrep")
