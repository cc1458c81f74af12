"""The commands that have made the runs of a figure."""

import csv
import io
import time
from datetime import datetime
from pathlib import Path

import pandas as pd

from nnrep.figures.provenance import describe_machine, git_commit
from nnrep.figures.result_files import COMMANDS, read_own
from nnrep.host.text import readable
from nnrep.records.table import write_table

# wall_s: wall time in seconds of all runs of a row together.
COMMAND_COLUMNS = ["date", "command", "runs", "wall_s", "workers", "commit", "machine"]
FIRST_COLUMNS = COMMAND_COLUMNS[:5]  # which tables had before the others came


class CommandLog:
    """The row of a command in the table of commands, kept up to date: one that is killed has its row too.

    After each run the row is written over itself, in one piece; the table is written whole only once, as to
    give a file the name of another takes ten times as long.
    """

    def __init__(self, folder: Path, command: str) -> None:
        """Begin to measure the time; a command that makes no run has no row."""
        self._folder, self._began = folder, time.monotonic()
        self._begun = {"date": f"{datetime.now():%Y-%m-%d %H:%M}", "command": command}
        self._made_on = {"commit": git_commit() or None, "machine": describe_machine()}
        self._earlier = read_commands(folder)
        self._runs = 0
        self._place: int | None = None  # of the row in the file, in bytes

    def add(self, runs: int, workers: int) -> None:
        """Count runs that the command has made; `workers` is how many processes there are."""
        self._runs += runs
        if self._runs == 0:
            return
        path = self._folder / COMMANDS
        if self._place is None:
            write_table(path, self._earlier)
            self._place = path.stat().st_size
        seconds = round(time.monotonic() - self._began, 1)
        row = self._begun | {"runs": self._runs, "wall_s": seconds, "workers": workers} | self._made_on
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row[name] for name in COMMAND_COLUMNS)
        with path.open("r+b") as file:
            file.seek(self._place)
            file.write(readable(line.getvalue()).encode())
            file.truncate()


def read_commands(folder: Path) -> pd.DataFrame:
    """The table of commands; empty if there is none yet.

    Raises:
        UserError: the table is not what `CommandLog` wrote.
    """
    return read_own(folder / COMMANDS, "runs", COMMAND_COLUMNS, FIRST_COLUMNS)
