"""Searches that fold peptides: when one has folded, what follows from many, and that none is made twice."""

import json
import signal
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT
from scipy import stats

from nnrep.errors import UserError
from nnrep.exploration.quench import Quenched
from nnrep.figures.claim import Verdict
from nnrep.records.table import read_text

sys.path.append(str(ROOT / "scripts"))

import bench_folding
import folding.problem
from folding import running, searching
from folding.arms.arm import Frame, Moved
from folding.arms.registry import ARMS
from folding.circumstances import Circumstances
from folding.claims import Evidence, claims_of, folded_by, ratio_verdict, share_verdict
from folding.described import described, in_order
from folding.energy_study import energy_study
from folding.kept import COLUMNS, Kept, Made, keep, searches_in
from folding.naming import one_of_each
from folding.native_lowest import RESOLUTION, verdict_of
from folding.openmm_speed import ps_a_second
from folding.outcomes import folded_at, outcome, outcomes
from folding.problem_names import ProblemNames, common_names, names_of
from folding.report import write_report
from folding.report_energies import with_lower_quench
from folding.searching import Budget
from folding.study_files import save_study, studies_in
from folding.summary import best_of, common_limit, compare, summarise, times_of
from folding.survival import Compared, Estimate, Times, compared, curve, median, medians, restricted_mean

MADE = Made("2026-01-02 03:04", "scripts/bench_folding run x", "abc", "a machine", "nnrep 0", 1000, None, 2.0)
NAMES = ProblemNames("5AWL", "gbn2", "amber14", "extended")


def times(folded, censored=()):
    return Times(
        np.array([*folded, *censored], float), np.array([True] * len(folded) + [False] * len(censored))
    )


def table(energies, rmsds, step=100):
    count = len(energies)
    passed = step * np.arange(1, count + 1)
    columns = (passed, passed * 0.01, passed * 0.1, [300.0] * count, energies, rmsds, [5.0] * count)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def search(folds_after, quenches=10, problem="5AWL", arm="cartesian", seed=0, step=100):
    """A search that folds with its quench of this number, counted from 1, or never."""
    energies, rmsds = -np.arange(1.0, quenches + 1), np.full(quenches, 5.0)
    if folds_after is not None:
        rmsds[folds_after - 1 :] = 1.0
    return Kept(problem, arm, seed, table(energies, rmsds, step), MADE)


def searches_of(arm, folds_after, problem="5AWL", **changed):
    return [
        search(place, problem=problem, arm=arm, seed=seed, **changed)
        for seed, place in enumerate(folds_after)
    ]


def test_a_search_has_folded_once_its_lowest_minimum_is_native_to_stay():
    assert folded_at(table([-1, -2, -3], [5, 1, 1])) == 1
    assert folded_at(table([-1, -2, -3], [1, 1, 1])) == 0
    assert folded_at(table([-1, -2, -3], [1, 1, 5])) is None  # a lower one is not native
    assert folded_at(table([-1, -2, -3, -4], [1, 5, 1, 1])) == 2
    assert folded_at(table([-2, -1, -1], [1, 5, 5])) == 0  # higher ones do not matter
    assert folded_at(table([-2, -1], [5, 1])) is None  # native, but not lowest
    assert folded_at(table([-2, -2], [1, 5])) == 0  # of equal ones the first
    assert folded_at(table([np.nan, -2, np.nan], [1, 1, np.nan])) == 1
    assert folded_at(table([np.nan, np.nan], [np.nan, np.nan])) is None
    assert folded_at(table([-1, -2], [5, 2.0])) is None  # below 2 A, not at it


def test_a_row_tells_the_lowest_minimum_from_the_nearest_one():
    row = outcome(Kept("5AWL", "cartesian", 3, table([-5, -9, -7, -8], [4, 3, 1.5, 6]), MADE))
    assert (row["energy"], row["rmsd_ca"]) == (-9, 3)
    assert (row["nearest_energy"], row["nearest_rmsd_ca"]) == (-7, 1.5)
    assert (row["elsewhere_energy"], row["elsewhere_rmsd_ca"]) == (-9, 3)
    assert (row["near_energy"], row["near_rmsd_ca"]) == (-7, 1.5)
    assert not row["folded"]
    assert np.isnan(row["evaluations_folded"])
    assert (row["evaluations"], row["cpu_s"], row["ps"], row["quenches"]) == (400, 4.0, 40.0, 4)
    assert row["budget_evaluations"] == 1000
    row = outcome(Kept("5AWL", "cartesian", 3, table([-5, -9], [4, 1]), None))
    assert (row["folded"], row["evaluations_folded"], row["ps_folded"]) == (True, 200, 20.0)
    assert np.isnan(row["budget_evaluations"])


@pytest.mark.parametrize(
    ("sample", "value"),
    [
        (times([1, 2, 3, 4]), 2),
        (times([1, 1, 3, 3]), 1),
        (times([3, 2], [2]), 3),  # the one censored at 2 had not folded by then
        (times([1, 2], [2, 2, 2]), np.inf),
        (times([], [5, 5]), np.inf),
        (times([7]), 7),
    ],
)
def test_medians_are_where_half_has_folded(sample, value):
    assert medians(sample) == value
    assert median(sample).value == value


