"""Two settings that a figure compares, by seeds that are added until it is decided: `power=0.8`."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from nnrep.errors import UserError
from nnrep.figures.analysis.boundaries import levels
from nnrep.figures.analysis.selection import counts_of, energies_of, values_of
from nnrep.figures.analysis.sequential import (
    POWER_OF_ONE,
    SHARES,
    Decision,
    Rule,
    budget_for,
    decided_in_steps,
    inflation,
    next_analysis,
)
from nnrep.figures.analysis.statistics import difference, lower, refuting_confidence
from nnrep.figures.claim import Verdict
from nnrep.figures.evidence import Evidence

POWER_COLUMNS = [
    *("comparison", "power", "budget", "margin", "analyses", "levels", "analysis", "runs a side", "level"),
    *("difference", "from", "to", "outcome"),
]


class Comparison(NamedTuple):
    """Two settings, of which the first is said to be lower.

    Attributes:
        name: by which claims find its decision.
        first: hash of a setting.
        second: hash of another.
        budget: fresh seeds a side by which one analysis would have power 0.8; see `sequential.budget_for`.
        margin: a difference that counts as none.
        column: of the table of runs, of which less is better.
        known: fresh seeds a side, the first ones, that were known when the comparison was chosen; they do
            not count.
    """

    name: str
    first: str
    second: str
    budget: int
    margin: float
    column: str = "energy"
    known: int = 0


class Decided(NamedTuple):
    """Where a comparison stands, and by which runs.

    Attributes:
        decision: by the rule.
        first: the runs of the first setting that it used; before the first analysis all that there are.
        second: of the other.
    """

    decision: Decision
    first: pd.DataFrame
    second: pd.DataFrame

    def __str__(self) -> str:
        """As claims quote it; before the first analysis the difference of the runs, which decides nothing."""
        if self.decision.analysis:
            return str(self.decision)
        seen = difference(energies_of(self.first), energies_of(self.second))
        runs, first = counts_of(self.first, self.second), self.decision.rule.analyses()[0]
        return (
            f"{seen} of {runs} runs a side, the first analysis is of {first}: {self.decision.outcome.value}"
        )

    def verdict(self, parts: int) -> Verdict:
        """On the claim that the first is lower.

        Args:
            parts: of the claim of which this is one: it refutes the whole by a rule that errs as seldom as
                `refuting_confidence` says.
        """
        if self.decision.verdict is not Verdict.fails:
            return self.decision.verdict
        sides = energies_of(self.first), energies_of(self.second)
        strict = decided_in_steps(*sides, self.decision.rule, 1 - refuting_confidence(parts))
        return strict.verdict if strict.verdict is Verdict.fails else Verdict.undecided


class Compared(NamedTuple):
    """Two methods whose mean energies were compared.

    Attributes:
        first: the runs of the first that were used: those that claims quote means of.
        second: of the other.
        seen: the difference of means, and how it was judged.
        verdict: whether the first is lower.
    """

    first: pd.DataFrame
    second: pd.DataFrame
    seen: str
    verdict: Verdict


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
    first, second = (values_of(runs, comparison.column) for runs in _sides(comparison, repeats))
    return decided_in_steps(first, second, Rule(budget_for(power, comparison.budget), comparison.margin))


def _sides(comparison: Comparison, repeats: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs of both settings that count, in the order in which they were added."""
    ordered = repeats.sort_values("seed", kind="stable")
    first, second = (
        ordered[ordered["config_hash"] == each].iloc[comparison.known :]
        for each in (comparison.first, comparison.second)
    )
    return first, second


def with_runs(
    comparisons: Sequence[Comparison], decisions: Mapping[str, Decision], repeats: pd.DataFrame
) -> dict[str, Decided]:
    """Decisions with the runs that they used, the first ones of each side, by their names."""
    decided = {}
    for comparison in comparisons:
        decision = decisions[comparison.name]
        used = slice(decision.runs if decision.analysis else None)
        first, second = (runs.iloc[used] for runs in _sides(comparison, repeats))
        decided[comparison.name] = Decided(decision, first, second)
    return decided


