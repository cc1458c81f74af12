"""Seeds that are added until a comparison is decided: the rule keeps its error, and comes to an end."""

import re

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT

from nnrep.errors import UserError
from nnrep.figures import FIGURES
from nnrep.figures.analysis.boundaries import critical_values, drift_for, power, spent
from nnrep.figures.analysis.sequential import (
    SHARES,
    Outcome,
    Rule,
    budget_for,
    decided_in_steps,
    next_analysis,
)
from nnrep.figures.analysis.statistics import FEWEST
from nnrep.figures.claim import Verdict
from nnrep.figures.command_log import CommandLog, read_commands
from nnrep.figures.comparison import (
    POWER_COLUMNS,
    Comparison,
    add_seeds,
    decisions_of,
    power_of,
    power_table,
    seeds_wanted,
    with_runs,
)
from nnrep.figures.request import parse_arguments
from nnrep.figures.result_files import COMMANDS, POWER, read_power
from nnrep.records.table import write_table

NO_MARGIN = 0.0


def outcomes(shift: float, rule: Rule, trials: int, seed: int) -> list[Outcome]:
    """What comes of many comparisons of normal values, of standard deviation one, whose means differ so."""
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(trials, 2, rule.budget))
    return [decided_in_steps(first + shift, second, rule).outcome for first, second in draws]


def share(found: list[Outcome], *wanted: Outcome) -> float:
    return sum(outcome in wanted for outcome in found) / len(found)


def statistics(shares: tuple[float, ...], drift: float, trials: int) -> np.ndarray:
    """What z is at each analysis of many comparisons of large samples, a row each."""
    gaps = np.diff((0.0, *shares))
    steps = np.random.default_rng(0).normal(size=(trials, len(shares))) * np.sqrt(gaps) + drift * gaps
    return np.cumsum(steps, axis=1) / np.sqrt(shares)


def test_boundaries_are_those_that_are_published():
    """Two-sided at 5 %, four equal steps and five, to their last digit."""
    assert critical_values(SHARES) == pytest.approx((4.333, 2.963, 2.359, 2.014), abs=5e-4)
    fifths = (0.2, 0.4, 0.6, 0.8, 1.0)
    assert critical_values(fifths) == pytest.approx((4.877, 3.357, 2.680, 2.290, 2.031), abs=1.5e-3)
    assert critical_values((1.0,)) == pytest.approx((1.95996,), abs=1e-5)
    assert spent(1.0) == pytest.approx(0.05)


@pytest.mark.parametrize("shares", [SHARES, (0.75, 1.0), (0.28, 0.52, 0.76, 1.0)])
@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.95])
def test_error_and_power_of_large_samples_are_what_is_said(shares, wanted):
    """400 000 comparisons: four standard errors are 0.0014 of the error, 0.0032 of the power."""
    limits = critical_values(shares)
    crossed = abs(statistics(shares, 0.0, 400_000)) > limits
    assert crossed.any(axis=1).mean() == pytest.approx(0.05, abs=0.0014)
    for analysis, share in enumerate(shares):  # as much is spent by each of them
        assert crossed[:, : analysis + 1].any(axis=1).mean() == pytest.approx(spent(share), abs=0.0014)
    drift = drift_for(wanted, shares)
    assert power(shares, drift) == pytest.approx(wanted)
    found = statistics(shares, drift, 400_000) > limits
    assert found.any(axis=1).mean() == pytest.approx(wanted, abs=0.0032)


@pytest.mark.parametrize("budget", [8, 9, 25, 204, 357])
def test_levels_follow_the_runs_that_there_are_at_each_analysis(budget):
    rule = Rule(budget, NO_MARGIN)
    counts, levels = rule.analyses(), rule.levels()
    assert (len(levels), levels) == (len(counts), sorted(levels))
    assert counts == sorted(set(counts))
    assert counts[0] >= FEWEST
    assert 0.04 < levels[-1] < 0.05  # most is left for the last


def test_of_equal_means_no_more_than_five_percent_are_told_apart():
    """Of 1000 trials at 5 %, more than 64 are a chance of 2.5 %; four analyses at 5 % each err in 126."""
    rule = Rule(60, NO_MARGIN)
    found = outcomes(0.0, rule, 1000, seed=1)
    assert share(found, Outcome.lower, Outcome.higher) <= 0.064
    assert share(found, Outcome.ended) >= 0.93