def test_medians_are_those_of_scipys_curve():
    random = np.random.default_rng(0)
    for _ in range(20):
        sample = Times(random.integers(1, 8, 9).astype(float), random.random(9) < 0.6)
        shares = curve(sample)
        half = shares.quantiles[shares.probabilities <= 0.5 + 1e-9]
        assert medians(sample) == (half[0] if len(half) else np.inf)
        several = Times(*(np.stack([each, each]) for each in sample))
        assert medians(several).tolist() == [medians(sample)] * 2


def test_intervals_of_medians_hold_them_and_are_open_where_few_have_folded():
    known = median(times(range(1, 11)))
    assert known.low < known.value < known.high <= 10
    with warnings.catch_warnings(action="ignore"):  # of a share of zero, which has no interval
        bounds = curve(times(range(1, 11))).confidence_interval(method="log-log")
    assert bounds.low.evaluate(known.low) <= 0.5 < bounds.high.evaluate(known.low)
    assert bounds.high.evaluate(known.high) < 0.5 <= bounds.high.evaluate(known.high - 1)
    few = median(times([1, 2, 3], [9] * 7))
    assert few.value == np.inf
    assert few.high == np.inf
    assert median(times([], [9] * 6)) == (np.inf, np.inf, np.inf)


def test_a_median_of_fewer_than_six_searches_has_no_interval():
    """Both of two searches fold after the median of all with a probability of a quarter."""
    for few in (times([7]), times([3, 9]), times([1, 2, 3, 4, 5])):
        assert median(few)[1:] == (0, np.inf)
    assert median(times([], [9, 9])) == (np.inf, 0, np.inf)
    assert median(times(range(1, 7))).low >= 1


def test_the_restricted_mean_counts_later_times_as_the_limit():
    assert restricted_mean(times([1, 3], [4]), 4) == pytest.approx(8 / 3)
    assert restricted_mean(times([1, 3, 9]), 4) == pytest.approx(8 / 3)
    assert restricted_mean(times([], [4, 4]), 4) == 4
    assert np.isnan(restricted_mean(times([1], [3]), 4))  # what was not watched is not known
    assert restricted_mean(times([1, 3]), 4) == 2


def test_arms_are_compared_up_to_where_searches_of_both_are_watched():
    soon, late = times(range(1, 11)), times([], [50] * 10)
    seen = compared(soon, late)
    assert seen.limit == 50
    assert seen.sooner
    expected = stats.logrank(
        stats.CensoredData(uncensored=soon.time), stats.CensoredData(right=late.time)
    ).pvalue
    assert seen.chance == pytest.approx(expected)
    assert not compared(late, soon).sooner
    # Nothing beyond the limit counts.
    assert compared(soon, times([51] * 10)).limit == np.inf
    shorter = times([], [5] * 10)
    assert compared(soon, shorter)[:2] == compared(soon.until(5), shorter)[:2]


def test_an_arm_is_known_as_long_as_more_than_half_of_its_searches_are():
    """One search that is watched for longer than the others does not stand for them."""
    arm = times([3], [4, 5, 6, 6, 60])
    assert arm.known_to == 6
    assert arm.known(6) == (1, 3)
    assert arm.known(60) == (1, 1)
    assert times([3, 7, 9], [4, 60]).known_to == 60  # those that folded stay known
    assert times([3], [4, 5, 60]).known_to == 5
    assert times([3, 9]).known_to == np.inf
    assert compared(arm, times(range(1, 11))).limit == 60  # the test knows what is censored
    long = search(None, quenches=60, arm="torsion_moves", seed=9)
    rows = outcomes([*searches_of("torsion_moves", NEVER[1:], quenches=6), long])
    (row,) = summarise(rows).to_dict("records")
    assert (row["evaluations_known_to"], row["evaluations_folded"], row["evaluations_watched"]) == (
        600,
        0,
        10,
    )


def test_a_ratio_of_medians_says_what_is_known_where_one_is_not_reached():
    soon, late = times(range(1, 11)), times([], [50] * 10)
    ratio = compared(soon, late).ratio
    assert np.isnan(ratio.value)
    assert ratio.low == 0
    assert 3 / 50 < ratio.high <= 9 / 50
    opposite = compared(late, soon).ratio
    assert opposite.high == np.inf
    assert 50 / 9 <= opposite.low < 50 / 3
    both = compared(times(range(10, 110, 10)), soon).ratio
    assert both.value == 10
    assert both.low < 10 < both.high
    neither = compared(late, late)
    assert np.isnan(neither.chance)
    assert neither.ratio[1:] == (0, np.inf)


def test_searches_of_several_budgets_are_censored_where_they_end():
    rows = outcomes(
        [
            *searches_of("cartesian", [2, None, 4]),
            *searches_of("slow_modes", [None, 3, None], quenches=6),
        ]
    )
    own = times_of(rows[rows["arm"] == "slow_modes"], "evaluations")
    assert own.time.tolist() == [600, 300, 600]
    assert own.folded.tolist() == [False, True, False]
    assert common_limit(rows, "evaluations") == 600
    summary = summarise(rows).set_index("arm")
    assert summary["folded"].to_dict() == {"cartesian": 2, "slow_modes": 1}
    assert summary["evaluations_median"].tolist() == [400, np.inf]
    assert summary["evaluations_mean_restricted"].tolist() == [pytest.approx(400), pytest.approx(500)]
    assert summary["evaluations_sum"].tolist() == [3000, 1800]


