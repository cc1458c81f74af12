"""What can be said from a handful of runs."""

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from nnrep.figures.claim import Verdict

# Runs of each kind, below which nothing is decided: the exact two-sided p of five of five that agree is
# 2 / 2^5 = 0.06, of six of six 0.03.
FEWEST = 6
CONFIDENCE = 0.95
COPIES_WITHIN = 1e-12

Values = Sequence[float] | np.ndarray | pd.Series


class Difference(NamedTuple):
    """A difference of two means, and its confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """As claims quote it."""
        return f"{self.mean:+.4g} (95 %: {self.low:+.4g} to {self.high:+.4g})"


UNKNOWN = Difference(float("nan"), -np.inf, np.inf)


def refuting_confidence(parts: int) -> float:
    """Of the intervals by which one of several parts refutes a claim: together they err in 5 % of cases.

    This is Bonferroni's correction, and Holm's where one part is enough. A claim that holds needs none, as
    all of its parts hold.

    Args:
        parts: of the claim, all of which it says.
    """
    return 1 - (1 - CONFIDENCE) / parts


def difference(first: Values, second: Values, confidence: float = CONFIDENCE) -> Difference:
    """mean(first) - mean(second) with Welch's interval; unknown with infinite values, or fewer than two."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    if min(len(first), len(second)) < 2 or not np.isfinite([*first, *second]).all():
        return UNKNOWN
    mean = float(first.mean() - second.mean())
    if _is_one(first) and _is_one(second):
        return Difference(mean, mean, mean)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # copies in one group: the other one has the variance
        interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval(confidence)
    return Difference(mean, float(interval.low), float(interval.high))


def deviation(values: Values) -> float:
    """Standard deviation of a sample; NaN of fewer than two values, or of infinite ones."""
    values = np.asarray(values, float)
    known = len(values) > 1 and bool(np.isfinite(values).all())
    return float(values.std(ddof=1)) if known else float("nan")


def difference_from(values: Values, limit: float, confidence: float = CONFIDENCE) -> Difference:
    """mean(values) - limit with Student's interval; unknown with infinite values, or fewer than two."""
    values = np.asarray(values, float)
    if len(values) < 2 or not np.isfinite(values).all():
        return UNKNOWN
    mean = float(values.mean() - limit)
    if _is_one(values):
        return Difference(mean, mean, mean)
    interval = stats.ttest_1samp(values, limit).confidence_interval(confidence)
    return Difference(mean, float(interval.low) - limit, float(interval.high) - limit)


def lower(first: Values, second: Values, parts: int = 1) -> tuple[Difference, Verdict]:
    """Whether the mean of the first is lower than that of the second.

    Args:
        first: numbers.
        second: the same.
        parts: of the claim of which this is one; see `refuting_confidence`.
    """
    runs = min(len(first), len(second))
    return _below_zero(lambda confidence: difference(first, second, confidence), runs, parts)


def below(values: Values, limit: float, parts: int = 1) -> tuple[Difference, Verdict]:
    """Whether the mean of values is below a limit.

    Args:
        values: numbers.
        limit: another.
        parts: of the claim of which this is one; see `refuting_confidence`.
    """
    return _below_zero(lambda confidence: difference_from(values, limit, confidence), len(values), parts)


def _below_zero(interval: Callable[[float], Difference], runs: int, parts: int) -> tuple[Difference, Verdict]:
    """A difference at 95 %, and whether it is below zero; with few runs, open.

    Args:
        interval: of a confidence.
        runs: of the side that has fewer.
        parts: see `refuting_confidence`.
    """
    seen = interval(CONFIDENCE)
    if runs >= FEWEST and seen.high < 0:
        return seen, Verdict.holds
    if runs >= FEWEST and interval(refuting_confidence(parts)).low > 0:
        return seen, Verdict.fails
    return seen, Verdict.undecided


def _is_one(values: np.ndarray) -> bool:
    """Whether values are copies of one, but for rounding."""
    return bool(np.ptp(values) <= COPIES_WITHIN * abs(values).max())


def ranks_lower(first: Values, second: Values) -> Verdict:
    """Whether the first tend to be lower than the second: Mann and Whitney's test, both ways at 2.5 %.

    Args:
        first: a number a run; infinite for one that is worse than all numbers.
        second: the same.
    """
    if min(len(first), len(second)) < FEWEST or np.ptp(np.nan_to_num([*first, *second])) == 0:
        return Verdict.undecided
    level = (1 - CONFIDENCE) / 2
    if stats.mannwhitneyu(first, second, alternative="less").pvalue < level:
        return Verdict.holds
    if stats.mannwhitneyu(first, second, alternative="greater").pvalue < level:
        return Verdict.fails
    return Verdict.undecided


def falls(places: Values, values: Values) -> tuple[float, Verdict]:
    """Whether values tend to fall as places rise: Kendall's rank correlation, and its test at 5 %."""
    places, values = np.asarray(places, float), np.asarray(values, float)
    if len(values) < FEWEST or not np.isfinite([*places, *values]).all() or np.ptp(places) == 0:
        return float("nan"), Verdict.undecided
    tau, chance = stats.kendalltau(places, values)
    if not chance < 1 - CONFIDENCE:
        return float(tau), Verdict.undecided
    return float(tau), Verdict.holds if tau < 0 else Verdict.fails


def differ(groups: Sequence[Values]) -> tuple[float, Verdict]:
    """Whether groups of values are of different distributions: Kruskal and Wallis's test, at 5 %.

    Args:
        groups: of six values each at least, else nothing is decided; empty ones are left out.

    Returns:
        The probability that groups of one distribution differ as much, and the verdict; it never fails, as
        similar groups may still differ.
    """
    groups = [np.asarray(group, float) for group in groups if len(group)]
    values = np.concatenate(groups) if groups else np.zeros(0)
    if len(groups) < 2 or not np.isfinite(values).all() or np.ptp(values) == 0:
        return float("nan"), Verdict.undecided
    chance = float(stats.kruskal(*groups).pvalue)
    decided = chance < 1 - CONFIDENCE and min(map(len, groups)) >= FEWEST
    return chance, Verdict.holds if decided else Verdict.undecided


def most(flags: Sequence[bool], parts: int = 1) -> Verdict:
    """Whether more than half of all runs there could be are flagged: the exact binomial test, at 5 %.

    Args:
        flags: a run each.
        parts: of the claim of which this is one; see `refuting_confidence`.
    """
    count, total = sum(map(bool, flags)), len(flags)
    chance = stats.binomtest(count, total).pvalue if total >= FEWEST else 1.0
    if count > total / 2:
        return Verdict.holds if chance < 1 - CONFIDENCE else Verdict.undecided
    return Verdict.fails if chance < 1 - refuting_confidence(parts) else Verdict.undecided


def decide(condition: bool, runs: int) -> Verdict:
    """The verdict on what is plain to see; undecided with fewer than six runs a setting."""
    if runs < FEWEST:
        return Verdict.undecided
    return Verdict.holds if condition else Verdict.fails


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on several parts: one fails, or one is not tested, or all hold, or it is open.

    Args:
        verdicts: of parts that were tested as such, each with their number; see `refuting_confidence`.
    """
    for verdict in (Verdict.fails, Verdict.not_tested):
        if verdict in verdicts:
            return verdict
    return Verdict.holds if verdicts and set(verdicts) == {Verdict.holds} else Verdict.undecided
