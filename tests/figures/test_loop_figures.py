"""Figures 2 and 3: summaries of runs, and the verdicts that follow from the numbers."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from added_seeds import check_quoted_means
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from timed_claims import check_timed_claims

from nnrep.figures import FIGURES
from nnrep.figures.analysis.labels import METHOD_LABELS
from nnrep.figures.analysis.selection import best_setting, typical_run
from nnrep.figures.analysis.summary import summarise, with_times
from nnrep.figures.claim import Verdict, claims_table
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig3.picture import pooled
from nnrep.figures.fig3.published import PUBLISHED_RUNS
from nnrep.figures.figure import Figure
from nnrep.figures.loops import is_published
from nnrep.figures.markdown import markdown_table
from nnrep.figures.saving import save_picture
from nnrep.records.palette import method_color
from nnrep.records.table import run_columns
from nnrep.systems.loop import LoopConfig

FIG2, FIG3 = FIGURES["fig2"], FIGURES["fig3"]
BOUNDS = {"pure_lj": -0.1307, "bond_lj": -0.02367}


class RunConfigLike(NamedTuple):
    """What figures read of a configuration."""

    system: LoopConfig


def runs_of(
    potential: str, reparam: str, energies, time=1.0, modes=250, learning_rate=0.01, n=1000, **more
) -> pd.DataFrame:
    """Runs of one setting."""
    modes = 0 if reparam == "none" else modes
    setting = {
        "config_hash": f"{potential}-{reparam}-{modes}-{learning_rate}",
        "system": "loop",
        "potential": potential,
        "n": n,
        "baseline": "none",
        "reparam": reparam,
        "modes": modes,
        "optimizer": "adam",
        "learning_rate": learning_rate,
        "min_delta": 1e-6,
        "status": "converged",
        "energy_bound": BOUNDS[potential],
        "bond_fraction": 1.0,
        "contact_fraction": 1.0,
        "pieces": 1,
        "largest_piece": 1.0,
        "steps_coarse": 0,
        "steps_fine": 100,
        "time_modes_fresh_s": 0.0,
        "time_modes_compile_s": 0.0,
        "time_fit_s": 0.0,
        "time_minimize_s": time,
        "time_compile_s": 0.5,
        "time_total_s": time,
        "precision": "float32",
        "device": "cpu",
        "versions": "nnrep",
        **more,
    }
    rows = [{**setting, "energy": energy, "seed": seed} for seed, energy in enumerate(energies)]
    table = pd.DataFrame(rows)
    table["run_id"] = [f"{row.config_hash}-{row.seed}" for row in table.itertuples()]
    return table.reindex(columns=run_columns())


def evidence_of(*tables: pd.DataFrame) -> Evidence:
    """With the same runs as repeats of the settings that are picked."""
    runs = pd.concat(tables, ignore_index=True)
    summary = summarise(runs)
    rng = np.random.default_rng(0)
    repeats = runs[runs["config_hash"].isin(FIG3.repeated(summary))]
    systems = [LoopConfig(n=int(n)) for n in runs["n"].unique()]
    return Evidence(
        runs=runs,
        summary=summary,
        repeats=repeats,
        positions=lambda run: rng.normal(size=(20, 3)),
        histories={run["run_id"]: history_of(run) for _, run in runs.iterrows()}.__getitem__,
        molecules={},
        missing={},
        configs=list(map(RunConfigLike, systems)),
    )


def history_of(run: pd.Series) -> pd.DataFrame:
    """Ten checks, the first at a tenth of the time: energy falls from one above its end in equal steps."""
    share = np.arange(1, 11) / 10
    energy = run["energy"] + 1 - share
    return pd.DataFrame(
        {"step": 20 * np.arange(1, 11), "time_s": share * run["time_minimize_s"], "energy": energy}
    )


def around(mean: float, count: int = 6, spread: float = 1e-3) -> np.ndarray:
    return mean + spread * np.linspace(-1, 1, count)


def paper_like() -> Evidence:
    """Runs that come out as the published ones."""
    tables = []
    for (potential, n, reparam), known in PUBLISHED_RUNS.items():
        if n == 1000:
            spread = 1e-3 if potential == "pure_lj" else 1e-7
            time = known.best_mean_time / 10
            tables.append(runs_of(potential, reparam, around(known.best_mean, spread=spread), time))
            far = known.median + abs(known.median)
            tables.append(
                runs_of(potential, reparam, around(far), known.median_time / 10, learning_rate=0.05)
            )
    return evidence_of(*tables)


def verdicts(figure: Figure, evidence: Evidence) -> dict[str, Verdict]:
    return {claim.claim: claim.verdict for claim in figure.claims(evidence)}


@pytest.mark.parametrize(("figure", "comparisons"), [(FIG2, 1), (FIG3, 3)])
def test_means_are_quoted_of_the_runs_that_decide(figure, comparisons):
    check_quoted_means(figure, paper_like(), comparisons)


@pytest.mark.parametrize(("figure", "count"), [(FIG2, 0), (FIG3, 10)])
def test_claims_on_wall_time_need_one_machine(figure, count):
    check_timed_claims(figure, paper_like(), count)


def test_summary_has_mean_deviation_and_best():
    energies = [-0.1, -0.05, 0.3]
    summary = summarise(runs_of("pure_lj", "cg", energies, contact_fraction=0.5))
    (row,) = summary.to_dict("records")
    assert row["energy_mean"] == pytest.approx(np.mean(energies))
    assert row["energy_std"] == pytest.approx(np.std(energies, ddof=1))
    assert (row["energy_best"], row["energy_median"], row["runs"]) == (-0.1, -0.05, 3)
    assert row["energy_over_bound"] == pytest.approx(np.mean(energies) / BOUNDS["pure_lj"])
    assert row["contact_fraction_best"] == 0.5
    assert "rmsd_ca_mean" not in row


def test_best_of_fractions_is_the_highest():
    runs = runs_of("pure_lj", "cg", [0.0, 0.0])
    runs["contact_fraction"] = [0.2, 0.8]
    assert summarise(runs)["contact_fraction_best"].item() == 0.8


def test_time_is_that_of_a_run_by_itself():
    runs = runs_of("pure_lj", "gnn", [0.0, 0.0], time=2.0, time_modes_fresh_s=0.25, time_fit_s=0.5)
    runs["time_compile_s"] = [3.0, 0.01]
    runs["time_modes_compile_s"] = 1.0
    row = summarise(runs).iloc[0]
    assert row["time_s_mean"] == 2.75
    assert row["time_compile_alone_s"] == 4.0
    assert row["time_with_compile_s_mean"] == 6.75


def test_openmm_does_not_wait_for_our_compilation():
    ours, theirs = runs_of("pure_lj", "none", [0.0]), runs_of("pure_lj", "none", [0.0])
    ours["time_compile_s"], theirs["time_compile_s"] = 9.0, 0.1
    theirs = theirs.assign(baseline="openmm_minimizer", config_hash="other")
    assert summarise(pd.concat([ours, theirs]))["time_compile_alone_s"].tolist() == [9.0, 0.1]


def test_diverged_runs_are_counted_and_left_out():
    runs = runs_of("pure_lj", "cg", [-0.1, -0.2, 1e9])
    runs.loc[2, "status"] = "diverged"
    row = summarise(runs).iloc[0]
    assert (row["diverged"], row["converged"], row["runs"]) == (1, 2, 3)
    assert row["energy_mean"] == pytest.approx(-0.15)


def test_figures_bear_it_if_everything_diverged():
    runs = pd.concat([runs_of("pure_lj", name, [1.0] * 6, status="diverged") for name in METHOD_LABELS])
    for figure in (FIG2, FIG3):
        assert Verdict.holds not in verdicts(figure, evidence_of(runs)).values()
        figure.draw(evidence_of(runs))


def test_a_setting_whose_runs_all_diverged_is_a_row():
    runs = pd.concat(
        [runs_of("pure_lj", "cg", [1.0] * 6, status="diverged"), runs_of("pure_lj", "none", [0.0] * 5)]
    )
    summary = summarise(runs)
    assert summary["diverged"].tolist() == [6, 0]
    assert np.isnan(summary["energy_mean"].iloc[0])
    for figure in (FIG2, FIG3):
        figure.claims(evidence_of(runs))
        figure.draw(evidence_of(runs))


def test_a_setting_with_a_diverged_run_is_not_the_best():
    grids = [runs_of("pure_lj", "gnn", around(-1.0), learning_rate=rate) for rate in (0.05, 0.02, 0.01)]
    for runs in grids[1:]:
        runs.loc[0, "status"] = "diverged"
    best = best_setting(evidence_of(*grids).summary, "pure_lj", "gnn")
    assert best["learning_rate"] == 0.05


def test_published_numbers_are_those_of_the_loop_that_was_run():
    sources = {
        n: [claim.source for claim in FIG3.claims(evidence_of(runs_of("pure_lj", "none", around(0.0), n=n)))]
        for n in (1000, 400)
    }
    assert any("CG -0.0771, GD -0.007)" in source for source in sources[1000])
    assert any("CG -0.0939, GD 0.2387)" in source for source in sources[400])
    assert not any("-0.0771" in source for source in sources[400])
    other = evidence_of(runs_of("pure_lj", "none", around(0.0)))
    other = other._replace(configs=[RunConfigLike(LoopConfig(n=1000, loop_length=20))])
    assert {claim.source for claim in FIG3.claims(other)} & {"figure 3, of another size"}
    assert not any("-0.0771" in claim.source for claim in FIG3.claims(other))
    assert is_published(LoopConfig(n=400))
    assert not is_published(LoopConfig(loop_length=20))
    assert not is_published(LoopConfig(n=5, loop_length=3))


def test_claims_of_figure_3_hold_for_what_was_published():
    verdict_of = verdicts(FIG3, paper_like())
    for claim in (
        "pure LJ: the best setting of CG ends lower than that of GD",
        "pure LJ: the best setting of GNN ends lower than that of GD",
        "pure LJ: the best setting of CG ends lower than that of GNN",
        "Bond+LJ: the best setting of CG takes longer than that of GD",
        "Bond+LJ: the best settings of all three methods end within 2 % of the bound",
        "Bond+LJ: a run of every method takes less time than there, on a GPU",
    ):
        assert verdict_of[claim] is Verdict.holds, claim


def test_claims_of_figure_3_fail_where_the_numbers_are_turned_round():
    tables = [
        runs_of("pure_lj", reparam, around(mean))
        for reparam, mean in (("none", -0.1), ("cg", 0), ("gnn", 0.1))
    ]
    verdict_of = verdicts(FIG3, evidence_of(*tables))
    for first, second in (("CG", "GD"), ("GNN", "GD")):
        claim = f"pure LJ: the best setting of {first} ends lower than that of {second}"
        assert verdict_of[claim] is Verdict.fails
    # Without starts that all settings share nothing can be said of all settings.
    assert verdict_of["pure LJ: over all settings GD ends lower than CG"] is Verdict.undecided


def shared(starts: dict[str, list[float]], potential="pure_lj") -> pd.DataFrame:
    """Five runs from each start, of one setting a method."""
    tables = []
    for reparam, energies in starts.items():
        values = [energy for energy in energies for _ in range(5)]
        tables.append(runs_of(potential, reparam, values, start="shared by 5"))
    return pd.concat(tables)


def evidence_of_shared(starts: dict[str, list[float]]) -> Evidence:
    fresh = [runs_of("pure_lj", reparam, around(0.0)) for reparam in starts]
    evidence = evidence_of(*fresh, shared(starts).assign(config_hash=lambda t: t["config_hash"] + "-shared"))
    return evidence._replace(configs=[RunConfigLike(LoopConfig(n=1000, runs_per_start=k)) for k in (1, 5)])


def test_published_values_are_held_against_the_spread_over_starts():
    claim = "pure LJ: the published best mean of every method lies within the spread over starts"
    methods = ("none", "cg", "gnn")
    wide = {name: list(np.linspace(-0.12, 0.1, 10)) for name in methods}
    assert verdicts(FIG3, evidence_of_shared(wide))[claim] is Verdict.holds
    high = wide | {"cg": list(np.linspace(-0.07, 0.1, 10))}  # published: -0.0771
    assert verdicts(FIG3, evidence_of_shared(high))[claim] is Verdict.undecided
    few = {name: values[::4] for name, values in wide.items()}
    assert verdicts(FIG3, evidence_of_shared(few))[claim] is Verdict.undecided


@pytest.mark.parametrize(("starts", "verdict"), [(118, Verdict.undecided), (119, Verdict.fails)])
def test_a_published_value_outside_the_spread_refutes_only_if_chance_seldom_puts_it_there(starts, verdict):
    """A further start lies outside of 119 in 2 of 120 cases, for one of three methods in up to 5 %."""
    energies = list(np.linspace(-0.07, 0.1, starts))  # published of CG: -0.0771
    spread = evidence_of_shared(dict.fromkeys(("none", "cg", "gnn"), energies))
    (claim,) = (claim for claim in FIG3.claims(spread) if "pure LJ: the published best mean" in claim.claim)
    assert claim.verdict is verdict
    assert "in up to 5 % of cases" in claim.caveats[0]


def test_tables_of_figure_3_are_of_fresh_and_of_shared_starts():
    starts = {"none": [0.0, 0.2], "cg": [0.1, 0.3]}
    tables = FIG3.tables(evidence_of_shared(starts))
    assert tables["fresh_starts"]["start"].unique().tolist() == ["fresh"]
    one = tables["one_start"]
    rows = {(row["start"], row["method"]): row for _, row in one.iterrows()}
    assert set(rows) == {(start, method) for start in (0, 1) for method in ("GD", "CG")}
    assert rows[1, "CG"]["best mean"] == pytest.approx(0.3)
    assert (one["runs"] == 5).all()
    spread = (
        tables["over_starts"].set_index(["loop", "method", "statistic"]).loc["pure LJ", "CG", "median energy"]
    )
    assert (spread["lowest"], spread["highest"], spread["starts"]) == (0.1, 0.3, 2)
    assert spread["published"] == 0.2232
    assert spread["within"]
    other = tables["over_starts"].set_index("loop").loc["Bond+LJ"]  # of which nothing was run
    assert other["within"].isna().all()
    # Fresh runs alone make the other claims and the picture.
    assert len(FIG3.repeated(evidence_of_shared(starts).summary)) == 2


def test_runs_without_shared_starts_have_no_table_of_them():
    assert list(FIG3.tables(evidence_of(runs_of("pure_lj", "none", around(0.0))))) == ["fresh_starts"]


def test_figure_3_needs_its_whole_grid():
    (need,) = {
        need.what: need for claim in FIG3.claims(paper_like()) for need in claim.needs if "72" in need.what
    }.values()
    few = need.lacking(
        evidence_of(*(runs_of("pure_lj", "none", around(0.0), learning_rate=r) for r in range(1, 7)))
    )
    assert "pure LJ GD" not in few  # all six are there
    for told in ("pure LJ CG 0 settings", "pure LJ GNN 0 settings", "Bond+LJ GD 0 settings"):
        assert told in few


OVER_ALL = "pure LJ: over all settings GD ends lower than CG"


@pytest.mark.parametrize("shift", [0.1, 0.0, -0.1])
@pytest.mark.parametrize("starts", [5, 10])
def test_methods_are_compared_over_starts_not_over_runs_that_share_them(shift, starts):
    """Starts differ by more than methods do, which does not matter; five starts are too few for all runs."""
    of_gd = np.random.default_rng(5).normal(size=starts)
    of_cg = of_gd + shift + 0.02 * np.random.default_rng(6).normal(size=starts)
    evidence = evidence_of_shared({"none": list(of_gd), "cg": list(of_cg)})
    decided = {0.1: Verdict.holds, 0.0: Verdict.undecided, -0.1: Verdict.fails}[shift]
    assert verdicts(FIG3, evidence)[OVER_ALL] is (decided if starts >= 6 else Verdict.undecided)


def test_a_start_from_which_most_runs_diverged_leaves_it_undecided():
    evidence = evidence_of_shared({"none": [0.0] * 8, "cg": [1.0, 1.1] * 4})
    assert verdicts(FIG3, evidence)[OVER_ALL] is Verdict.holds
    runs = evidence.runs.copy()
    first = (runs["reparam"] == "cg") & runs["start"].notna() & (runs["seed"] < 3)
    runs.loc[first, "status"] = "diverged"
    assert verdicts(FIG3, evidence._replace(runs=runs))[OVER_ALL] is Verdict.undecided


AT_TIME = "pure LJ: after equal time GNN is at a lower energy than GD"
AT_ENERGY = "pure LJ: GNN is sooner at GD's energy than GD in most runs"


@pytest.mark.parametrize(
    ("time", "energy", "at_time", "at_energy"),
    [
        (1.0, -0.5, Verdict.holds, Verdict.holds),  # sooner and lower
        (1.0, 0.4, Verdict.holds, Verdict.fails),  # ahead when it is done, but it never comes as low
        (5.0, -0.5, Verdict.fails, Verdict.fails),  # slow, though lower in the end
        (2.0, 0.0, Verdict.undecided, Verdict.undecided),
    ],
)
def test_acceleration_is_tested_at_equal_time_and_at_equal_energy(time, energy, at_time, at_energy):
    """GD falls by 1 in 2 s to 0."""
    plain = runs_of("pure_lj", "none", around(0.0), time=2.0)
    mapped = runs_of("pure_lj", "gnn", around(energy), time=time)
    verdict_of = verdicts(FIG3, evidence_of(plain, mapped))
    assert (verdict_of[AT_TIME], verdict_of[AT_ENERGY]) == (at_time, at_energy)


def coil_like(gd_pieces: int, cg_pieces: int, gnn_contacts: float) -> Evidence:
    pure = [
        runs_of("pure_lj", "none", around(0.0, 8), pieces=gd_pieces, contact_fraction=0.3),
        runs_of("pure_lj", "cg", around(-0.01, 8), pieces=cg_pieces, contact_fraction=0.4),
        runs_of("pure_lj", "gnn", around(-0.1, 8), contact_fraction=gnn_contacts),
    ]
    return evidence_of(*pure, *(runs_of("bond_lj", name, around(-0.023, 8)) for name in METHOD_LABELS))


def test_claims_of_figure_2_follow_pieces_and_contacts():
    assert set(verdicts(FIG2, coil_like(9, 2, 0.95)).values()) == {Verdict.holds}
    verdict_of = verdicts(FIG2, coil_like(1, 1, 0.5))
    assert verdict_of["pure LJ: GD leaves particles far away in most runs"] is Verdict.fails
    assert verdict_of["pure LJ: CG fails to join the pieces in most runs"] is Verdict.fails
    assert verdict_of["pure LJ: only GNN finds the coil in most runs"] is Verdict.fails
    assert verdict_of["Bond+LJ: GD, CG and GNN all find the coil in most runs"] is Verdict.holds


def test_a_coil_is_told_with_its_energy():
    """Tangled pairs leave bonds and contacts in place, and cost most of the energy."""
    pure = [runs_of("pure_lj", name, around(0.0, 8)) for name in METHOD_LABELS]
    bonded = [
        runs_of("bond_lj", name, around(-0.002 if name == "cg" else -0.023, 8, spread=0))
        for name in METHOD_LABELS
    ]
    claims = {claim.claim: claim for claim in FIG2.claims(evidence_of(*pure, *bonded))}
    claim = claims["Bond+LJ: GD, CG and GNN all find the coil in most runs"]
    assert claim.verdict is Verdict.holds
    assert "median energies GD -0.0230, CG -0.0020, GNN -0.0230 (bound" in claim.measured
    assert any("by shape alone" in caveat for caveat in claim.caveats)


@pytest.mark.parametrize("count", [4, 5, 6])
def test_the_typical_run_is_the_middle_one_or_the_lower_of_two(count):
    runs = runs_of("pure_lj", "cg", np.arange(count)[::-1] / 10.0)
    assert typical_run(runs)["energy"] == pytest.approx((count - 1) // 2 / 10)


@pytest.mark.parametrize("name", ["fig2", "fig4", "fig5"])
def test_captions_say_which_run_is_typical(name):
    """Of ten runs it is the fifth lowest, which is not the median energy."""
    assert "in the middle by energy (of an even number of runs the lower one of two)" in FIGURES[name].caption


@pytest.mark.parametrize("name", ["fig2", "fig3"])
def test_figures_draw_whatever_runs_they_have(name, tmp_path):
    figure = FIGURES[name]
    everything = paper_like()
    few = evidence_of(runs_of("pure_lj", "cg", [0.1], n=30))
    for evidence in (everything, few):
        save_picture(figure.draw(evidence), tmp_path, name)
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        table = claims_table(figure.claims(evidence))
        assert set(table["verdict"]) <= {verdict.value for verdict in Verdict}
        assert not table.isna().any().any()


def test_figure_3_marks_methods_as_the_paper_does():
    """Linear energy above, shape by modes, size by learning rate; the published marks below."""
    rates = [
        runs_of("bond_lj", "cg", around(-0.02), modes=m, learning_rate=r)
        for m in (200, 333)
        for r in (0.01, 0.05)
    ]
    evidence = paper_like()
    evidence = evidence._replace(runs=pd.concat([evidence.runs, *rates], ignore_index=True))
    above, below = FIG3.draw(evidence).axes[0], FIG3.draw(evidence).axes[2]
    assert (above.get_yscale(), below.get_yscale()) == ("linear", "log")
    assert above.get_xscale() == "log"
    marks = {}
    for mark in above.collections:
        if isinstance(mark, PathCollection):
            color = to_hex(mark.get_facecolor()[0]).upper()
            marks.setdefault(color, []).append((mark.get_paths()[0].vertices.tobytes(), mark.get_sizes()[0]))
    assert set(marks) == {method_color(name) for name in METHOD_LABELS}
    assert len({shape for shape, _ in marks[method_color("cg")]}) == 3
    assert {shape for shape, _ in marks[method_color("none")]}.isdisjoint(
        {shape for shape, _ in marks[method_color("cg")]}
    )
    assert len({size for _, size in marks[method_color("cg")]}) == 2
    known = PUBLISHED_RUNS["bond_lj", 1000, "gnn"]
    star = [known.best_mean_time, known.best_mean - BOUNDS["bond_lj"]]
    offsets = [mark.get_offsets()[0] for mark in below.collections if isinstance(mark, PathCollection)]
    assert any(np.allclose(offset, star) for offset in offsets)


def test_tolerances_are_pooled_in_the_picture():
    runs = [runs_of("pure_lj", "cg", around(mean), min_delta=d) for mean, d in ((0.1, 1e-6), (0.3, 1e-7))]
    runs[1]["config_hash"] += "-b"
    (row,) = pooled(with_times(pd.concat(runs))).to_dict("records")
    assert row["energy_mean"] == pytest.approx(0.2)


def test_markdown_tables_keep_their_columns():
    assert markdown_table(["a", "b"], [["x|y", 1]]) == "| a | b |\n| --- | --- |\n| x\\|y | 1 |"
