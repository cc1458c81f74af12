"""Two settings that a figure compares, by seeds that are added until it is decided: `power=0.8`."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from nnrep.errors import UserError
from nnrep.figures.analysis.selection import values_of
from nnrep.figures.analysis.sequential import (
    SHARES,
    Decision,
    Rule,
    budget_for,
    decided_in_steps,
    levels_in_percent,
    next_analysis,
)
from nnrep.figures.analysis.statistics import Values, lower
from nnrep.figures.claim import Verdict
from nnrep.figures.evidence import Evidence

POWER_COLUMNS = [
    *("comparison", "power", "budget", "margin", "analyses", "analysis", "runs a side", "level"),
    *("difference", "from", "to", "outcome"),
]


class Comparison(NamedTuple):
    """Two settings, of which the first is said to be lower.

    Attributes:
        name: by which claims find its decision.
        first: hash of a setting.
        second: hash of another.
        budget: fresh seeds a side at most, for power 0.8.
        margin: a difference that counts as none.
        column: of the table of runs, of which less is better.
    """

    name: str
    first: str
    second: str
    budget: int
    margin: float
    column: str = "energy"


def decisions_of(
    comparisons: Sequence[Comparison], repeats: pd.DataFrame, power: float
) -> dict[str, Decision]:
    """Where every comparison stands, by its name.

    Args:
        comparisons: of a figure.
        repeats: runs with fresh seeds.
        power: of the budgets.
    """
    return {each.name: _decided(each, repeats, power) for each in comparisons}


def _decided(comparison: Comparison, repeats: pd.DataFrame, power: float) -> Decision:
    ordered = repeats.sort_values("seed", kind="stable")
    sides = (ordered[ordered["config_hash"] == each] for each in (comparison.first, comparison.second))
    first, second = (values_of(runs, comparison.column) for runs in sides)
    return decided_in_steps(first, second, Rule(budget_for(power, comparison.budget), comparison.margin))


def seeds_wanted(comparisons: Sequence[Comparison], decisions: Mapping[str, Decision]) -> dict[str, int]:
    """Hash of a setting -> fresh seeds that it needs for the next analysis of all open comparisons."""
    wanted: dict[str, int] = {}
    for comparison in comparisons:
        count = next_analysis(decisions[comparison.name])
        if count is not None:
            for name in (comparison.first, comparison.second):
                wanted[name] = max(count, wanted.get(name, 0))
    return wanted


def add_seeds(
    comparisons: Sequence[Comparison],
    power: float,
    repeats: Callable[[], pd.DataFrame],
    fill: Callable[[Mapping[str, int]], bool],
) -> dict[str, Decision]:
    """Add seeds analysis by analysis until every comparison is decided, or its budget has ended.

    Args:
        comparisons: of a figure.
        power: of the budgets.
        repeats: reads the runs with fresh seeds.
        fill: makes so many fresh runs of each setting, by its hash; False if that was broken off.

    Returns:
        Where every comparison stands.
    """
    decisions = decisions_of(comparisons, repeats(), power)
    while (wanted := seeds_wanted(comparisons, decisions)) and fill(wanted):
        decisions = decisions_of(comparisons, repeats(), power)
    return decisions


def lower_by(evidence: Evidence, name: str, first: Values, second: Values) -> tuple[str, Verdict]:
    """Whether the first mean is lower: by the seeds that were added for it, else by 95 % intervals."""
    decision = evidence.decisions.get(name)
    if decision is not None:
        return str(decision), decision.verdict
    seen, verdict = lower(first, second)
    return str(seen), verdict


def power_table(decisions: Mapping[str, Decision], power: float) -> pd.DataFrame:
    """A row a comparison: its rule, and where it stands."""
    rows = []
    for name, decision in decisions.items():
        analyses = " ".join(map(str, decision.rule.analyses()))
        stands = (decision.analysis, decision.runs, decision.level, *decision.seen, decision.outcome.value)
        rows.append((name, power, *decision.rule, analyses, *stands))
    return pd.DataFrame(rows, columns=POWER_COLUMNS)


def power_of(table: pd.DataFrame, asked: float | None, place: str) -> float | None:
    """The power that is gone on with: that of the table, if there is one.

    Raises:
        UserError: another one is asked for, by which the rule would not be fixed beforehand.
    """
    held = [float(power) for power in table["power"].unique()]
    if held and asked is not None and asked != held[0]:
        raise UserError(f"power: must be {held[0]:g}, which {place} was begun with, got {asked:g}")
    return held[0] if held else asked


_PLACES = ", ".join(f"{100 * share:g} %" for share in SHARES)
_LEVELS = ", ".join(levels_in_percent())
POWER_EXPLAINED = (
    "Fresh seeds were added in steps until each comparison was decided or its budget was used up. The "
    f"rule is fixed before the first of them: interim analyses at {_PLACES} of the budget, which use "
    f"{_LEVELS} of the 5 % of error (increments of O'Brien and Fleming's spending function; by "
    "Bonferroni's inequality their sum bounds the error of all analyses). An analysis decides if "
    "Welch's interval at its level excludes zero, or lies within the margin, below which a difference "
    "counts as none. Budgets are for power 0.8; for a higher power they grow as for two normal means."
)
