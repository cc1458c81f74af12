"""The paper's names and colours of the methods and loops, and how their runs and settings are picked.

A diverged run counts as infinitely high, everywhere: a method is not judged by its survivors.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter

from nnrep.minimization import Status

# reparam -> name in the paper.
METHODS = {"none": "GD", "cg": "CG", "gnn": "GNN"}
COLORS = {"none": "tab:orange", "cg": "tab:blue", "gnn": "tab:green"}
LOOPS = {"bond_lj": "Bond+LJ", "pure_lj": "pure LJ"}
FEW_TIMES, FEW_DECADES = 5, 200  # from end to end
SAME = 1e-3  # relative difference of energies that count as one end
# What makes settings of a method distinct. Those that differ in tolerance alone are nearly copies.
DISTINCT = ["modes", "hidden", "learning_rate", "learning_rate_coarse"]


def of_method(table: pd.DataFrame, potential: str, reparam: str) -> pd.DataFrame:
    """The rows of a table of one loop and method."""
    return table[(table["potential"] == potential) & (table["reparam"] == reparam)]


def diverged(runs: pd.DataFrame) -> pd.Series:
    """Which runs diverged."""
    return runs["status"] == Status.diverged.name


def energies_of(runs: pd.DataFrame) -> pd.Series:
    """The energies of runs; infinite where they diverged."""
    return values_of(runs, "energy")


def values_of(runs: pd.DataFrame, column: str) -> pd.Series:
    """A column of runs of which less is better; infinite where they diverged."""
    return runs[column].astype(float).where(~diverged(runs), np.inf)


def distinct_ends(runs: pd.DataFrame) -> int:
    """How many energies runs end at, those within 0.1 % of the next one counted once."""
    energies = np.sort(energies_of(runs).to_numpy())
    finite = energies[np.isfinite(energies)]
    return int(np.sum(np.diff(finite) > SAME * abs(finite[:-1]))) + min(1, len(finite))


def runs_of(runs: pd.DataFrame, setting: pd.Series | None) -> pd.DataFrame:
    """The runs of a setting; none of None."""
    return runs[runs["config_hash"] == ("" if setting is None else setting["config_hash"])]


def typical_run(runs: pd.DataFrame) -> pd.Series:
    """The run of median energy, of an even number the lower of the two; diverged ones are highest."""
    ordered = runs.iloc[np.argsort(energies_of(runs), kind="stable")]
    return ordered.iloc[(len(ordered) - 1) // 2]


def best_setting(summary: pd.DataFrame, potential: str, reparam: str) -> pd.Series | None:
    """The setting of a loop and method of lowest mean energy; None if there is none."""
    return lowest(of_method(summary, potential, reparam))


def lowest(settings: pd.DataFrame) -> pd.Series | None:
    """The setting of lowest mean energy, of equal ones the first, without a diverged run; None if none is."""
    rows = settings[settings["diverged"] == 0].dropna(subset=["energy_mean"])
    return None if rows.empty else rows.sort_values("energy_mean", kind="stable").iloc[0]


def plain_decades(axes: Any) -> None:
    """Plain numbers along a logarithmic x axis that is drawn: all, 1, 2 and 5, or 1 of each decade."""
    low, high = axes.get_xlim()
    subs = range(1, 10) if high < FEW_TIMES * low else (1, 2, 5) if high < FEW_DECADES * low else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def distinct(settings: pd.DataFrame, column: str) -> np.ndarray:
    """A number for every distinct setting: the mean of a column of the summary over its tolerances.

    Infinite if a run of it diverged.
    """
    names = [name for name in DISTINCT if name in settings.columns]
    values = settings[column].where(settings["diverged"] == 0, np.inf)
    groups = [settings[name] for name in names]
    return values.groupby(groups, dropna=False, sort=False).mean().to_numpy(float)
