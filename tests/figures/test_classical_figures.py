"""Figures 7, 8 and 9: matrices of pairs, and the verdicts on numbers of modes."""

import re
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from added_seeds import check_quoted_means, with_added_seeds
from checkout import ROOT, SHARED_STRUCTURES
from structure_texts import tripeptide
from timed_claims import check_timed_claims

from nnrep.errors import ConfigError
from nnrep.figures import FIGURES
from nnrep.figures.analysis.selection import distinct_energies
from nnrep.figures.analysis.summary import summarise
from nnrep.figures.claim import Verdict, claims_table
from nnrep.figures.command_log import COMMAND_COLUMNS
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig8.claims import FOUR_PROTEINS
from nnrep.figures.figure import Figure
from nnrep.figures.report import write_report
from nnrep.figures.saving import save_arrays, save_picture
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.records.table import run_columns
from nnrep.reparam.cg import CGConfig
from nnrep.reparam.gnn import GNNConfig
from nnrep.reparam.none import NoneConfig
from nnrep.structures.extended import extended
from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.systems.force_fields.classical import ClassicalConfig
from nnrep.systems.protein import ProteinConfig, Start

FIG7, FIG8, FIG9 = FIGURES["fig7"], FIGURES["fig8"], FIGURES["fig9"]
HOLDS, FAILS, OPEN = Verdict.holds, Verdict.fails, Verdict.undecided


class RunConfigLike(NamedTuple):
    """What figures read of a configuration."""

    system: ProteinConfig


@cache
def stacked() -> np.ndarray:
    return extended(tripeptide())


def molecule(name: str) -> Molecule:
    return replace(tripeptide(), name=name)


def runs_of(reparam: str, energies, seconds=1.0, first_seed=0, **more) -> pd.DataFrame:
    """Runs of one setting, of so many seconds in the loop; half a second of modes for CG."""
    mapped = reparam == "cg"
    setting = {
        **{"system": "protein", "structure": "2JOF", "potential": "classical", "start": "extended", "n": 57},
        **{"baseline": "none", "reparam": reparam, "modes": 20 if mapped else 0, "optimizer": "adam"},
        **{"learning_rate": 1e-3, "learning_rate_coarse": 1e-2 if mapped else np.nan},
        **{
            "status": "converged",
            "rmsd_ca": 5.0,
            "rmsd_ca_start": 7.0,
            "radius_of_gyration": 2.5,
            "steps_coarse": 0,
            "steps_fine": 100,
        },
        **{"time_modes_fresh_s": 0.5 if mapped else 0.0, "time_modes_compile_s": 0.0, "time_fit_s": 0.0},
        **{"time_minimize_s": seconds, "time_compile_s": 1.0, "time_total_s": seconds},
        **{"energy_bonds": 1.0, "energy_angles": 2.0},
        **{"precision": "float32", "device": "cpu", "versions": "nnrep"},
        **more,
    }
    names = ("structure", "potential", "start", "reparam", "modes")
    setting["config_hash"] = "-".join(str(setting[name]) for name in names)
    rows = [{**setting, "energy": e, "seed": first_seed + seed} for seed, e in enumerate(energies)]
    table = pd.DataFrame(rows)
    table["run_id"] = [f"{row.config_hash}-{row.seed}" for row in table.itertuples()]
    return table.reindex(columns=run_columns())


def repeated(table: pd.DataFrame, times: int = 4) -> pd.DataFrame:
    """The runs of settings with fresh seeds and the same energies, several times over."""
    copies = [table.assign(seed=table["seed"] + 1000 * (k + 1)) for k in range(times)]
    fresh = pd.concat(copies, ignore_index=True)
    return fresh.assign(run_id=fresh["config_hash"] + "-" + fresh["seed"].astype(str))


def history_of(run: pd.Series) -> pd.DataFrame:
    """Energy falls to its end by the square of the time that is left."""
    share = np.arange(1, 101) / 100
    return pd.DataFrame(
        {
            "step": 20 * np.arange(1, 101),
            "time_s": share * run["time_minimize_s"],
            "energy": run["energy"] + 1000 * (1 - share) ** 2,
        }
    )