def test_moves_without_dynamics_have_no_times_in_picoseconds():
    still = [
        one._replace(table=one.table.assign(ps=0.0)) for one in searches_of("torsion_moves", [2, None, 4])
    ]
    summary = summarise(outcomes([*searches_of("cartesian", [2, None, 4]), *still])).set_index("arm")
    columns = [name for name in summary if name.startswith("ps_")]
    assert summary.loc["torsion_moves", columns].isna().all()
    assert summary.loc["cartesian", "ps_limit"] > 0
    assert summary.loc["torsion_moves", "evaluations_folded"] == 2
    (alone,) = summarise(outcomes(still)).to_dict("records")
    assert np.isnan([alone[name] for name in columns]).all()


def verdicts(kept):
    claims = claims_of(Evidence(outcomes(kept), ps_a_second(kept, "5AWL")))
    return {claim.claim: claim for claim in claims}


def claim_about(claims, *words):
    (found,) = [claim for text, claim in claims.items() if all(word in text for word in words)]
    return found


SOON, LATE, NEVER = [2, 2, 3, 3, 4, 4, 5, 5, 6, 6], [40] * 5 + [50] * 5, [None] * 10


def test_claims_hold_fail_or_stay_open_by_the_numbers():
    slow = searches_of("cartesian", LATE, quenches=60)
    claims = verdicts([*slow, *searches_of("slow_modes", SOON, quenches=60)])
    better = claim_about(claims, "mass matrix", "fewer evaluations")
    assert better.verdict is Verdict.holds
    assert "median 400" in better.measured
    claims = verdicts([*slow, *searches_of("torsion_quenches", NEVER, quenches=60)])
    worse = claim_about(claims, "quench through torsions", "less processor time")
    assert worse.verdict is Verdict.fails
    assert "not reached in 60" in worse.measured
    claims = verdicts([*slow, *searches_of("annealing", LATE, quenches=60)])
    assert claim_about(claims, "annealing", "fewer evaluations").verdict is Verdict.undecided


def test_a_claim_is_not_tested_without_ten_searches_of_each_arm():
    claims = verdicts([*searches_of("cartesian", LATE, quenches=60), *searches_of("slow_modes", SOON[:6])])
    scaled = claim_about(claims, "mass matrix", "fewer evaluations")
    assert scaled.verdict is Verdict.not_tested
    assert scaled.caveats[0] == "not in full: 6 of slow-mode masses"
    assert claim_about(claims, "moves in torsions", "fewer").verdict is Verdict.not_tested
    assert claim_about(claims, "2JOF").verdict is Verdict.not_tested


def test_processor_times_are_compared_on_one_kind_of_processor():
    slow, soon = (searches_of(*arm, quenches=60) for arm in (("cartesian", LATE), ("slow_modes", SOON)))
    other = [one._replace(made=MADE._replace(machine="another, 16 cores")) for one in soon]
    claims = verdicts([*slow, *other])
    assert claim_about(claims, "mass matrix", "fewer evaluations").verdict is Verdict.holds
    timed = claim_about(claims, "mass matrix", "less processor time")
    assert timed.verdict is Verdict.not_tested
    assert "a machine and another" in timed.caveats[0]
    assert compare(outcomes([*slow, *other]))["measure"].tolist() == ["evaluations"]


