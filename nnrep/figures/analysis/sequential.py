"""Whether one of two means is lower, by runs that are added in steps until it is decided.

The rule is fixed before the first run: how many runs a side there are at each interim analysis, and at which
level it decides, by Welch's interval of that confidence. They are at a quarter, a half, three quarters and
all of a budget, at the levels of `boundaries`: for large samples all of them together err in 5 % of cases.
"""

import math
from enum import Enum
from typing import NamedTuple

import numpy as np
from scipy import stats

from nnrep.figures.analysis.boundaries import ERROR, drift_for, levels
from nnrep.figures.analysis.statistics import FEWEST, Difference, Values, difference
from nnrep.figures.claim import Verdict

SHARES = (0.25, 0.5, 0.75, 1.0)  # of the budget, at which there is an analysis
POWER_OF_ONE = 0.8  # of one analysis, of the runs by which comparisons give their budgets


class Outcome(Enum):
    """What a comparison of two means has come to."""

    lower = "the first is lower"
    higher = "the first is higher"
    equal = "equal within the margin"
    open = "not decided yet"
    ended = "open: the budget ended"


class Rule(NamedTuple):
    """Fixed before the first run.

    Attributes:
        budget: runs a side at the last analysis.
        margin: a difference that counts as none.
    """

    budget: int
    margin: float

    def analyses(self) -> list[int]:
        """Runs a side at each analysis; never fewer than decide anything."""
        return sorted({max(FEWEST, math.ceil(share * self.budget)) for share in SHARES})

    def levels(self, error: float = ERROR) -> list[float]:
        """The level at which each of them decides, so that all of them together err as seldom as is said."""
        counts = self.analyses()
        return levels([count / counts[-1] for count in counts], error)


class Decision(NamedTuple):
    """Where the rule has come to.

    Attributes:
        outcome: what is decided.
        analysis: the number of the analysis that decided it, or of the last one, from 1; 0 before the first.
        runs: a side, at that analysis.
        level: at which it decides.
        seen: the difference of means, first less second, with the interval of confidence 1 - level.
        rule: that was followed.
    """

    outcome: Outcome
    analysis: int
    runs: int
    level: float
    seen: Difference
    rule: Rule

    @property
    def verdict(self) -> Verdict:
        """On the claim that the first is lower; means that are equal within the margin refute it."""
        known = {Outcome.lower: Verdict.holds, Outcome.higher: Verdict.fails, Outcome.equal: Verdict.fails}
        return known.get(self.outcome, Verdict.undecided)

    def __str__(self) -> str:
        """As claims quote it."""
        mean, low, high = self.seen
        interval = f"{mean:+.4g} ({100 * (1 - self.level):.4g} %: {low:+.4g} to {high:+.4g})"
        runs = f"{self.runs} runs a side of at most {self.rule.budget}"
        place = f"analysis {self.analysis} of {len(self.rule.analyses())}"
        return f"{interval} at {place}, {runs}, margin {self.rule.margin:g}: {self.outcome.value}"


def inflation(power: float) -> float:
    """Runs of a rule of this power, over those of one analysis at 5 % of power 0.8."""
    one = stats.norm.isf(ERROR / 2) + stats.norm.ppf(POWER_OF_ONE)
    return float((drift_for(power, SHARES) / one) ** 2)


def budget_for(power: float, runs: int) -> int:
    """Runs a side at the last analysis.

    Args:
        power: to be had.
        runs: a side, by which one analysis at 5 % would have power 0.8.
    """
    return math.ceil(round(runs * inflation(power), 6))


def decided_in_steps(first: Values, second: Values, rule: Rule, error: float = ERROR) -> Decision:
    """Follow the rule through the analyses that there are runs enough for.

    Args:
        first: values of one side, in the order in which its runs were added.
        second: of the other.
        rule: budget and margin.
        error: of all analyses together.
    """
    counts = rule.analyses()
    runs = min(len(first), len(second))
    decision = Decision(Outcome.open, 0, 0, 0.0, Difference(math.nan, -math.inf, math.inf), rule)
    for number, (count, level) in enumerate(zip(counts, rule.levels(error), strict=True), start=1):
        if count > runs:
            return decision
        seen = difference(_leading(first, count), _leading(second, count), 1 - level)
        decision = Decision(_outcome(seen, rule.margin), number, count, level, seen, rule)
        if decision.outcome is not Outcome.open:
            return decision
    return decision._replace(outcome=Outcome.ended)


def next_analysis(decision: Decision) -> int | None:
    """Runs a side that the next analysis needs; None where there is none."""
    return decision.rule.analyses()[decision.analysis] if decision.outcome is Outcome.open else None


def _leading(values: Values, count: int) -> np.ndarray:
    return np.asarray(values, float)[:count]


def _outcome(seen: Difference, margin: float) -> Outcome:
    if seen.high < 0:
        return Outcome.lower
    if seen.low > 0:
        return Outcome.higher
    return Outcome.equal if -margin < seen.low and seen.high < margin else Outcome.open
