"""How runs and settings are picked from tables, and which of their values are compared.

A diverged run counts as infinitely high, everywhere: methods are compared by all of their runs.
"""

from collections.abc import Sized

import numpy as np
import pandas as pd

from nnrep.minimization import Status

TYPICAL = "in the middle by energy (of an even number of runs the lower one of two)"  # as captions say it
SAME_ENERGY = 1e-3  # relative difference of energies that count as one
# What makes settings of a method distinct. Those that differ in tolerance alone are nearly copies.


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


def distinct_energies(runs: pd.DataFrame) -> int:
    """How many final energies runs have, those within 0.1 % of the next one counted once."""
    energies = np.sort(energies_of(runs).to_numpy())
    finite = energies[np.isfinite(energies)]
    return int(np.sum(np.diff(finite) > SAME_ENERGY * abs(finite[:-1]))) + min(1, len(finite))


def runs_of(runs: pd.DataFrame, setting: pd.Series | None) -> pd.DataFrame:
    """The runs of a setting; none of None."""
    return runs[runs["config_hash"] == ("" if setting is None else setting["config_hash"])]


def counts_of(*tables: Sized) -> str:
    """How many runs, or settings, there are of each: "5", or "3 and 18"."""
    return " and ".join(dict.fromkeys(str(len(each)) for each in tables))


def typical_run(runs: pd.DataFrame) -> pd.Series:
    """The run in the middle by energy, of an even number the lower one of two; diverged ones are highest."""
    ordered = runs.iloc[np.argsort(energies_of(runs), kind="stable")]
    return ordered.iloc[(len(ordered) - 1) // 2]


def best_setting(summary: pd.DataFrame, potential: str, reparam: str) -> pd.Series | None:
    """The setting of a loop and method of lowest mean energy; None if there is none."""
    return lowest(of_method(summary, potential, reparam))


def lowest(settings: pd.DataFrame) -> pd.Series | None:
    """The setting of lowest mean energy, of equal ones the first, without a diverged run; None if none is."""
    rows = settings[settings["diverged"] == 0].dropna(subset=["energy_mean"])
    return None if rows.empty else rows.sort_values("energy_mean", kind="stable").iloc[0]
