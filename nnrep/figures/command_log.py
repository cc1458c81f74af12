"""The commands that have made the runs of a figure."""

from datetime import datetime
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from nnrep.errors import UserError
from nnrep.figures.result_files import COMMANDS
from nnrep.records.table import read_table, write_table

COMMAND_COLUMNS = ["date", "command", "runs", "wall_s", "workers"]


def log_command(folder: Path, command: str, runs: int, wall_s: float, workers: int) -> None:
    """Add a row to the table of commands."""
    now = f"{datetime.now():%Y-%m-%d %H:%M}"
    values = (now, command, runs, round(wall_s, 1), workers)
    row = dict(zip(COMMAND_COLUMNS, values, strict=True))
    table = pd.concat([read_commands(folder), pd.DataFrame([row])], ignore_index=True)
    write_table(folder / COMMANDS, table)


def read_commands(folder: Path) -> pd.DataFrame:
    """The table of commands; empty if they were killed before they could write it.

    Raises:
        UserError: the table is not what `log_command` wrote.
    """
    path = folder / COMMANDS
    if not path.exists():
        return pd.DataFrame(columns=COMMAND_COLUMNS)
    held = read_table(path)
    if list(held.columns) != COMMAND_COLUMNS or not is_numeric_dtype(held["runs"]):
        raise UserError(f"{path}: is no table of {', '.join(COMMAND_COLUMNS)}; move it away")
    return held
