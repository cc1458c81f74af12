"""What is read off the histories of runs: when they reach an energy, and their values at a time."""

import numpy as np
import pandas as pd

from nnrep.figures.analysis.selection import diverged
from nnrep.figures.evidence import Evidence

HISTORY_PRECISION = 1e-6  # relative; histories are kept with seven digits


def before_loop(run: pd.Series) -> float:
    """Seconds that a run spends before its loop: slow modes computed afresh, and the fit."""
    return float(run["time_modes_fresh_s"] + run["time_fit_s"])


def reached(history: pd.DataFrame, energy: float) -> tuple[float, float]:
    """Seconds in the loop, and steps, until a history is first as low as an energy; infinite if never."""
    low = history["energy"].to_numpy() <= energy + HISTORY_PRECISION * abs(energy)
    if not low.any():
        return np.inf, np.inf
    first = history.iloc[int(np.argmax(low))]
    return float(first["time_s"]), float(first["step"])


def at_time(history: pd.DataFrame, column: str, seconds: float) -> float:
    """A column of a history at a time in the loop; NaN before the first check, in the end the last value."""
    past = history[history["time_s"] <= seconds]
    return float(past[column].iloc[-1]) if len(past) else float("nan")


def values_at(evidence: Evidence, runs: pd.DataFrame, column: str, seconds: float) -> np.ndarray:
    """A column of each run's history after so many seconds, modes and fit included.

    Infinite if the run diverged; NaN if it had not come to its first check.
    """
    values = []
    for _, run in runs.iterrows():
        history = evidence.histories(run["run_id"])
        values.append(at_time(history, column, seconds - before_loop(run)))
    return np.where(diverged(runs), np.inf, np.array(values, float))
