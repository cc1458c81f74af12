"""Seeds that a reproduction adds: of best settings, until comparisons are decided, and by a larger count."""

import pandas as pd
import pytest
from small_reproduction import SHORT, same_tables

from nnrep.figures.comparison import POWER_COLUMNS


@pytest.mark.slow
def test_best_settings_are_run_again_with_fresh_seeds(nnrep, inline, tmp_path):
    """Figure 3, in this process; two workers give the same."""
    options = (
        "profile=smoke",
        "beyond=false",
        "system.potential=pure_lj",
        "system.n=30",
        "system.loop_length=5",
        "seeds=1",
        "max_steps=200",
    )
    for call, workers in ((inline, 1), (nnrep, 2)):
        result = call("reproduce", "fig3", *options, f"results_dir=r{workers}", f"engine.workers={workers}")
        assert result.returncode == 0, result.stderr
    one, two = (tmp_path / name / "fig3" for name in ("r1", "r2"))
    same_tables(one, two)
    runs, repeats = pd.read_csv(one / "runs.csv"), pd.read_csv(one / "repeats.csv")
    best = runs.loc[runs.groupby(["potential", "reparam"])["energy"].idxmin(), "config_hash"]
    assert set(best) <= set(repeats["config_hash"])
    assert repeats.groupby("config_hash")["seed"].nunique().eq(4).all()
    assert not set(repeats["run_id"]) & set(runs["run_id"])
    assert "Best settings again" in (one / "REPORT.md").read_text()


@pytest.mark.slow
def test_seeds_are_added_by_a_rule_that_the_folder_keeps(nnrep, inline, tmp_path):
    few = [option for option in SHORT if not option.startswith(("seeds", "max_steps"))]
    options = ("fig2", *few, "seeds=1", "max_steps=20", "system.potential=pure_lj", "reparam=none,gnn")
    result = nnrep("reproduce", *options, "power=0.5", "results_dir=r", "engine.workers=1")
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "r" / "fig2"
    (row,) = pd.read_csv(folder / "power.csv").to_dict("records")
    assert row["analyses"] == "26 51 76 101"
    assert (
        pd.read_csv(folder / "repeats.csv").groupby("config_hash").size().tolist() == [row["runs a side"]] * 2
    )
    claims = pd.read_csv(folder / "claims.csv").set_index("claim")
    assert row["outcome"] in claims.loc["pure LJ: GNN ends at lower energies than GD", "measured"]
    assert "## Seeds added in steps" in (folder / "REPORT.md").read_text()
    kept = {name: (folder / name).read_bytes() for name in ("power.csv", "repeats.csv", "claims.csv")}
    (folder / "REPORT.md").unlink()
    assert inline("reproduce", *options, "resume=true", "results_dir=r").returncode == 0
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    other = inline("reproduce", *options, "power=0.9", "resume=true", "results_dir=r")
    assert other.returncode == 2
    assert "power: must be 0.5, which r/fig2 was begun with, got 0.9" in other.stderr


@pytest.mark.slow
def test_power_without_a_pair_to_compare_writes_its_report_and_resumes(inline, tmp_path):
    """Figure 8 adds seeds to 1PLW alone, `profile=smoke` has the embedded Trp-cage."""
    few = ("system.start=extended", "seeds=1", "max_steps=10")
    options = ("fig8", "profile=smoke", "beyond=false", *few, "results_dir=r")
    result = inline("reproduce", *options, "power=0.8")
    assert result.returncode == 0, result.stderr
    assert "fig8: power adds no seeds" in result.stderr
    folder = tmp_path / "r" / "fig8"
    assert not (folder / "power.csv").exists()
    report = (folder / "REPORT.md").read_text()
    (folder / "power.csv").write_text(
        ",".join(POWER_COLUMNS) + "\n"
    )  # as an interrupted command may leave it
    for power in ("power=0.8", "power=null"):
        again = inline("reproduce", *options, power, "resume=true")
        assert again.returncode == 0, again.stderr
        assert (folder / "REPORT.md").read_text() == report


@pytest.mark.slow
def test_more_seeds_are_added_to_what_is_there(whole, inline, tmp_path):
    options = [option for option in SHORT if not option.startswith("seeds")]
    for seeds, extra in (("1", ()), ("2", ("resume=true",))):
        arguments = (*options, f"seeds={seeds}", "results_dir=r", *extra)
        assert inline("reproduce", "fig2", *arguments).returncode == 0
    same_tables(tmp_path / "r" / "fig2", whole)
