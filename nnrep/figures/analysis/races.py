"""Which of two methods is ahead at one time, and which is first at one energy."""

import numpy as np
import pandas as pd

from nnrep.figures.analysis.histories import before_loop, reached, values_at
from nnrep.figures.analysis.selection import values_of
from nnrep.figures.evidence import Evidence
from nnrep.minimization import Status


def at_equal_time(
    evidence: Evidence, first: pd.DataFrame, second: pd.DataFrame
) -> tuple[float, np.ndarray, np.ndarray]:
    """Energies of two methods' runs when the one that is done first ends, by its median time.

    Args:
        evidence: has their histories.
        first: runs with `time_s`.
        second: the same.

    Returns:
        That time in seconds, and the energies; infinite where a run diverged, NaN where it had no check yet.
    """
    seconds = min(values_of(runs, "time_s").median() for runs in (first, second))
    ours, theirs = (values_at(evidence, runs, "energy", seconds) for runs in (first, second))
    return float(seconds), ours, theirs


def seconds_to_the_others_end(
    evidence: Evidence, first: pd.DataFrame, second: pd.DataFrame, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds until both of each two runs of one seed are as low as the second one ends, but for a margin.

    To the last digit the second would be charged the whole tail of its descent.

    Returns:
        Those of the first and of the second, modes and fit included; infinite where a run is never as low.
    """
    others = second.set_index("seed")
    pairs = [(run, others.loc[run["seed"]]) for _, run in first.iterrows() if run["seed"] in others.index]
    times = [
        [_seconds_to(evidence, run, theirs["energy"] + margin) for run in (ours, theirs)]
        for ours, theirs in pairs
    ]
    ours, theirs = np.array(times, float).reshape(-1, 2).T
    return ours, theirs


def _seconds_to(evidence: Evidence, run: pd.Series, energy: float) -> float:
    if run["status"] == Status.diverged.name:
        return np.inf
    return before_loop(run) + reached(evidence.histories(run["run_id"]), energy)[0]