def test_a_difference_is_found_with_the_power_of_the_budget():
    """Means 0.4 apart, of which one analysis of 98 runs a side finds 80 %.

    Of 1500 trials three standard errors are 0.03; levels that only sum up to 5 % find 73 %.
    """
    rule = Rule(budget_for(0.8, 98), NO_MARGIN)
    found = outcomes(-0.4, rule, 1500, seed=2)
    assert share(found, Outcome.lower) == pytest.approx(0.8, abs=0.03)
    assert share(found, Outcome.higher) == 0
    assert share(outcomes(+0.4, rule, 100, seed=3), Outcome.higher) > 0.7


def test_a_large_difference_needs_few_seeds():
    rng = np.random.default_rng(0)
    decision = decided_in_steps(rng.normal(size=100) - 3, rng.normal(size=100), Rule(100, NO_MARGIN))
    assert (decision.outcome, decision.analysis, decision.runs) == (Outcome.lower, 1, 25)
    assert decision.verdict is Verdict.holds


def test_equality_within_the_margin_is_found_and_seldom_where_there_is_none():
    rule = Rule(100, 0.5)
    assert share(outcomes(0.0, rule, 200, seed=4), Outcome.equal) > 0.65
    # Means that are as far apart as the margin.
    assert share(outcomes(0.5, rule, 600, seed=5), Outcome.equal) <= 0.04


@pytest.mark.parametrize(
    ("shift", "of_one", "of_four"),
    [
        (0.65, Verdict.fails, Verdict.undecided),
        (2.0, Verdict.fails, Verdict.fails),
        (-0.65, Verdict.holds, Verdict.holds),
    ],
)
def test_a_part_of_a_claim_refutes_it_by_a_rule_that_errs_less_often(shift, of_one, of_four):
    values = np.resize([-1.0, 1.0], 41)
    table = pd.concat([runs_of("a", values + shift), runs_of("b", values)])
    (decided,) = with_runs(PAIRS[:1], decisions_of(PAIRS[:1], table, 0.8), table).values()
    assert (decided.verdict(1), decided.verdict(4)) == (of_one, of_four)


def test_a_budget_ends():
    values = np.array([-1.0, 1.0] * 6)
    decision = decided_in_steps(values, values, Rule(12, NO_MARGIN))
    assert (decision.outcome, decision.runs, next_analysis(decision)) == (Outcome.ended, 12, None)
    assert decision.verdict is Verdict.undecided
    assert "open: the budget ended" in str(decision)


def test_the_next_analysis_waits_for_its_seeds():
    rng = np.random.default_rng(6)
    values = rng.normal(size=80)
    assert next_analysis(decided_in_steps(values[:10], values[:10], Rule(80, 0.0))) == 20
    assert next_analysis(decided_in_steps(values[:20], values[:39], Rule(80, 0.0))) == 40
    # What comes after an analysis changes nothing of it.
    low = rng.normal(size=80) - 3
    few, many = (decided_in_steps(low[:n], values[:n], Rule(80, 0.0)) for n in (20, 80))
    assert few == many


def test_no_analysis_has_too_few_runs_to_decide():
    assert Rule(8, 0.0).analyses() == [6, 8]
    assert Rule(3, 0.0).analyses() == [6]
    values = np.array([-1.0, 1.0] * 4)
    decision = decided_in_steps(values, values, Rule(8, NO_MARGIN))
    assert (decision.outcome, decision.analysis, decision.runs) == (Outcome.ended, 2, 8)
    assert "analysis 2 of 2, 8 runs a side of at most 8" in str(decision)


def test_diverged_runs_leave_it_open():
    high = np.array([np.inf, *range(9)])
    assert decided_in_steps(np.zeros(10), high, Rule(10, 0.1)).outcome is Outcome.ended


@pytest.mark.parametrize(("power", "budget"), [(0.8, 123), (0.9, 164), (0.5, 61)])
def test_budgets_grow_with_the_power(power, budget):
    """About as (1.96 + z)^2 (7.849 for 0.8, 10.507 for 0.9, 3.841 for 0.5), times 1.02 for four analyses."""
    assert budget_for(power, 120) == budget


