"""The commands that have made the runs of a figure."""

import time
from datetime import datetime
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from nnrep.errors import UserError
from nnrep.figures.provenance import describe_machine, git_commit
from nnrep.figures.result_files import COMMANDS
from nnrep.records.table import read_table, write_table

# wall_s: wall time in seconds of all runs of a row together.
COMMAND_COLUMNS = ["date", "command", "runs", "wall_s", "workers", "commit", "machine"]
FIRST_COLUMNS = COMMAND_COLUMNS[:5]  # which tables had before the others came


class CommandLog:
    """The row of a command in the table of commands, kept up to date: one that is killed has its row too."""

    def __init__(self, folder: Path, command: str) -> None:
        """Begin to measure the time; a command that makes no run has no row."""
        self._folder, self._began = folder, time.monotonic()
        self._begun = {"date": f"{datetime.now():%Y-%m-%d %H:%M}", "command": command}
        self._made_on = {"commit": git_commit() or None, "machine": describe_machine()}
        self._earlier = read_commands(folder).to_dict("records")
        self._runs = 0

    def add(self, runs: int, workers: int | None = None) -> None:
        """Count runs that the command has made; `workers` is how many processes there were, once known."""
        self._runs += runs
        if self._runs == 0:
            return
        seconds = round(time.monotonic() - self._began, 1)
        made = {"runs": self._runs, "wall_s": seconds, "workers": workers}
        rows = [*self._earlier, self._begun | made | self._made_on]
        write_table(self._folder / COMMANDS, pd.DataFrame(rows, columns=COMMAND_COLUMNS))


def read_commands(folder: Path) -> pd.DataFrame:
    """The table of commands; empty if there is none yet.

    Raises:
        UserError: the table is not what `CommandLog` wrote.
    """
    path = folder / COMMANDS
    if not path.exists():
        return pd.DataFrame(columns=COMMAND_COLUMNS)
    held = read_table(path)
    known = list(held.columns) in (COMMAND_COLUMNS, FIRST_COLUMNS)
    if not known or not is_numeric_dtype(held["runs"]):
        raise UserError(f"{path}: is no table of {', '.join(COMMAND_COLUMNS)}; move it away")
    return held.reindex(columns=COMMAND_COLUMNS)