def test_searches_that_ended_before_the_hour_leave_the_claim_open():
    assert folded_by(times([1, 9], [3, 7]), 5) == (1, 2, 1)
    assert folded_by(times([5], [5]), 5) == (1, 1, 0)
    assert share_verdict(8, 0, 10) is Verdict.holds
    assert share_verdict(7, 1, 10) is Verdict.undecided
    assert share_verdict(6, 1, 10) is Verdict.fails
    assert share_verdict(10, 0, 20) is Verdict.fails
    hour = 720_000  # evaluations of the made-up searches
    for folds, ends, verdict in (
        ([1] * 8 + [None] * 2, hour, Verdict.holds),
        ([1] * 7 + [None] * 3, hour // 10, Verdict.undecided),
        ([1] * 7 + [None] * 3, hour, Verdict.fails),
    ):
        claims = verdicts(searches_of("cartesian", folds, quenches=10, step=ends / 10))
        assert claim_about(claims, "an hour", "replica exchange").verdict is verdict


def test_each_of_our_arms_is_held_beside_replica_exchange_and_openmm():
    arms = ("cartesian", "slow_modes", "openmm_300")
    rows = compare(outcomes([one for arm in arms for one in searches_of(arm, [2, 3])]))
    assert rows[["arm", "other", "measure"]].to_numpy().tolist() == [
        [arm, other, measure]
        for arm, other in (
            ("slow_modes", "cartesian"),
            ("cartesian", "openmm_300"),
            ("slow_modes", "openmm_300"),
        )
        for measure in ("evaluations", "cpu_s")
    ]
    assert rows["ratio"].tolist() == [1.0] * 6
    short = [*searches_of("cartesian", [2, 3]), *searches_of("openmm_300", [None], quenches=2)]
    assert compare(outcomes(short)).empty
    assert compare(outcomes(searches_of("torsion_moves", [2]))).empty


def test_openmm_stands_for_its_best_temperature():
    ours = searches_of("slow_modes", SOON, quenches=60)
    cold, hot = (searches_of(f"openmm_{k}", folds, quenches=60) for k, folds in ((300, NEVER), (410, LATE)))
    few = searches_of("openmm_351", SOON[:2], quenches=60)
    assert best_of(outcomes([*ours, *cold, *few, *hot]), "openmm") == "openmm_410"
    assert best_of(outcomes(ours), "openmm") is None
    timeless = [one._replace(table=one.table.assign(cpu_s=0.0)) for one in hot]
    assert best_of(outcomes(timeless), "openmm") is None  # without a mean none is the best
    found = claim_about(verdicts([*ours, *cold, *few, *hot]), "OpenMM's Langevin", "slow-mode masses")
    assert found.verdict is Verdict.holds
    assert "OpenMM, 410 K" in found.measured
    as_slow = [one._replace(arm="slow_modes") for one in hot]
    failed = claim_about(verdicts([*as_slow, *cold, *few, *hot]), "OpenMM's Langevin", "slow-mode masses")
    assert failed.verdict is Verdict.fails
    two = claim_about(verdicts([*ours, *cold, *hot]), "OpenMM's Langevin", "slow-mode masses")
    assert two.verdict is Verdict.not_tested  # the best of two is not known to be the best
    assert "2 of openmm" in two.caveats[0]
    open_still = Compared(np.inf, 0.01, True, Estimate(0.15, 0.1, 0.3))
    assert ratio_verdict(open_still) is Verdict.undecided


def test_a_short_search_by_openmm_gives_the_speed_for_dynamics_at_one_temperature():
    ours = searches_of("slow_modes", LATE, quenches=60)
    alone = searches_of("single_temperature", LATE, quenches=60)
    words = ("speed of OpenMM", "slow-mode masses")
    untold = claim_about(verdicts([*ours, *alone]), *words)
    assert untold.verdict is Verdict.not_tested
    assert "none by OpenMM" in untold.caveats[0]
    (short,) = searches_of("openmm_351", [None], quenches=5)
    assert ps_a_second([short, *ours], "5AWL") == pytest.approx(10)  # as the tables have it
    slowed = short.table.assign(cpu_s=[7.0, 27.0, 47.0, 67.0, 87.0])  # whatever came before the first
    short = short._replace(table=slowed)
    assert ps_a_second([short], "5AWL") == pytest.approx(0.5)
    assert np.isnan(ps_a_second([short], "2JOF"))
    found = claim_about(verdicts([*ours, *alone, short]), *words)
    assert found.verdict is Verdict.holds
    assert "one temperature at 1.8 ns an hour 10 of 10, median 800" in found.measured
    assert "ratio of medians 0.05" in found.measured
    elsewhere = short._replace(made=MADE._replace(machine="another, 16 cores"))
    apart = claim_about(verdicts([*ours, *alone, elsewhere]), *words)
    assert apart.verdict is Verdict.not_tested  # a speed on one processor, and times of another
    assert "a machine and another" in apart.caveats[0]
    fast = short._replace(table=slowed.assign(cpu_s=slowed["cpu_s"] / 20))
    assert claim_about(verdicts([*ours, *alone, fast]), *words).verdict is Verdict.fails


def test_the_dynamics_beside_which_a_ladder_is_held_are_named_with_their_temperature():
    def told(*kelvin):
        alone = [one for k in kelvin for one in searches_of(f"single_temperature_{k}", LATE, quenches=60)]
        ours, short = searches_of("slow_modes", SOON, quenches=60), searches_of("openmm_351", [None])
        return claim_about(verdicts([*ours, *alone, *short]), "speed of OpenMM", "slow-mode masses")

    assert "(one temperature, 351 K)" in told(351).claim
    assert any("few were tried" in caveat for caveat in told(351).caveats)
    assert not any("few were tried" in caveat for caveat in told(300, 351, 410).caveats)


def test_a_claim_lists_searches_that_ended_above_a_minimum_that_is_known_elsewhere():
    other = Kept("5AWL", "annealing", 0, table([-5.5], [4]), MADE)
    shallow = [search(2, quenches=5, seed=3), *searches_of("cartesian", [1, 1, 1])]  # -5, and thrice -10
    caveats = claim_about(verdicts([*shallow, other]), "an hour", "replica exchange").caveats
    assert caveats[-1].endswith("5.5 kJ/mol): replica exchange 3")
    caveats = claim_about(verdicts(shallow), "an hour", "replica exchange").caveats
    assert not any("known elsewhere" in caveat for caveat in caveats)


def test_a_report_says_which_searches_ended_by_an_earlier_rule(tmp_path):
    folder = tmp_path / "quenches" / "5AWL"
    folder.mkdir(parents=True)
    made = {
        0: MADE,  # its 1000 evaluations are used
        1: MADE._replace(budget_evaluations=5000),
        2: MADE._replace(budget_evaluations=5000, budget_energy=-3.0),
        3: MADE._replace(budget_evaluations=5000, budget_cpu_s=10.0),
    }
    for seed, how in made.items():
        keep(folder, "cartesian", seed, search(2, seed=seed).table, np.zeros((4, 3), np.float32), how)
    write_report(tmp_path)
    text = (tmp_path / "REPORT.md").read_text()
    (line,) = [line for line in text.splitlines() if "earlier rule" in line]
    assert line.endswith(": replica exchange 1")


def test_the_lowest_minimum_of_the_larger_peptide_decides_not_the_nearest():
    near = table([-30, -20], [5, 1])
    claim = claim_about(verdicts([Kept("2JOF", "slow_modes", 0, near, None)]), "2JOF")
    assert claim.verdict is Verdict.fails
    assert "lowest not native \N{MINUS SIGN}30 kJ/mol at 5.00 A (slow-mode masses 0)" in claim.measured
    assert "nearest to native \N{MINUS SIGN}20 kJ/mol at 1.00 A" in claim.measured
    native = table([-30, -40], [5, 1])
    kept = [Kept("2JOF", "slow_modes", 0, near, None), Kept("2JOF", "slow_modes", 1, native, None)]
    assert claim_about(verdicts(kept), "2JOF").verdict is Verdict.holds


def test_minima_whose_energies_are_not_told_apart_decide_nothing():
    """Of two searches one may be lower than the other by less than their quenches are right to."""
    native, other = table([-30.3, -10], [1, 5]), table([-30, -10], [2.02, 5])
    kept = [Kept("2JOF", "slow_modes", seed, one, None) for seed, one in enumerate((native, other))]
    assert claim_about(verdicts(kept), "2JOF").verdict is Verdict.undecided
    for gap, verdict in ((1.01, Verdict.holds), (0.99, Verdict.undecided), (-1.01, Verdict.fails)):
        assert verdict_of(-100.0, -100.0 + gap * RESOLUTION) is verdict
    assert verdict_of(-100.0, np.nan) is Verdict.holds
    assert verdict_of(np.nan, -100.0) is Verdict.fails


@pytest.fixture
def results(tmp_path):
    for problem, arm, folds in (
        ("5AWL", "slow_modes", [2, None]),
        ("5AWL", "cartesian", [3, 5]),
        ("2JOF", "slow_modes", [None]),
    ):
        folder = tmp_path / "quenches" / problem
        folder.mkdir(parents=True, exist_ok=True)
        for one in searches_of(arm, folds, problem):
            keep(folder, arm, one.seed, one.table, np.zeros((4, 3), np.float32), MADE)
    return tmp_path


def test_a_report_is_made_from_the_folder_alone(results):
    for path in results.glob("quenches/*/*.npy"):
        path.unlink()
    write_report(results)
    report = (results / "REPORT.md").read_text()
    assert "not reached in 0.001" in report  # 10^6 evaluations
    assert report.index("## 5AWL") < report.index("## 2JOF")
    assert "![Share of searches of 5AWL that have not folded](survival-5AWL.png)" in report
    assert "No search has folded." in report
    for name in ("survival-5AWL", "funnel-5AWL", "funnel-2JOF"):
        assert (results / f"{name}.png").exists()
        assert (results / f"{name}.pdf").exists()
    assert not (results / "survival-2JOF.png").exists()
    assert "commands that are not recorded" not in report
    assert len(pd.read_csv(results / "searches.csv")) == 5
    commands = read_text(results / "commands.csv")
    assert commands["runs"].tolist() == ["5"]
    assert commands["wall_s"].tolist() == ["10.0"]
    before = {path.name: path.read_bytes() for path in results.glob("*.*")}
    write_report(results)
    assert {path.name: path.read_bytes() for path in results.glob("*.*")} == before


def test_searches_that_do_not_say_how_they_were_made_are_counted(results):
    (results / "quenches" / "5AWL" / "cartesian-0.json").unlink()
    write_report(results)
    assert "- 1 searches are of commands that are not recorded here" in (results / "REPORT.md").read_text()


def test_files_of_something_else_are_refused_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench_folding", "report", str(tmp_path)])
    assert bench_folding.main() == 2
    assert capsys.readouterr().err.count("\n") == 1
    folder = tmp_path / "quenches" / "5AWL"
    folder.mkdir(parents=True)
    table([-1], [1]).drop(columns="energy").to_csv(folder / "cartesian-0.csv.gz", index=False)
    assert bench_folding.main() == 2
    assert "cartesian-0.csv.gz: lacks energy" in capsys.readouterr().err


class Walk:
    """A walk whose third quench is native and lowest."""

    def __init__(self):
        self.moves = 0

    def move(self):
        self.moves += 1
        return Moved(10, 0.5, [Frame(300.0, np.full((4, 3), float(self.moves)))])

    def quench(self, frame):
        return Quenched(frame.positions, -float(frame.positions[0, 0]), 0.0, 5)


class Problem:
    """One that says how near a frame is, or that has too few CA atoms for it."""

    def __init__(self, with_ca=True, names=NAMES):
        self.names = names
        self.shape = SimpleNamespace(of_positions=lambda positions: self.of(positions[0, 0], with_ca))

    @staticmethod
    def of(move, with_ca):
        near = {"rmsd_ca": 1.0 if move >= 3 else 5.0} if with_ca else {}
        return near | {"radius_of_gyration": 4.0}


@pytest.fixture
def begun(monkeypatch):
    """Seeds that were begun, by an arm that needs no time."""
    seeds = []

    def begin(seed):
        seeds.append(seed)
        return Walk()

    monkeypatch.setattr(running, "ARMS", {"arm": lambda problem: SimpleNamespace(begin=begin)})
    return seeds


def test_searches_that_are_there_are_not_made_again(tmp_path, begun, capsys):
    folder = tmp_path / "P"
    running.run_searches(Problem(), folder, ["arm"], [0, 1], Budget(150, np.inf, -np.inf))
    assert "searches, whatever" not in capsys.readouterr().out
    held = {path: path.read_bytes() for path in folder.iterdir()}
    (folder / "arm-1.csv.gz").unlink()
    running.run_searches(Problem(), folder, ["arm"], [0, 1, 2], Budget(150, np.inf, -np.inf))
    assert begun == [0, 1, 1, 2]
    assert (folder / "arm-0.json").read_bytes() == held[folder / "arm-0.json"]
    out = capsys.readouterr().out
    assert out.startswith(f"{folder}: has 1 of 3 searches")
    assert [line.partition(":")[0] for line in out.splitlines()[1:]] == ["arm 1", "arm 2"]


def test_searches_of_another_problem_do_not_enter_a_folder(tmp_path, begun):
    budget = Budget(150, np.inf, -np.inf)
    running.run_searches(Problem(), tmp_path, ["arm"], [0], budget)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for field, value in (("pdb", "2JOF"), ("force_field", "amber14_onlysc"), ("start", "native")):
        other = Problem(names=NAMES._replace(**{field: value}))
        with pytest.raises(UserError) as raised:
            running.run_searches(other, tmp_path, ["arm"], [0, 1], budget)
        message = str(raised.value)
        assert f"--{field.replace('_', '-')} " in message
        assert f" and {value}" in message or f"{value} and " in message
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_names_of_a_problem_are_those_of_its_files_and_unknown_ones_differ_from_none(tmp_path):
    assert names_of("x/5awl.pdb", "gbn2", "x/onlysc.xml,implicit/gbn2.xml", "y/start.pdb") == ProblemNames(
        "5AWL", "gbn2", "onlysc,gbn2", "start"
    )
    unknown = [ProblemNames(), NAMES._replace(solvent=None)]
    assert common_names(tmp_path, [*unknown, NAMES]) == NAMES
    assert common_names(tmp_path, unknown) == NAMES._replace(solvent=None)
    assert common_names(tmp_path, []) == ProblemNames()


def test_a_report_of_several_problems_in_one_folder_is_refused_in_one_line(results, monkeypatch, capsys):
    for seed, solvent in ((0, "gbn2"), (1, "obc2")):
        path = results / "quenches" / "5AWL" / f"cartesian-{seed}.json"
        path.write_text(json.dumps(MADE._replace(solvent=solvent)._asdict()))
    monkeypatch.setattr("sys.argv", ["bench_folding", "report", str(results)])
    assert bench_folding.main() == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "5AWL: holds searches of one problem, not of --solvent gbn2 and obc2" in error
    assert not (results / "REPORT.md").exists()


def test_a_report_names_the_problem_of_its_searches(results):
    for path in results.glob("quenches/5AWL/*.json"):
        path.write_text(json.dumps(MADE._replace(**NAMES._asdict())._asdict()))
    write_report(results)
    report = (results / "REPORT.md").read_text()
    assert "structure `5AWL`, force field `amber14`, solvent `gbn2`, start `extended`." in report
    assert report.count("All searches: of a problem that is not recorded.") == 1  # the other folder


def test_negative_seeds_are_refused(tmp_path, begun):
    with pytest.raises(UserError, match=r"--seeds: expected .* not negative, got -1"):
        running.run_searches(Problem(), tmp_path / "P", ["arm"], [0, -1], Budget(150, np.inf, -np.inf))
    assert begun == []


def test_an_interrupted_command_keeps_the_searches_that_have_ended(tmp_path, monkeypatch, capsys):
    class Interrupted(Walk):
        def move(self):
            if self.moves == 2:
                signal.raise_signal(signal.SIGINT)
            assert self.moves < 3  # it stops after the quench that follows
            return super().move()

    def begin(seed):
        return Interrupted() if seed == 1 else Walk()

    arms = {"cartesian": lambda problem: SimpleNamespace(begin=begin)}
    monkeypatch.setattr(running, "ARMS", arms)
    monkeypatch.setattr(bench_folding, "problem_of", lambda *chosen: Problem())
    command = ["run", str(tmp_path / "P"), "--arms", "cartesian", "--evaluations", "150", "--seeds"]
    monkeypatch.setattr("sys.argv", ["bench_folding", *command, "0", "1", "2"])
    assert bench_folding.main() == 130
    error = capsys.readouterr().err
    assert error.splitlines()[-1].startswith("interrupted: ")
    assert "Traceback" not in error
    names = {path.name for path in (tmp_path / "P").iterdir()}
    assert names == {"cartesian-0.csv.gz", "cartesian-0.json", "cartesian-0.npy"}


@pytest.mark.parametrize(("energy", "quenches"), [(0, 3), (-2.5, 3), (-3, 4), (-7, 8), (-np.inf, 20)])
def test_a_search_ends_with_a_native_minimum_below_an_energy(energy, quenches):
    arm = SimpleNamespace(begin=lambda seed: Walk())
    assert len(searching.search(Problem(), arm, 0, Budget(300, np.inf, energy)).rows) == quenches


def test_a_minimum_that_is_not_native_ends_no_search():
    arm = SimpleNamespace(begin=lambda seed: Walk())
    assert len(searching.search(Problem(with_ca=False), arm, 0, Budget(300, np.inf, 0)).rows) == 20


def test_a_search_keeps_how_it_was_made_and_its_lowest_minimum(tmp_path, begun):
    running.run_searches(Problem(), tmp_path / "P", ["arm"], [7], Budget(150, np.inf, -np.inf))
    (kept,) = searches_in(tmp_path)
    assert (kept.problem, kept.arm, kept.seed) == ("P", "arm", 7)
    assert kept.made.budget_evaluations == 150
    assert kept.made.budget_cpu_s is None
    assert kept.made.command.startswith("scripts/bench_folding")
    assert kept.made.names == NAMES
    assert folded_at(kept.table) == 2
    assert kept.table["evaluations"].tolist() == [15 * k for k in range(1, len(kept.table) + 1)]
    assert np.load(tmp_path / "P" / "arm-7.npy")[0, 0] == len(kept.table)


def test_without_three_ca_atoms_nothing_folds_and_the_report_says_so(tmp_path, begun):
    folder = tmp_path / "quenches" / "P"
    running.run_searches(Problem(with_ca=False), folder, ["arm"], [0], Budget(150, np.inf, -np.inf))
    write_report(tmp_path)
    assert "No search has folded." in (tmp_path / "REPORT.md").read_text()
    assert (tmp_path / "funnel-P.png").exists()


def test_every_arm_has_words_and_a_style():
    for arm in ARMS:
        assert described(arm).does, arm
    styles = {(described(arm).color, described(arm).line) for arm in ARMS}
    assert len(styles) == len(ARMS)
    assert described("unheard_of").title == "unheard_of"
    assert described("openmm_351").title == "OpenMM, 351 K"


def test_arms_of_several_temperatures_are_of_one_kind_the_coldest_first():
    names = ["openmm_410", "slow_modes", "openmm_99.5", "openmm_300", "cartesian"]
    assert in_order(names) == ["cartesian", "slow_modes", "openmm_99.5", "openmm_300", "openmm_410"]
    assert one_of_each(names) == ["openmm_410", "slow_modes", "cartesian"]


def test_a_few_short_searches_do_not_limit_the_other_arms():
    rows = outcomes([*searches_of("cartesian", [None] * 3), *searches_of("openmm_300", [None], quenches=2)])
    assert common_limit(rows, "evaluations") == 1000
    assert common_limit(rows[rows["arm"] == "openmm_300"], "evaluations") == 200


class Bowl:
    """A molecule of four atoms, padded to six: a quench goes nowhere, energies follow from x."""

    def __init__(self, slope):
        self.slope = slope
        self.system = SimpleNamespace(
            n=4, positions=np.zeros((6, 3)), energy_unit="kJ/mol", from_file_frame=lambda x: x
        )
        self.shape = SimpleNamespace(of_positions=self.of_positions)

    @staticmethod
    def of_positions(positions):
        assert positions.shape == (4, 3)
        return {"rmsd_ca": float(10 * positions[0, 0])}

    def quench(self, positions, stages=None):
        return Quenched(positions, float(self.slope * positions[0, 0]), 0.0, 1)

    def annealed(self, positions):
        return positions


def test_the_lowest_minima_near_the_native_structure_and_elsewhere_are_told_apart(tmp_path):
    minima = np.zeros((3, 4, 3))
    minima[:, 0, 0] = [0.1, 0.3, 0.5]
    higher = np.zeros((30, 4, 3))
    higher[:, 0, 0] = 0.9  # beyond the lowest ones, of which the file is a list
    np.savez(
        tmp_path / "positions.npz", minima=np.concatenate([minima, np.repeat(minima[:1], 17, 0), higher])
    )
    problems = [("amber14", "gbn2", Bowl(10.0)), ("x/onlysc.xml", "obc2", Bowl(-10.0))]
    up, down = energy_study(problems, [tmp_path])
    assert (up["minima"], up["native_energy"], up["near_energy"]) == (21, 0.0, 0.0)
    assert (up["elsewhere_energy"], up["elsewhere_rmsd_ca"]) == (3.0, 3.0)
    assert (down["force_field"], down["solvent"], down["near_energy"]) == ("onlysc", "obc2", -1.0)
    assert (down["elsewhere_energy"], down["elsewhere_rmsd_ca"]) == (-5.0, 5.0)


def test_the_lowest_minima_of_searches_are_studied_as_well(tmp_path):
    for seed, place in enumerate([0.1, 0.3]):
        lowest = np.zeros((4, 3), np.float32)
        lowest[0, 0] = place
        keep(tmp_path, "cartesian", seed, table([-1], [1]), lowest, MADE)
    (row,) = energy_study([("amber14", "gbn2", Bowl(10.0))], [tmp_path])
    assert (row["minima"], row["elsewhere_energy"]) == (3, pytest.approx(3))


def test_minima_of_another_molecule_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"positions\.npz: no such file"):
        list(energy_study([("amber14", "gbn2", Bowl(1.0))], [tmp_path]))
    np.savez(tmp_path / "positions.npz", minima=np.zeros((2, 5, 3)))
    with pytest.raises(UserError, match="another molecule: expected 4 atoms"):
        list(energy_study([("amber14", "gbn2", Bowl(1.0))], [tmp_path]))


