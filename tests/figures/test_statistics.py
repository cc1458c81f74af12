"""Statistics of a handful of runs: intervals, and the verdicts that follow from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnrep.figures.analysis.statistics import (
    CONFIDENCE,
    FEWEST,
    below,
    combined,
    decide,
    differ,
    difference,
    falls,
    lower,
    most,
    ranks_lower,
    refuting_confidence,
)
from nnrep.figures.claim import Verdict


def around(mean: float, count: int = 6, spread: float = 1e-3) -> np.ndarray:
    return mean + spread * np.linspace(-1, 1, count)


numbers = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)


@given(numbers, numbers)
def test_a_difference_and_its_opposite_mirror_each_other(first, second):
    forth, back = difference(np.array(first), np.array(second)), difference(np.array(second), np.array(first))
    np.testing.assert_allclose(
        (forth.mean, forth.low, forth.high), (-back.mean, -back.high, -back.low), atol=1e-9
    )
    assert forth.low <= forth.mean + 1e-9
    assert forth.mean <= forth.high + 1e-9


def test_interval_is_welchs():
    """Against numbers worked out by hand: means 2 and 5, both variances 1, three values each, t = 2.776."""
    seen = difference(np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))
    half = 2.7764451 * np.sqrt(2 / 3)
    assert (seen.mean, seen.low, seen.high) == pytest.approx((-3, -3 - half, -3 + half))


def test_verdicts_need_six_runs_and_a_clear_difference():
    low, high = around(0.0), around(1.0)
    assert lower(low, high)[1] is Verdict.holds
    assert lower(high, low)[1] is Verdict.fails
    assert lower(low, low)[1] is Verdict.undecided
    assert lower(low[:5], high)[1] is Verdict.undecided
    assert lower(low, np.array([1.0, np.nan, 1.1, 1.2, 1.3, 1.4]))[1] is Verdict.undecided
    assert ranks_lower(around(0, 20), around(1, 20)) is Verdict.holds
    assert ranks_lower(around(1, 20), around(0, 20)) is Verdict.fails
    assert ranks_lower(around(1, 2), around(0, 20)) is Verdict.undecided
    assert ranks_lower([0.0, 0.1, np.inf], around(1, 20)) is Verdict.undecided
    assert decide(True, 5) is Verdict.undecided
    assert combined([Verdict.holds, Verdict.undecided]) is Verdict.undecided
    assert combined([Verdict.undecided, Verdict.fails]) is Verdict.fails
    assert combined([]) is Verdict.undecided
    assert combined([Verdict.holds, Verdict.not_tested, Verdict.undecided]) is Verdict.not_tested
    assert combined([Verdict.not_tested, Verdict.fails]) is Verdict.fails


def test_one_of_several_parts_refutes_at_its_share_of_five_percent():
    """p is 0.02: enough against a claim of its own, not against one of six parts; for it 0.02 is enough."""
    values = np.array([-1.0, -0.5, 0.0, 0.0, 0.5, 1.0])
    shift = stats.t.isf(0.01, 5) * values.std(ddof=1) / np.sqrt(6)
    assert stats.ttest_1samp(values + shift, 0).pvalue == pytest.approx(0.02)
    for parts, verdict in ((1, Verdict.fails), (2, Verdict.fails), (3, Verdict.undecided)):
        assert below(values + shift, 0.0, parts)[1] is verdict
        assert below(values - shift, 0.0, parts)[1] is Verdict.holds
    assert below(values + shift, 0.0, 6)[0] == below(values + shift, 0.0)[0]  # quoted at 95 %
    assert refuting_confidence(6) == pytest.approx(1 - 0.05 / 6)
    # Exact: 2 / 2^6 = 0.03, 2 / 2^8 = 0.008.
    assert most([False] * 6, parts=2) is Verdict.undecided
    assert most([False] * 8, parts=6) is Verdict.fails
    assert most([True] * 6, parts=6) is Verdict.holds


def test_six_equal_pairs_are_refuted_in_no_more_than_five_percent_of_cases():
    drawn = np.random.default_rng(0).normal(size=(1000, 6, 10))
    verdicts = [combined([below(pairs, 0.0, parts=6)[1] for pairs in claim]) for claim in drawn]
    assert np.mean([verdict is Verdict.fails for verdict in verdicts]) < 0.04  # of one side: 2.5 %


def test_fewest_runs_can_reach_the_level():
    """The exact two-sided sign test of runs that all agree: 2 / 2^n."""
    assert 2 / 2**FEWEST < 1 - CONFIDENCE <= 2 / 2 ** (FEWEST - 1)


def test_a_share_of_runs_needs_more_than_a_majority():
    """Exact binomial tails against one half: 2 / 2^5 = 0.06, 2 / 2^6 = 0.03, 2 (1 + 9) / 2^9 = 0.04."""
    assert most([True] * 5) is Verdict.undecided
    assert most([True] * 6) is Verdict.holds
    assert most([False] * 6) is Verdict.fails
    assert most([True] * 8 + [False]) is Verdict.holds
    assert most([True] * 7 + [False] * 2) is Verdict.undecided


def test_a_limit_is_passed_by_the_whole_interval():
    """Student's interval of 1 to 6: 3.5 -+ 2.571 sqrt(3.5 / 6)."""
    values, half = np.arange(1.0, 7.0), 2.5705818 * np.sqrt(3.5 / 6)
    seen, verdict = below(values, 3.5 + half + 0.01)
    assert (seen.low, seen.high) == pytest.approx((-2 * half - 0.01, -0.01), rel=1e-5)
    assert verdict is Verdict.holds
    assert below(values, 3.5 + half - 0.01)[1] is Verdict.undecided
    assert below(values, 3.5 - half - 0.01)[1] is Verdict.fails
    assert below(values[:5], 100.0)[1] is Verdict.undecided


def test_a_trend_needs_order_and_groups_need_distance():
    assert falls([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1])[1] is Verdict.holds
    assert falls([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6])[1] is Verdict.fails
    assert falls([1, 2, 3, 4, 5, 6], [1, 3, 2, 3, 1, 2])[1] is Verdict.undecided
    assert falls([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, np.inf])[1] is Verdict.undecided
    assert falls([1] * 6, [6, 5, 4, 3, 2, 1])[1] is Verdict.undecided
    assert differ([around(0), around(10), around(20)])[1] is Verdict.holds
    assert differ([around(0), around(0)])[1] is Verdict.undecided
    assert differ([around(0)])[1] is Verdict.undecided
    assert differ([around(0), around(10), around(20)[:5]])[1] is Verdict.undecided
    assert differ([])[1] is Verdict.undecided
