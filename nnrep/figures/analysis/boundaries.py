"""At which levels analyses of growing data may test, so that all of them together err in 5 % of cases.

An analysis at the share t of all runs has a statistic z; z sqrt(t) is a Brownian motion in the time t for
large samples, with a drift where the means differ. The error spent by the time t is given, by the spending
function of O'Brien and Fleming (Lan and DeMets, Biometrika 70, 659, 1983): 2 - 2 Phi(z / sqrt(t)) on each
side, z the two-sided quantile of its half of the error. Boundaries follow one by one from the density of the
motion that has not crossed those before (Armitage, McPherson and Rowe, J. R. Stat. Soc. A 132, 235, 1969).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from nnrep.figures.analysis.statistics import CONFIDENCE

ERROR = 1 - CONFIDENCE  # of all analyses together, both sides, where no other is asked for
NODES = 64  # of the quadrature between two boundaries: digits beyond 1e-8 do not change
FAR = 12.0  # no boundary is beyond


class _Motion(NamedTuple):
    """A Brownian motion that has not crossed a boundary yet: its density, as a quadrature.

    Attributes:
        places: nodes.
        weights: of the nodes, density included.
    """

    places: np.ndarray
    weights: np.ndarray

    def beyond(self, limit: float, gap: float, drift: float) -> tuple[float, float]:
        """The probabilities to be below -limit and above limit a time later."""
        ends, spread = self.places + drift * gap, math.sqrt(gap)
        below = self.weights @ stats.norm.cdf((-limit - ends) / spread)
        return float(below), float(self.weights @ stats.norm.sf((limit - ends) / spread))

    def within(self, limit: float, gap: float, drift: float) -> "_Motion":
        """What is between -limit and limit a time later."""
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        steps = limit * nodes - (self.places + drift * gap)[:, None]
        density = self.weights @ stats.norm.pdf(steps, scale=math.sqrt(gap))
        return _Motion(limit * nodes, limit * weights * density)


_BEGINNING = _Motion(np.zeros(1), np.ones(1))


def spent(share: float, error: float = ERROR) -> float:
    """How much of an error is spent by a share of the runs, both sides."""
    return float(4 * stats.norm.sf(stats.norm.isf(error / 4) / math.sqrt(share)))


@lru_cache
def critical_values(shares: tuple[float, ...], error: float = ERROR) -> tuple[float, ...]:
    """Beyond which |z| each analysis tells means apart.

    Args:
        shares: of all runs, at which there are analyses; they rise to 1.
        error: of all analyses together, both sides.
    """
    motion, before, limits = _BEGINNING, 0.0, []
    for share in shares:
        spends = spent(share, error) - (spent(before, error) if before else 0.0)
        gap, now = share - before, motion
        limit = brentq(lambda at, now=now, gap=gap, more=spends: sum(now.beyond(at, gap, 0.0)) - more, 0, FAR)
        motion, before = now.within(limit, gap, 0.0), share
        limits.append(limit / math.sqrt(share))
    return tuple(limits)


def levels(shares: Sequence[float], error: float = ERROR) -> list[float]:
    """The two-sided level of each analysis, by the error of all of them together."""
    return [float(2 * stats.norm.sf(limit)) for limit in critical_values(tuple(shares), error)]


def power(shares: Sequence[float], drift: float) -> float:
    """The probability that an analysis tells means apart, the right way around.

    Args:
        shares: of all runs, at which there are analyses.
        drift: the mean of z at the last of them, above zero.
    """
    motion, before, found = _BEGINNING, 0.0, 0.0
    for share, limit in zip(shares, critical_values(tuple(shares)), strict=True):
        gap, place = share - before, limit * math.sqrt(share)
        found += motion.beyond(place, gap, drift)[1]
        motion, before = motion.within(place, gap, drift), share
    return found


@lru_cache
def drift_for(wanted: float, shares: tuple[float, ...]) -> float:
    """The mean of z at the last analysis by which the power is as wanted."""
    return float(brentq(lambda drift: power(shares, drift) - wanted, 0, FAR))