def runs_of(name: str, values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {"config_hash": name, "seed": 2**30 + np.arange(len(values)), "energy": values, "status": "converged"}
    )


PAIRS = [Comparison("a - b", "a", "b", 40, 0.0), Comparison("a - c", "a", "c", 80, 0.0)]


def test_seeds_are_added_until_all_is_decided():
    rng = np.random.default_rng(7)
    drawn = {name: rng.normal(size=200) + shift for name, shift in (("a", 0.0), ("b", 5.0), ("c", 0.0))}
    held = dict.fromkeys(drawn, 0)
    asked = []

    def repeats() -> pd.DataFrame:
        return pd.concat([runs_of(name, drawn[name][:count]) for name, count in held.items()])

    def fill(wanted) -> bool:
        asked.append(dict(wanted))
        held.update({name: max(count, held[name]) for name, count in wanted.items()})
        return True

    decisions = add_seeds(PAIRS, 0.8, repeats, fill)
    assert decisions["a - b"].outcome is Outcome.lower
    assert decisions["a - c"].outcome is Outcome.ended
    assert asked == [{"a": 21, "b": 11, "c": 21}, *({"a": n, "c": n} for n in (41, 62, 82))]
    assert held == {"a": 82, "b": 11, "c": 82}
    assert seeds_wanted(PAIRS, decisions) == {}
    table = power_table(decisions, 0.8)
    assert table["analyses"].tolist() == ["11 21 31 41", "21 41 62 82"]
    assert table["levels"].str.split().str.len().tolist() == [4, 4]
    assert table["outcome"].tolist() == ["the first is lower", "open: the budget ended"]


def test_seeds_by_which_a_comparison_was_chosen_do_not_count():
    """They differ by 5, the others by nothing: neither analyses nor quoted means know of them."""
    known = 16
    chosen = PAIRS[0]._replace(known=known)
    rng = np.random.default_rng(11)
    drawn = {name: rng.normal(size=200) for name in "ab"}
    drawn["a"][:known] -= 5
    held = {"a": known + 8, "b": known + 9}

    def repeats() -> pd.DataFrame:
        return pd.concat([runs_of(name, drawn[name][:count]) for name, count in held.items()])

    begun = decisions_of([chosen], repeats(), 0.8)
    assert begun["a - b"].outcome is Outcome.open
    assert seeds_wanted([chosen], begun) == dict.fromkeys("ab", known + 11)
    (decided,) = with_runs([chosen], begun, repeats()).values()
    assert decided.verdict(1) is Verdict.undecided
    assert decided.first["energy"].tolist() == drawn["a"][known : known + 8].tolist()
    assert re.match(
        r"[+-][\d.]+ \(95 %: .* of 8 and 9 runs a side, the first analysis is of 11", str(decided)
    )

    def fill(wanted) -> bool:
        held.update(wanted)
        return True

    decisions = add_seeds([chosen], 0.8, repeats, fill)
    assert decisions["a - b"].outcome is Outcome.ended
    assert held == dict.fromkeys("ab", known + 41)


def test_a_figure_holds_the_seeds_that_do_not_count():
    figure = FIGURES["fig8"]
    peptide = pd.DataFrame(
        {
            "structure": "1PLW",
            "start": "random",
            "potential": "classical",
            "reparam": ["cg", "none"],
            "config_hash": ["a", "b"],
            "energy_mean": 0.0,
            "diverged": 0,
        }
    )
    (comparison,) = figure.comparisons(peptide)
    assert comparison.known == figure.known_seeds == 26


def test_a_broken_sweep_ends_it():
    nothing = pd.concat([runs_of(name, np.zeros(0)) for name in "abc"])
    decisions = add_seeds(PAIRS, 0.8, lambda: nothing, lambda wanted: False)
    assert {decision.outcome for decision in decisions.values()} == {Outcome.open}