def evidence_of(*tables: pd.DataFrame, fresh: bool = True, config: ProteinConfig | None = None) -> Evidence:
    runs = pd.concat(tables, ignore_index=True)
    repeats = repeated(runs) if fresh else runs.iloc[:0]
    histories = {run["run_id"]: history_of(run) for _, run in pd.concat([runs, repeats]).iterrows()}
    extended_start = ProteinConfig(force_field="classical", start=Start.extended, perturbation=0.01)
    return Evidence(
        runs=runs,
        summary=summarise(runs),
        repeats=repeats,
        positions=lambda run: stacked(),
        histories=histories.__getitem__,
        molecules={name: molecule(name) for name in runs["structure"].unique()},
        missing={},
        configs=[RunConfigLike(config or extended_start)],
    )


def around(mean: float, count: int = 4, spread: float = 1.0) -> np.ndarray:
    return mean + spread * np.linspace(-1, 1, count)


def verdict_of(figure: Figure, evidence: Evidence, pattern: str) -> Verdict:
    (claim,) = (claim for claim in figure.claims(evidence) if re.search(pattern, claim.claim))
    return claim.verdict


# Figure 7


def test_matrices_are_symmetric_and_of_the_pairs_that_count():
    evidence = evidence_of(runs_of("none", [-1.0]), fresh=False)
    (matrices,) = FIG7.arrays(evidence).values()
    elements, residues = matrices["element"], matrices["residue"]
    assert len(elements) == tripeptide().n
    for kind in ("van_der_waals", "hydrogen_bonds", "hydrophobic"):
        lengths, energies = matrices[f"{kind}_length_angstrom"], matrices[f"{kind}_energy"]
        np.testing.assert_array_equal(lengths, lengths.T)
        np.testing.assert_allclose(energies, energies.T)
        np.testing.assert_array_equal(np.diag(lengths), 0)
        assert not energies[lengths == 0].any()
    carbons = np.ix_(elements == "C", elements == "C")
    assert set(np.unique(matrices["van_der_waals_length_angstrom"][carbons])) == {0.0, 3.4}
    assert set(np.unique(matrices["hydrogen_bonds_length_angstrom"])) == {0.0, 1.5}
    # Asn-Leu-Tyr: leucine alone is hydrophobic.
    hydrophobic = matrices["hydrophobic_length_angstrom"]
    leucine = residues == 1
    assert set(np.unique(hydrophobic[np.ix_(leucine, leucine)])) == {0.0, 4.0}
    assert set(np.unique(hydrophobic[np.ix_(leucine, ~leucine)])) == {0.0, 2.0}
    assert not hydrophobic[np.ix_(~leucine, ~leucine)].any()


def test_the_table_counts_the_matrices():
    evidence = evidence_of(runs_of("none", [-1.0]), fresh=False)
    (matrices,) = FIG7.arrays(evidence).values()
    (table,) = FIG7.tables(evidence).values()
    rows = table.set_index("kind")
    for kind, title in (("van_der_waals", "van der Waals"), ("hydrogen_bonds", "hydrogen bonds")):
        assert rows.loc[title, "pairs"] == np.count_nonzero(np.triu(matrices[f"{kind}_length_angstrom"], 1))
        half = matrices[f"{kind}_energy"].sum() / 2
        assert rows.loc[title, "energy / kJ/mol"] == pytest.approx(half, rel=1e-6)
    n = tripeptide().n
    assert rows.loc["all pairs of atoms", "pairs"] == n * (n - 1) // 2
    left_out = rows.loc["left out, one or two bonds apart", "pairs"]
    assert left_out + rows.loc["van der Waals", "pairs"] == n * (n - 1) // 2
    parts = [f"of which {how}" for how in ("both atoms hydrophobic", "one atom hydrophobic")]
    assert rows.loc[parts, "pairs"].sum() == rows.loc["hydrophobic contacts", "pairs"] > 0
    with_neighbours = ProteinConfig(classical=ClassicalConfig(exclude_neighbours=False))
    (table,) = FIG7.tables(evidence._replace(configs=[RunConfigLike(with_neighbours)])).values()
    assert table.set_index("kind").loc["left out, one or two bonds apart", "pairs"] == 0


def test_peptide_bonds_are_measured():
    evidence = evidence_of(runs_of("none", [-1.0]), fresh=False)
    (claim,) = FIG7.claims(evidence)
    assert claim.verdict is HOLDS
    assert claim.measured == "2 bonds of 1.320 to 1.320 A"
    native = evidence._replace(positions=lambda run: tripeptide().positions)
    (claim,) = FIG7.claims(native)
    assert claim.verdict is FAILS


