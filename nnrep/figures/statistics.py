"""What can be said from a handful of runs."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from nnrep.figures.figure import Verdict

FEWEST = 5  # runs of each kind, below which nothing is decided
CONFIDENCE = 0.95


class Difference(NamedTuple):
    """A difference of two means, and its confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """As claims quote it."""
        return f"{self.mean:+.4g} (95 %: {self.low:+.4g} to {self.high:+.4g})"


def difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """mean(first) - mean(second) with Welch's interval, which is infinite for fewer than two values."""
    first, second = _finite(first), _finite(second)
    if min(len(first), len(second)) < 2:
        return Difference(float("nan"), -np.inf, np.inf)
    mean = float(first.mean() - second.mean())
    if first.var() + second.var() == 0:
        return Difference(mean, mean, mean)
    interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval(CONFIDENCE)
    return Difference(mean, float(interval.low), float(interval.high))


def lower(first: np.ndarray, second: np.ndarray, margin: float = 0.0) -> tuple[Difference, Verdict]:
    """Whether the mean of the first is lower than that of the second, by more than a margin.

    Holds if the whole interval of the difference says so, fails if it says the contrary, and is undecided
    between, or with fewer than five runs.
    """
    seen = difference(first, second)
    enough = min(len(_finite(first)), len(_finite(second))) >= FEWEST
    if enough and seen.high < -margin:
        return seen, Verdict.holds
    if enough and seen.low > -margin:
        return seen, Verdict.fails
    return seen, Verdict.undecided


def ranks_lower(first: np.ndarray, second: np.ndarray) -> Verdict:
    """Whether the first tend to be lower than the second: Mann and Whitney's test, both ways at 2.5 %."""
    first, second = _finite(first), _finite(second)
    if min(len(first), len(second)) < FEWEST:
        return Verdict.undecided
    level = (1 - CONFIDENCE) / 2
    if stats.mannwhitneyu(first, second, alternative="less").pvalue < level:
        return Verdict.holds
    if stats.mannwhitneyu(first, second, alternative="greater").pvalue < level:
        return Verdict.fails
    return Verdict.undecided


def decide(condition: bool, runs: int) -> Verdict:
    """The verdict on something that is counted, not estimated; undecided with fewer than five runs."""
    if runs < FEWEST:
        return Verdict.undecided
    return Verdict.holds if condition else Verdict.fails


def combined(verdicts: list[Verdict]) -> Verdict:
    """The verdict on a claim of several parts: all hold, or one fails, or it is open."""
    if Verdict.fails in verdicts:
        return Verdict.fails
    return Verdict.holds if verdicts and set(verdicts) == {Verdict.holds} else Verdict.undecided


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    return values[np.isfinite(values)]
