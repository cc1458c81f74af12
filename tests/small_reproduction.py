"""A reproduction of figure 2 in seconds, and what two of them have in common."""

from pathlib import Path

import pandas as pd

SHORT = ("profile=smoke", "beyond=false", "system.n=30", "system.loop_length=5", "seeds=2", "max_steps=400")
TABLES = ("runs.csv", "summary.csv", "claims.csv", "commands.csv", "REPORT.md")
TINY = (
    *("profile=smoke", "beyond=false", "seeds=2", "max_steps=40"),
    *("reparam=none", "system.force_field=amber14"),
)


def without_times(path: Path) -> pd.DataFrame:
    """A table without what no two sweeps have in common: times, and who computed the modes."""
    table = pd.read_csv(path)
    clocks = [name for name in table if name.startswith("time_") or name == "modes_stored"]
    return table.drop(columns=clocks)


def same_tables(first: Path, second: Path) -> None:
    for name in ("runs.csv", "summary.csv"):
        pd.testing.assert_frame_equal(without_times(first / name), without_times(second / name))