def test_a_molecule_without_three_ca_atoms_has_no_native_minima(tmp_path):
    bowl = Bowl(1.0)
    bowl.shape = SimpleNamespace(of_positions=lambda x: {"radius_of_gyration": 4.0})
    with pytest.raises(UserError, match="--pdb: expected three CA atoms"):
        list(energy_study([("amber14", "gbn2", bowl)], []))


def test_folders_without_minima_are_refused(tmp_path):
    """A folder of `nnrep run`, one of an interrupted search, and searches that have met no minimum."""
    run, interrupted, searched = (tmp_path / name for name in ("run", "interrupted", "searched"))
    for folder in (run, interrupted, searched):
        folder.mkdir()
    np.savez(run / "positions.npz", start=np.zeros((4, 3)))
    np.savez(interrupted / "positions.npz", minima=np.zeros((0, 4, 3)))
    np.save(searched / "cartesian-0.npy", np.zeros((0, 3), np.float32))
    for folder in (run, interrupted, searched):
        with pytest.raises(UserError, match=f"{folder.name}: has no minima"):
            list(energy_study([("amber14", "gbn2", Bowl(1.0))], [folder]))
    np.save(searched / "cartesian-1.npy", np.zeros((4, 3), np.float32))
    (row,) = energy_study([("amber14", "gbn2", Bowl(1.0))], [searched])
    assert row["minima"] == 2