def test_arrays_are_written_whole_and_repeat_to_the_byte(tmp_path):
    arrays = FIG7.arrays(evidence_of(runs_of("none", [-1.0]), fresh=False))["matrices"]
    for name in "ab":
        save_arrays(arrays, tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as held:
        assert set(held) == set(arrays)


# Figure 8


def four(cg, gd, cg_s=1.0, gd_s=1.0, structures=FOUR_PROTEINS) -> Evidence:
    tables = []
    for name in structures:
        tables.append(runs_of("none", around(gd), gd_s, structure=name))
        tables.append(runs_of("cg", around(cg), cg_s, structure=name))
        tables.append(runs_of("cg", around(max(cg, gd) + 500), cg_s, structure=name, modes=40))
    return evidence_of(*tables)


LOWER, SIMILAR, IN_TIME = "ends lower than GD", "similar time", "after equal time"


@pytest.mark.parametrize(
    ("evidence", "lower", "similar", "in_time"),
    [
        (four(-200, -100), HOLDS, HOLDS, FAILS),  # half a second of modes first
        (four(-100, -200), FAILS, HOLDS, FAILS),
        (four(-200, -100, cg_s=0.1), HOLDS, HOLDS, HOLDS),
        (four(-200, -100, cg_s=4.0), HOLDS, FAILS, FAILS),
        (four(-200, -100, gd_s=10.0), HOLDS, HOLDS, HOLDS),
        (four(-200, -100, cg_s=1.5), HOLDS, OPEN, FAILS),  # twice as long, to the digit
        (four(-100, -100), OPEN, HOLDS, FAILS),
    ],
)
def test_coarse_graining_is_compared_by_energy_time_and_both(evidence, lower, similar, in_time):
    assert verdict_of(FIG8, evidence, LOWER) is lower
    assert verdict_of(FIG8, evidence, SIMILAR) is similar
    assert verdict_of(FIG8, evidence, IN_TIME) is in_time


def test_means_are_quoted_of_the_runs_that_decide():
    peptide = {"structure": "1PLW", "start": "random"}
    evidence = evidence_of(
        runs_of("none", around(-100), **peptide), runs_of("cg", around(-200), **peptide), fresh=True
    )
    check_quoted_means(FIG8, evidence, 1)
    decided = with_added_seeds(FIG8, evidence)
    (claim,) = (claim for claim in FIG8.claims(decided) if LOWER in claim.claim)
    assert "1PLW: seeds are added because earlier tables" in claim.caveats[-1]
    assert "the first 26 fresh ones a side were known" in claim.caveats[-1]
    (alone,) = (claim for claim in FIG8.claims(evidence) if LOWER in claim.claim)
    assert not any("1PLW" in caveat for caveat in alone.caveats)


@pytest.mark.parametrize(("figure", "count"), [(FIG7, 0), (FIG8, 2), (FIG9, 0)])
def test_claims_on_wall_time_need_one_machine(figure, count):
    check_timed_claims(figure, four(-200, -100), count)


def test_the_best_number_of_modes_is_picked_from_the_grid_and_compared_by_fresh_seeds():
    evidence = four(-200, -100)
    picked = FIG8.repeated(evidence.summary)
    assert len(picked) == 8
    assert not any(name.endswith("-40") for name in picked)
    (claim,) = (claim for claim in FIG8.claims(evidence) if LOWER in claim.claim)
    assert claim.measured.count("(20 modes)") == 4
    # Fresh seeds decide: the grid's energies alone say nothing.
    raised = evidence.repeats.assign(energy=np.where(evidence.repeats["reparam"] == "cg", 0.0, -100.0))
    assert verdict_of(FIG8, evidence._replace(repeats=raised), LOWER) is FAILS


def test_a_missing_protein_leaves_claims_untested_and_one_that_fails_refutes_them():
    assert verdict_of(FIG8, four(-200, -100, structures=FOUR_PROTEINS[:3]), LOWER) is Verdict.not_tested
    assert verdict_of(FIG8, four(-100, -200, structures=FOUR_PROTEINS[:1]), LOWER) is FAILS
    other = [runs_of("none", around(-1.0), structure="1L2Y"), runs_of("cg", around(-5.0), structure="1L2Y")]
    (claim,) = (claim for claim in FIG8.claims(evidence_of(*other)) if LOWER in claim.claim)
    assert claim.verdict is Verdict.not_tested
    assert "not run: 2JOF, 2MGO, 1PLW, 5AWL" in claim.measured


def test_each_start_has_its_claims_and_rows():
    tables = [
        runs_of(reparam, around(-1.0), start=start)
        for start in ("extended", "random")
        for reparam in ("none", "cg")
    ]
    evidence = evidence_of(*tables)
    claims = [claim.claim for claim in FIG8.claims(evidence)]
    assert len(claims) == len(set(claims)) == 6
    (table,) = FIG8.tables(evidence).values()
    assert table["start"].tolist() == ["extended", "random"]
    assert table["t CG / t GD, of means"].tolist() == [1.5, 1.5]
    assert (table["modes"] == 20).all()
    assert table["modes / atoms"].tolist() == pytest.approx([20 / 57] * 2)


def test_points_grow_with_the_number_of_modes():
    tables = [runs_of("none", around(0.0)), *(runs_of("cg", around(-k), modes=k) for k in (15, 30, 50))]
    (axes,) = FIG8.draw(evidence_of(*tables)).axes
    dots = [(bars.get_label(), bars[0].get_markersize()) for bars in axes.containers]
    sizes = [size for label, size in dots if label == "CG"]
    assert len(sizes) == 3
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_notes_tell_random_starts_from_stacked_ones():
    evidence = four(-1, -2)
    systems = [ProteinConfig(start=start, perturbation=0.01) for start in (Start.extended, Start.random)]
    notes = " ".join(FIG8.notes(evidence._replace(configs=list(map(RunConfigLike, systems)))))
    assert "projection onto its modes" in notes
    assert "Gaussian clouds as wide as the native structure" in notes
    assert "noise of 0.01 A" in notes
    notes = " ".join(FIG8.notes(evidence._replace(configs=[RunConfigLike(systems[1])])))
    assert "noise" not in notes
    assert "copies" not in notes
    assert "of the positions 0.01, of CG's modes 0.1" in notes
    assert re.search(r"in A: 2JOF 2.5 \(\d.\d\), 2MGO 2.5 \(", notes)
    assert "collapse into themselves" in notes
    wide = evidence._replace(runs=evidence.runs.assign(radius_of_gyration=4.0))
    assert not any("collapse" in note for note in FIG8.notes(wide))


def test_notes_name_molecules_without_a_term():
    evidence = four(-1, -2)
    runs = evidence.runs.assign(energy_hydrophobic=-3.0, energy_hydrogen_bonds=-1.0)
    runs.loc[runs["structure"] == "5AWL", "energy_hydrophobic"] = 0.0
    notes = FIG8.notes(evidence._replace(runs=runs))
    assert [note for note in notes if note.startswith("5AWL has no")] == ["5AWL has no hydrophobic contacts."]
    assert not any("Disulphides" in note for note in notes)


def test_a_stretched_disulphide_is_said():
    path = SHARED_STRUCTURES / "2MGO.pdb"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    evidence = four(-1, -2)._replace(molecules={"2MGO": prepared(str(path), [], Preparation())})
    (note,) = (note for note in FIG8.notes(evidence) if "Disulphides" in note)
    assert note.endswith("2MGO 17.7 A.")
    random = evidence._replace(runs=evidence.runs.assign(start="random"))
    assert not any("Disulphides" in note for note in FIG8.notes(random))


def test_distinct_energies_are_counted():
    runs = runs_of("cg", [-100.0, -100.05, -90.0, -89.95, -50.0])
    assert distinct_energies(runs) == 3
    assert distinct_energies(runs.iloc[:0]) == 0
    assert distinct_energies(runs.assign(status="diverged")) == 0


# Figure 9


def grid(energies: dict[int, float], baseline: float = 0.0, spread: float = 1.0) -> Evidence:
    mapped = [runs_of("cg", around(energy, spread=spread), modes=modes) for modes, energy in energies.items()]
    return evidence_of(runs_of("none", around(baseline, spread=spread)), *mapped)


MATTERS, MORE, BEST, BASELINE = (
    "decides how low",
    "more eigenvectors",
    "the best number",
    "best number .* than the baseline",
)


@pytest.mark.parametrize(
    ("evidence", "matters", "more", "best", "baseline"),
    [
        (grid({10: -10, 20: -20, 30: -30}), HOLDS, HOLDS, HOLDS, HOLDS),
        (grid({10: -30, 20: -20, 30: -10}), HOLDS, FAILS, HOLDS, HOLDS),
        (grid({10: -10, 20: -30, 30: -10}, baseline=-40), HOLDS, OPEN, HOLDS, FAILS),
        (grid({10: -10, 20: -10, 30: -10}, spread=5.0), OPEN, OPEN, OPEN, HOLDS),
    ],
)
def test_numbers_of_eigenvectors_are_compared(evidence, matters, more, best, baseline):
    for pattern, verdict in ((MATTERS, matters), (MORE, more), (f"^{BEST} of", best), (BASELINE, baseline)):
        assert verdict_of(FIG9, evidence, pattern) is verdict, pattern


def test_few_runs_of_a_number_decide_nothing():
    evidence = grid({10: -10, 20: -20, 30: -30})
    few = evidence._replace(repeats=evidence.repeats.groupby("config_hash").head(4))
    assert {claim.verdict for claim in FIG9.claims(few)} == {OPEN}


def test_coarse_graining_that_has_not_begun_in_time_is_not_lower():
    evidence = four(-200, -100, gd_s=0.3)
    (claim,) = (claim for claim in FIG8.claims(evidence) if IN_TIME in claim.claim)
    assert claim.verdict is FAILS
    assert "after 0.30 s some runs had not come to their first check (16 of CG, 0 of GD)" in claim.measured
    assert "nan" not in claim.measured


def test_one_late_run_does_not_refute_a_claim():
    evidence = four(-200, -100, gd_s=30.0)
    (claim,) = (claim for claim in FIG8.claims(evidence) if IN_TIME in claim.claim)
    assert claim.verdict is HOLDS
    late = evidence.repeats.copy()
    first = late[(late["structure"] == "2JOF") & (late["reparam"] == "cg")].index[0]
    late.loc[first, "time_fit_s"] = 100.0
    (other,) = (each for each in FIG8.claims(evidence._replace(repeats=late)) if IN_TIME in each.claim)
    assert "(1 of CG, 0 of GD)" in other.measured
    assert other.verdict is claim.verdict


def test_every_number_is_compared_with_the_baseline():
    every = "with every number"
    assert verdict_of(FIG9, grid({10: -10, 20: -20}), every) is HOLDS
    mixed = grid({10: 10, 20: -20})
    assert verdict_of(FIG9, mixed, every) is FAILS
    (table,) = FIG9.tables(mixed).values()
    assert table["less baseline"].round(6).tolist()[:2] == [10, -20]
    assert np.isnan(table["less baseline"][2])  # of the baseline itself
    assert table["distinct energies"].tolist() == [4, 4, 4]


def test_what_figure_8_has_tested_already_is_said():
    """Both figures have the same settings of 2JOF from its extended chain, so that runs are the same."""
    fig8, fig9 = (set(pd.read_csv(ROOT / f"results/{name}/runs.csv")["run_id"]) for name in ("fig8", "fig9"))
    assert fig9 <= fig8
    claims = {claim.claim: claim.caveats for claim in FIG9.claims(grid({10: -10, 20: -20}))}
    same = "the same runs as those of 2JOF, extended start, in figure 8: not another test"
    assert same in claims["CG with the best number of eigenvectors ends lower than the baseline"]


@pytest.mark.parametrize(("higher", "verdict"), [(0.62, OPEN), (1.0, FAILS)])
def test_one_part_refutes_at_its_share_of_five_percent(higher, verdict):
    """Of 16 fresh runs a side, whose means have a standard error of 0.27: p is 0.03, and 0.001."""
    others = dict.fromkeys((20, 30), -20.0)
    assert verdict_of(FIG9, grid({10: higher, **others}), "with every number") is verdict
    tables = [runs_of("none", around(0.0), structure=name) for name in FOUR_PROTEINS]
    for name in FOUR_PROTEINS:
        tables.append(runs_of("cg", around(higher if name == "2JOF" else -20.0), structure=name))
    assert verdict_of(FIG8, evidence_of(*tables), LOWER) is verdict


def test_one_number_that_is_asked_for_in_two_ways_counts_once():
    same = runs_of("cg", around(-10), modes=20)
    other = same.assign(config_hash="other", run_id="other-" + same["seed"].astype(str))
    (table,) = FIG9.tables(evidence_of(same, other)).values()
    assert table["runs"].tolist() == [4]
    assert table["fresh runs"].tolist() == [16]


def test_settings_that_a_figure_cannot_tell_of_are_refused():
    def refused(figure, message, **changes):
        system = ProteinConfig(**{"force_field": "classical", "start": Start.extended, **changes})
        with pytest.raises(ConfigError, match=message):
            figure.check(CheckedLike(system))

    for figure in (FIG7, FIG8, FIG9):
        refused(figure, "system.force_field: must be classical", force_field="amber14")
    refused(FIG7, "system.start: must be extended", start=Start.native)
    refused(FIG7, "system.perturbation: must be null", perturbation=0.1)
    with pytest.raises(ConfigError, match="max_steps: must be 0"):
        FIG7.check(CheckedLike(ProteinConfig(force_field="classical", start=Start.extended), max_steps=5))
    refused(FIG8, "system.start: must be extended or random", start=Start.native)
    stacked_chain = ProteinConfig(force_field="classical", start=Start.extended)
    with pytest.raises(ConfigError, match="reparam: must be none, as figure 7"):
        FIG7.check(CheckedLike(stacked_chain, reparam=CGConfig()))
    for figure in (FIG8, FIG9):
        with pytest.raises(ConfigError, match=r"modes\.of: must be backbone"):
            figure.check(CheckedLike(stacked_chain, modes=ModesConfig(of=ModesOf.hessian)))
    with pytest.raises(ConfigError, match="reparam: must be none or cg"):
        FIG9.check(CheckedLike(ProteinConfig(force_field="classical"), reparam=GNNConfig()))


class CheckedLike(NamedTuple):
    """What checks read of a configuration."""

    system: ProteinConfig
    reparam: object = NoneConfig()
    max_steps: int = 0
    modes: ModesConfig = ModesConfig()


def test_every_setting_is_repeated():
    evidence = grid({10: -10, 20: -20})
    assert sorted(FIG9.repeated(evidence.summary)) == sorted(evidence.runs["config_hash"].unique())


def test_the_lowest_of_each_row_is_framed_and_the_lowest_of_all_thickly():
    picture = FIG9.draw(grid({10: -10, 20: -20, 30: -15}))
    cells = picture.axes
    assert len(cells) == 16
    frames = {place: axes.spines["left"] for place, axes in enumerate(cells) if axes.get_frame_on()}
    # `around` has its lowest first: frames are in the first column, the thick one in the second row of four.
    assert list(frames) == [0, 4, 8, 12]
    assert [frame.get_linestyle() for frame in frames.values()] == ["--", "-", "--", "--"]
    thick = frames.pop(4)
    assert thick.get_linewidth() > max(frame.get_linewidth() for frame in frames.values())
    assert cells[4].get_xlabel() == "\N{MINUS SIGN}21.0 kJ/mol, 5.00 Å"
    (legend,) = picture.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["native", "GD", "CG", "lowest energy of the row", "lowest of all"]


@pytest.mark.parametrize("name", ["fig7", "fig8", "fig9"])
@pytest.mark.parametrize("what", ["one", "diverged"])
def test_a_figure_of_little_still_has_its_files(name, what, tmp_path):
    figure = FIGURES[name]
    tables = [runs_of("none", [-1.0])]
    if what == "diverged":
        tables = [runs_of(reparam, [1.0] * 6, status="diverged") for reparam in ("none", "cg")]
    evidence = evidence_of(*tables, fresh=what == "diverged")
    save_picture(figure.draw(evidence), tmp_path, name)
    assert (tmp_path / f"{name}.png").stat().st_size > 5_000
    table = claims_table(figure.claims(evidence))
    assert not table.isna().any().any()
    if name != "fig7":
        assert set(table["verdict"]) <= {"undecided", "not tested"}
    commands = pd.DataFrame({"runs": [len(evidence.runs) + len(evidence.repeats)]}).reindex(
        columns=COMMAND_COLUMNS
    )
    beyond = evidence.runs.iloc[:0]
    evidence = evidence._replace(commands=commands)
    write_report(tmp_path, figure, evidence, table, figure.tables(evidence), beyond, {})
    assert "## Notes" in (tmp_path / "REPORT.md").read_text()
