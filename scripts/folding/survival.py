"""Times until searches fold: Kaplan and Meier's curve, medians, and two arms beside each other.

A search that ended without folding is censored: it is known to take longer than it was watched, no more.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import stats

from nnrep.figures.analysis.statistics import CONFIDENCE

HALF = 0.5
ROUNDING = 1e-9
RESAMPLES = 2000
# Of fewer searches even the first and the last time bound a median at less than 95 %: the first one is below
# it with a probability of 1 - 2^-k.
FEWEST = 6
SEED = 0  # of resampling: the same tables give the same report


class Times(NamedTuple):
    """Of the searches of an arm, in one measure.

    Attributes:
        time: (k,) at which each folded, or to which it was watched.
        folded: (k,) which it is.
    """

    time: np.ndarray
    folded: np.ndarray

    @property
    def known_to(self) -> float:
        """To which time the arm is known: the last of a search at which more than half of all are known.

        A search is known once it has folded, and as long as it is still watched: a single one that is watched
        for longer than the others says nothing of their median. Infinite where all searches folded, as no
        more can be learnt.
        """
        if np.all(self.folded):
            return np.inf
        return float(max(time for time in self.time if 2 * sum(self.known(time)) > len(self.time)))

    @property
    def watched_to(self) -> float:
        """To which time any of the searches is known; infinite where all folded."""
        return float(np.max(self.time)) if not np.all(self.folded) else np.inf

    def known(self, limit: float) -> tuple[int, int]:
        """How many searches have folded by a limit, and how many others are still watched there."""
        by_limit = self.until(limit)
        watched = ~by_limit.folded & (by_limit.time >= limit)
        return int(by_limit.folded.sum()), int(watched.sum())

    def until(self, limit: float) -> "Times":
        """The same, watched to a limit at most."""
        return Times(np.minimum(self.time, limit), self.folded & (self.time <= limit))


def known_in_words(folded: int, watched: int) -> str:
    """What `Times.known` says."""
    return f"{folded} folded, {watched} still watched"


class Estimate(NamedTuple):
    """A value and its interval; an infinite one was not reached."""

    value: float
    low: float
    high: float


class Compared(NamedTuple):
    """Two arms.

    Attributes:
        limit: to which searches of both are watched, for the test; infinite where all of both folded.
        chance: two-sided p of the log-rank test; NaN where nothing folded.
        sooner: whether more searches of the first folded than the test expects of equal arms.
        ratio: of the median of the first to that of the second. Where one was not reached, the value is NaN
            and the interval says what is known: it is above the time to which its arm is known.
    """

    limit: float
    chance: float
    sooner: bool
    ratio: Estimate


def curve(times: Times) -> "stats._result_classes.EmpiricalDistributionFunction":
    """The share of searches that have not folded, after Kaplan and Meier."""
    return stats.ecdf(stats.CensoredData.right_censored(times.time, ~times.folded)).sf


def medians(times: Times) -> np.ndarray:
    """The first time at which Kaplan and Meier's curve is one half or less; infinite where it never is.

    Args:
        times: (..., k); several samples at once.
    """
    # At equal times those that folded come first, as those that were censored then had not folded by then.
    order = np.lexsort((~times.folded, times.time), axis=-1)
    time = np.take_along_axis(times.time, order, axis=-1)
    folded = np.take_along_axis(times.folded, order, axis=-1)
    left = np.arange(time.shape[-1], 0, -1)
    reached = np.cumprod(np.where(folded, 1 - 1 / left, 1.0), axis=-1) <= HALF + ROUNDING
    first = np.take_along_axis(time, np.argmax(reached, axis=-1)[..., None], axis=-1)[..., 0]
    return np.where(reached.any(axis=-1), first, np.inf)


def median(times: Times) -> Estimate:
    """The median with Brookmeyer and Crowley's interval: where that of the curve (log-log) has one half.

    Of fewer than `FEWEST` searches the interval is from zero to infinity.
    """
    value = float(medians(times))
    if len(times.time) < FEWEST:
        return Estimate(value, 0.0, np.inf)
    shares = curve(times)
    inner = shares.probabilities > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of shares of one and zero, which have no interval
        interval = shares.confidence_interval(CONFIDENCE, method="log-log")
    low = np.where(inner, np.nan_to_num(interval.low.probabilities, nan=1.0), 0.0)
    high = np.where(inner, np.nan_to_num(interval.high.probabilities, nan=1.0), 1.0)
    return Estimate(value, _first(shares.quantiles, low <= HALF), _first(shares.quantiles, high < HALF))


def _first(times: np.ndarray, flags: np.ndarray) -> float:
    return float(times[np.argmax(flags)]) if flags.any() else np.inf


def restricted_mean(times: Times, limit: float) -> float:
    """The mean time, where those longer than a finite limit count as the limit: the area below the curve.

    NaN where no search was watched to the limit.
    """
    if not times.watched_to >= limit:  # a limit may be NaN
        return np.nan
    shares = curve(times.until(limit))
    inner = shares.quantiles < limit
    edges = np.array([0.0, *shares.quantiles[inner], limit])
    return float(np.sum(np.diff(edges) * np.array([1.0, *shares.probabilities[inner]])))


def compared(first: Times, second: Times) -> Compared:
    """Two arms: the log-rank test, and the ratio of medians with an interval from resampled searches."""
    limit = min(first.watched_to, second.watched_to)
    one, other = first.until(limit), second.until(limit)
    ratio = _ratio(first, second)
    if not (one.folded.any() or other.folded.any()):
        return Compared(limit, np.nan, False, ratio)
    both = (stats.CensoredData.right_censored(each.time, ~each.folded) for each in (one, other))
    with np.errstate(invalid="ignore"):  # one search is left: the test has no variance
        test = stats.logrank(*both)
    return Compared(limit, float(test.pvalue), bool(test.statistic > 0), ratio)


def _ratio(one: Times, other: Times) -> Estimate:
    random = np.random.default_rng(SEED)
    above, below = (medians(_resampled(each, random)) for each in (one, other))
    known_above, known_below = np.isfinite(above), np.isfinite(below)
    # What a median is at least; all that is known of one that was not reached.
    at_least = np.where(known_above, above, one.known_to)
    least = np.where(known_below, at_least / np.where(known_below, below, 1), 0)
    most = np.where(known_above, above, np.inf) / np.where(known_below, below, other.known_to)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(least, tail, method="lower"), np.quantile(most, 1 - tail, method="higher")
    value = float(medians(one)), float(medians(other))
    known = np.all(np.isfinite(value))
    return Estimate(value[0] / value[1] if known else np.nan, float(low), float(high))


def _resampled(times: Times, random: np.random.Generator) -> Times:
    """(RESAMPLES, k)"""
    picked = random.integers(len(times.time), size=(RESAMPLES, len(times.time)))
    return Times(times.time[picked], times.folded[picked])