def seeds_wanted(comparisons: Sequence[Comparison], decisions: Mapping[str, Decision]) -> dict[str, int]:
    """Hash of a setting -> fresh seeds that it needs for the next analysis of all open comparisons."""
    wanted: dict[str, int] = {}
    for comparison in comparisons:
        count = next_analysis(decisions[comparison.name])
        if count is not None:
            for name in (comparison.first, comparison.second):
                wanted[name] = max(comparison.known + count, wanted.get(name, 0))
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


def lower_by(
    evidence: Evidence, name: str, first: pd.DataFrame, second: pd.DataFrame, *, parts: int = 1
) -> Compared:
    """Whether the first mean energy is lower: by the runs that were added for it, else by these runs.

    Args:
        evidence: of a figure.
        name: of the comparison.
        first: runs that are compared by their 95 % interval where none were added.
        second: of the other method.
        parts: of the claim of which this is one; see `statistics.refuting_confidence`.
    """
    decided = evidence.decisions.get(name)
    if decided is not None:
        return Compared(decided.first, decided.second, str(decided), decided.verdict(parts))
    seen, verdict = lower(energies_of(first), energies_of(second), parts)
    return Compared(first, second, str(seen), verdict)


def power_table(decisions: Mapping[str, Decision], power: float) -> pd.DataFrame:
    """A row a comparison: its rule, and where it stands."""
    rows = []
    for name, decision in decisions.items():
        stands = (decision.analysis, decision.runs, decision.level, *decision.seen, decision.outcome.value)
        rows.append((name, power, *decision.rule, *_analyses(decision.rule), *stands))
    return pd.DataFrame(rows, columns=POWER_COLUMNS)


def _analyses(rule: Rule) -> tuple[str, str]:
    """The runs a side of all analyses, and their levels."""
    return " ".join(map(str, rule.analyses())), " ".join(f"{level:.4g}" for level in rule.levels())


def power_of(table: pd.DataFrame, asked: float | None, place: str) -> float | None:
    """The power that is gone on with: that of the table, if there is one.

    Raises:
        UserError: another power is asked for, or the table is of another rule, so that the rule would not be
            fixed beforehand.
    """
    for _, row in table.iterrows():
        if (str(row["analyses"]), str(row["levels"])) != _analyses(Rule(int(row["budget"]), row["margin"])):
            reason = "was begun with another rule for added seeds, by which this version does not judge"
            raise UserError(f"{place}: {reason}; choose another results_dir")
    held = [float(power) for power in table["power"].unique()]
    if held and asked is not None and asked != held[0]:
        raise UserError(f"power: must be {held[0]:g}, which {place} was begun with, got {asked:g}")
    return held[0] if held else asked


_PLACES = ", ".join(f"{100 * share:g} %" for share in SHARES)
_LEVELS = ", ".join(f"{100 * level:.2g} %" for level in levels(SHARES))
POWER_EXPLAINED = (
    "Fresh seeds are added in steps until each comparison is decided or its budget is used up. The rule is "
    "fixed before the first seed that counts; fresh seeds that were known when a comparison was chosen do "
    f"not count. There are interim analyses at {_PLACES} of the budget, at levels of {_LEVELS} (Lan and "
    "DeMets's boundaries for O'Brien and Fleming's spending function, at the exact shares), so that for "
    "large samples 5 % of comparisons of equal means are told apart by all of them together. An analysis "
    "decides if Welch's interval at its level excludes zero, or lies within the margin, below which a "
    "difference counts as none. A budget follows from the runs a side by which one analysis at 5 % would "
    f"find a difference with power {POWER_OF_ONE:g}: all of them together need "
    f"{inflation(POWER_OF_ONE):.2f} times as many for it, and more for a higher power."
)
