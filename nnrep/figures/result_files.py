"""The files of a figure's results, and the runs that a folder holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pandas.api.types import is_numeric_dtype

from nnrep.errors import UserError
from nnrep.figures.comparison import POWER_COLUMNS
from nnrep.figures.figure import Figure
from nnrep.figures.report import REPORT
from nnrep.records.collect import read_runs
from nnrep.records.run_folder import RUNS
from nnrep.records.table import read_table
from nnrep.sweep.failures import FAILURES
from nnrep.sweep.settings import Setting
from nnrep.sweep.store import RunStore

SUMMARY, REPEATS, CLAIMS, COMMANDS = "summary.csv", "repeats.csv", "claims.csv", "commands.csv"
BEYOND, BEYOND_SUMMARY = "beyond.csv", "beyond_summary.csv"
POWER = "power.csv"
TABLES = (POWER, RUNS, SUMMARY, REPEATS, BEYOND, BEYOND_SUMMARY, CLAIMS, FAILURES, COMMANDS)


class Stores(NamedTuple):
    """What a folder holds of a figure's runs, of the repeats, and of what the paper does not have."""

    runs: RunStore
    repeats: RunStore
    beyond: RunStore


def open_stores(
    folder: Path,
    figure: Figure,
    settings: list[Setting],
    repeatable: list[Setting],
    beyond: list[Setting],
) -> Stores:
    """Take up what a folder holds.

    Args:
        folder: of the results, made if need be.
        figure: whose.
        settings: of the figure.
        repeatable: the same, with fresh seeds.
        beyond: settings that the paper does not have.

    Raises:
        UserError: a table cannot be read, or has runs of other settings.
    """
    positions, histories = figure.needs_positions, figure.needs_histories
    fresh = histories or figure.needs_fresh_histories
    return Stores(
        RunStore(folder, run_names(settings), keep_positions=positions, keep_histories=histories),
        RunStore(folder, run_names(repeatable), keep_histories=fresh, table=REPEATS),
        RunStore(folder, run_names(beyond), table=BEYOND),
    )


def read_power(folder: Path) -> pd.DataFrame:
    """Where comparisons stand by the seeds that were added for them; empty where none were.

    Raises:
        UserError: the table cannot be read.
    """
    return read_own(folder / POWER, "power", POWER_COLUMNS)


def read_own(path: Path, number: str, columns: list[str], earlier: Sequence[str] = ()) -> pd.DataFrame:
    """A table that a reproduction keeps; empty where there is none.

    Args:
        path: of the table.
        number: a column of numbers.
        columns: those that it has.
        earlier: those that it had once; the others are then empty.

    Raises:
        UserError: the table cannot be read, or has other columns.
    """
    if not path.exists():
        return pd.DataFrame(columns=columns)
    held = read_table(path)
    known = list(held.columns) in (columns, list(earlier))
    if not known or not (held.empty or is_numeric_dtype(held[number])):  # without values it has no type
        raise UserError(f"{path}: is no table of {', '.join(columns)}; move it away")
    return held.reindex(columns=columns)


def fresh_seeds_held(folder: Path, first: int) -> int:
    """How many fresh seeds of a setting the folder has at most, the first of them included."""
    path = folder / REPEATS
    seeds = read_runs(path)["seed"].tolist() if path.exists() else []
    known = [int(seed) - first for seed in seeds if str(seed).isdecimal()]
    return 1 + max([*known, -1])


def run_names(settings: list[Setting]) -> list[str]:
    """The names of all runs of settings."""
    return [setting.run_id(seed) for setting in settings for seed in setting.seeds]


def files_of(figure: Figure) -> tuple[str, ...]:
    """The names of the files by which results of a figure are known."""
    return (*TABLES, REPORT, f"{figure.name}.png", f"{figure.name}.pdf")