def test_the_report_shows_in_which_force_fields_the_native_basin_is_lowest(results):
    (row,) = energy_study([("amber14", "gbn2", Bowl(1.0))], [])
    made = Circumstances(
        "2026-01-02 03:05", "scripts/bench_folding energies x", "abc", "a machine", "nnrep 0"
    )
    save_study(results, "5AWL.pdb", pd.DataFrame([row]), made, 2.04)
    write_report(results)
    report = (results / "REPORT.md").read_text()
    assert report.count("Is the native basin the lowest?") == 1
    assert "not recorded" not in report.partition("## How it was made")[2]
    assert read_text(results / "commands.csv")["command"].tolist()[-1] == made.command
    assert studies_in(results, ["5AWL", "2JOF"])["5AWL"].made.wall_s == 2.0
    (results / "energies-5AWL.json").unlink()
    write_report(results)
    assert "- not recorded: the commands of `energies-5AWL.csv`" in (results / "REPORT.md").read_text()


def test_the_lowest_minimum_elsewhere_may_be_a_quench_of_which_no_positions_are_kept():
    columns = {
        "force_field": ["amber14", "x"],
        "solvent": "gbn2",
        "elsewhere_energy": -9.0,
        "elsewhere_rmsd_ca": 3.0,
    }
    study = pd.DataFrame(columns)
    searches = outcomes([Kept("5AWL", "cartesian", 7, table([-10, -20], [4, 1]), None)])
    lower, words = with_lower_quench(study, searches, NAMES)
    assert lower["elsewhere_energy"].tolist() == [-10, -9]  # in the force field of the searches
    assert lower["elsewhere_rmsd_ca"].tolist() == [4, 3]
    assert "replica exchange 7" in words
    assert "of the others it is -9.00 kJ/mol" in words
    assert study["elsewhere_energy"].tolist() == [-9, -9]
    for names in (ProblemNames(), NAMES._replace(solvent="obc2")):
        assert with_lower_quench(study, searches, names)[1] == ""
    higher = outcomes([Kept("5AWL", "cartesian", 7, table([-8, -20], [4, 1]), None)])
    same, words = with_lower_quench(study, higher, NAMES)
    assert (words, same["elsewhere_energy"].tolist()) == ("", [-9, -9])


def test_a_quench_takes_as_many_steps_as_its_last_stage_may(monkeypatch):
    seen = []
    monkeypatch.setattr(
        folding.problem, "quenched", lambda system, stages, positions, most: seen.append(most) or "end"
    )
    short, long = (SimpleNamespace(max_steps=steps) for steps in (200, 5000))
    peptide = folding.problem.Problem(None, None, (long, short), NAMES)
    assert peptide.quench(np.zeros((4, 3))) == peptide.quench(np.zeros((4, 3)), (short, long)) == "end"
    assert seen == [200, 5000]