def test_a_decision_is_quoted_with_the_runs_that_it_used():
    """Not with those that wait for the next analysis, nor in the order of the table."""
    rng = np.random.default_rng(9)
    table = pd.concat([runs_of("a", rng.normal(size=30) - 5), runs_of("b", rng.normal(size=25))])
    decisions = decisions_of(PAIRS[:1], table, 0.8)
    shuffled = table.sample(frac=1, random_state=1)
    (decided,) = with_runs(PAIRS[:1], decisions, shuffled).values()
    assert decided.decision.runs == 11
    for side, name in ((decided.first, "a"), (decided.second, "b")):
        pd.testing.assert_frame_equal(side, table[table["config_hash"] == name].head(11))


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(8)
    table = pd.concat([runs_of(name, rng.normal(size=40)) for name in "abc"])
    assert decisions_of(PAIRS, table, 0.8) == decisions_of(PAIRS, table.sample(frac=1, random_state=1), 0.8)


def test_the_power_of_a_folder_stays():
    held = power_table(decisions_of(PAIRS, runs_of("a", np.zeros(0)), 0.8), 0.8)
    assert power_of(held, None, "r") == power_of(held, 0.8, "r") == 0.8
    assert power_of(held.iloc[:0], None, "r") is None
    assert power_of(held.iloc[:0], 0.9, "r") == 0.9
    with pytest.raises(UserError, match=r"power: must be 0.8, which r was begun with, got 0.9"):
        power_of(held, 0.9, "r")


@pytest.mark.parametrize("column", ["levels", "analyses"])
def test_a_folder_of_another_rule_is_not_judged_by_this_one(tmp_path, column):
    held = power_table(decisions_of(PAIRS, runs_of("a", np.zeros(0)), 0.8), 0.8)
    write_table(tmp_path / POWER, held)
    assert power_of(read_power(tmp_path), 0.8, "r") == 0.8
    write_table(tmp_path / POWER, held.assign(**{column: "1 2"}))
    with pytest.raises(UserError, match=r"r: was begun with another rule .* choose another results_dir"):
        power_of(read_power(tmp_path), 0.8, "r")
    write_table(tmp_path / POWER, held.drop(columns=column))
    with pytest.raises(UserError, match=r"is no table of .*; move it away"):
        read_power(tmp_path)
    small = power_table(decisions_of([PAIRS[0]._replace(budget=4)], runs_of("a", np.zeros(0)), 0.8), 0.8)
    write_table(tmp_path / POWER, small)  # one analysis: the file has numbers in place of lists
    assert power_of(read_power(tmp_path), 0.8, "r") == 0.8


def test_committed_tables_of_added_seeds_are_read():
    for path in (ROOT / "results").glob(f"**/{POWER}"):
        assert not read_power(path.parent).empty


def test_power_is_off_by_default_and_checked():
    assert parse_arguments(["fig2"]).power is None
    assert parse_arguments(["fig2", "power=0.8"]).power == 0.8
    for wrong in ("80", "x", "0", "nan"):
        with pytest.raises(UserError, match=r"power: must be from 0.5 to 0.99"):
            parse_arguments(["fig2", f"power={wrong}"])


@pytest.mark.parametrize("name", list(FIGURES))
def test_power_is_refused_where_a_figure_alone_has_no_comparisons(name):
    figure = FIGURES[name]
    assert figure.adds_seeds == (figure.most_seeds > 0)
    if figure.adds_seeds:
        assert parse_arguments([name, "power=0.8"]).power == 0.8
        assert figure.comparisons(pd.DataFrame(columns=EMPTY)) == []
    else:
        with pytest.raises(UserError, match=f"power: has no effect on {name}; seeds are added to fig2, "):
            parse_arguments([name, "power=0.8"])
    assert parse_arguments([name, "fig2", "power=0.8"]).power == parse_arguments(["all", "power=0.8"]).power
    assert parse_arguments([name, "power=null"]).power is None


def test_tables_without_rows_are_read_as_they_are_written(tmp_path):
    """Of which a column of numbers has no type."""
    assert read_power(tmp_path).empty
    write_table(tmp_path / POWER, power_table({}, 0.8))
    assert list(read_power(tmp_path).columns) == POWER_COLUMNS
    assert power_of(read_power(tmp_path), 0.9, "r") == 0.9
    write_table(tmp_path / COMMANDS, read_commands(tmp_path))
    assert read_commands(tmp_path).empty
    CommandLog(tmp_path, "first").add(1, 1)
    assert read_commands(tmp_path)["runs"].tolist() == [1]


EMPTY = ["config_hash", "potential", "reparam", "start", "structure", "diverged", "energy_mean"]
