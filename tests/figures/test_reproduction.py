"""`nnrep reproduce` as its users meet it: tables, pictures and bad input."""

import os
import re
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from small_reproduction import SHORT, TABLES, TINY, without_times
from structure_texts import text

from nnrep.records.table import run_columns

# Nothing is fetched: there is no such proxy.
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NNREP_STRUCTURES": ""}


def test_a_reproduction_leaves_its_files_and_they_agree(whole):
    for name in (*TABLES, "fig2.png", "fig2.pdf", "report.html"):
        assert (whole / name).stat().st_size > 0
    runs, summary = pd.read_csv(whole / "runs.csv"), pd.read_csv(whole / "summary.csv")
    assert list(runs.columns) == run_columns()
    assert runs["run_id"].is_unique
    assert len(runs) == 12
    assert len(summary) == 6
    for _, row in summary.iterrows():
        mine = runs[runs["config_hash"] == row["config_hash"]]
        assert mine["seed"].tolist() == [0, 1]
        assert row["energy_mean"] == pytest.approx(mine["energy"].mean())
        assert row["steps_mean"] == pytest.approx((mine["steps_coarse"] + mine["steps_fine"]).mean())
        own = mine["time_modes_fresh_s"] + mine["time_fit_s"] + mine["time_minimize_s"]
        assert row["time_s_mean"] == pytest.approx(own.mean())
    mapped = runs[runs["reparam"] != "none"]
    assert (mapped["time_modes_fresh_s"] > 0).all()
    assert mapped["modes_stored"].all()  # found before the runs, once
    assert runs.loc[runs["reparam"] == "gnn", "hidden"].unique().tolist() == ["32-16"]
    assert (runs["pieces"] >= 1).all()


def test_the_report_shows_command_machine_and_verdicts(whole):
    report = (whole / "REPORT.md").read_text()
    claims = pd.read_csv(whole / "claims.csv")
    for part in ("nnrep reproduce fig2 profile=smoke", "cores", "jax ", "(fig2.png)", "float32"):
        assert part in report
    assert re.search(r"\| \d{4}-\d\d-\d\d \d\d:\d\d \|", report)
    for _, claim in claims.iterrows():
        assert claim["claim"] in report
        assert claim["of"] in ("paper", "ours")
        assert "n 400" in claim["needs"]
        assert "not in full: n 30, another loop" in claim["caveats"]
    assert (claims["verdict"] == "not tested").all()  # short chains, few steps
    assert "The paper's claims: 4 not tested. Ours: 4 not tested." in report
    for name in ("- machines: ", "- commits: "):
        assert name in report


@pytest.mark.slow
def test_a_figure_in_a_solvent_says_so_and_tests_no_claim_of_the_paper(inline, tmp_path):
    structure = tmp_path / "x.pdb"
    structure.write_text(text(residues=3))
    energy = ("system.force_field=amber14", "system.solvent=gbn2", f"system.pdb={structure}")
    short = ("profile=smoke", "beyond=false", "seeds=2", "max_steps=20")
    result = inline("reproduce", "fig4", *short, *energy, "results_dir=r")
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "r" / "fig4"
    runs, claims = (pd.read_csv(folder / name) for name in ("runs.csv", "claims.csv"))
    assert set(runs["potential"]) == {"amber14+gbn2"}
    assert (runs["energy_solvent"] < -100).all()
    theirs = claims[claims["of"] == "paper"]
    assert (theirs["verdict"] == "not tested").all()
    assert theirs["caveats"].str.startswith("not the paper's energy: system.solvent=gbn2; ").all()
    assert "The energy is not the paper's (system.solvent=gbn2)" in (folder / "REPORT.md").read_text()
    assert (folder / "fig4.png").stat().st_size > 10_000
    assert (folder / "speedup_amber14+gbn2.csv").exists()
    refused = inline("reproduce", "fig4", *short, "system.solvent=gbn2", "results_dir=s")
    assert refused.returncode == 2
    assert "system.solvent: must be vacuum, as force_field=amber14_uncorrected is not for" in refused.stderr


def test_multirun_of_the_experiment_has_the_same_rows(whole, nnrep, command, tmp_path):
    options = [option for option in SHORT if not option.startswith(("profile", "beyond"))]
    result = nnrep(
        *("run", "--multirun", "+experiment=fig2_smoke", *options, f"hydra.sweep.dir={tmp_path / 'sweep'}")
    )
    assert result.returncode == 0, result.stderr
    (tmp_path / "all.csv").write_text(command("collect", str(tmp_path / "sweep")).stdout)
    rows, expected = (without_times(path) for path in (tmp_path / "all.csv", whole / "runs.csv"))
    pd.testing.assert_frame_equal(rows, expected)


@pytest.mark.slow
def test_a_structure_that_is_missing_is_left_out_and_said(inline, tmp_path):
    environment = {**os.environ, **OFFLINE}
    both = ("reproduce", "fig4", *TINY, "system.start=native", "system.pdb=null,9ZZZ", "results_dir=r")
    result = inline(*both, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("fig4: left out, 9ZZZ: no file in") == 1
    folder = tmp_path / "r" / "fig4"
    runs = pd.read_csv(folder / "runs.csv")
    assert set(runs["structure"]) == {"1L2Y"}
    assert "| structure 9ZZZ | 9ZZZ: no file in" in (folder / "REPORT.md").read_text()
    assert len(list((folder / "histories").iterdir())) == len(runs) == 4
    for run in runs["run_id"]:
        history = pd.read_csv(folder / "histories" / f"{run}.csv.gz")
        assert history["step"].iloc[-1] == 40
        assert {"time_s", "energy", "rmsd_ca"} <= set(history.columns)
        assert np.load(folder / "positions" / f"{run}.npy").shape == (304, 3)
    alone = ("reproduce", "fig4", *TINY, "system.start=native", "system.pdb=9ZZZ", "results_dir=other")
    missing = inline(*alone, env=environment)
    assert missing.returncode == 2
    assert "nnrep: 9ZZZ: no file in" in missing.stderr
    assert "paths.structures" in missing.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_runs_of_another_structure_under_the_same_name_are_refused(inline, tmp_path):
    """As after a file was edited between a sweep and its resumption."""
    content = files("nnrep.structures").joinpath("data", "1L2Y.pdb").read_text()
    path = tmp_path / "mine.pdb"
    path.write_text(content)
    arguments = ("reproduce", "fig4", *TINY, "system.start=native", f"system.pdb={path}", "results_dir=r")
    assert inline(*arguments).returncode == 0
    before = (tmp_path / "r" / "fig4" / "runs.csv").read_bytes()
    path.write_text(content.replace("-8.901", "-8.905", 1))
    result = inline(*arguments, "resume=true")
    assert result.returncode == 2
    assert "has runs of another structure mine than mine.pdb" in result.stderr
    assert (tmp_path / "r" / "fig4" / "runs.csv").read_bytes() == before
    path.write_text(content)
    assert inline(*arguments, "resume=true").returncode == 0


def test_finished_results_move_aside(inline, tmp_path):
    options = ("reparam=none", *SHORT)
    assert inline("reproduce", "fig2", *options).returncode == 0
    before = (tmp_path / "results" / "fig2" / "runs.csv").read_bytes()
    second = inline("reproduce", "fig2", *options)
    assert second.returncode == 0
    (aside,) = (tmp_path / "results").glob("fig2_*")
    assert f"they are in results/{aside.name} now" in second.stderr
    assert (aside / "runs.csv").read_bytes() == before
    assert (tmp_path / "results" / "fig2" / "REPORT.md").exists()


def test_a_diverging_setting_is_a_row(inline, tmp_path):
    options = ("reparam=none", *SHORT, "optimizer.learning_rate=0.01,1e6")
    result = inline("reproduce", "fig2", *options, "results_dir=r")
    assert result.returncode == 0, result.stderr
    summary = pd.read_csv(tmp_path / "r" / "fig2" / "summary.csv")
    assert (summary["diverged"] == 2 * (summary["learning_rate"] == 1e6)).all()
    assert len(summary) == 2 * (summary["diverged"] == 2).sum()
    assert np.isfinite(summary["energy_mean"][0])


def test_a_setting_that_cannot_be_run_is_named_and_the_others_run(nnrep, tmp_path):
    options = ("reparam=cg", "reparam.learning_rate_factor=10", "modes.epsilon=1e-6,0.9")
    result = nnrep("reproduce", "fig2", *SHORT, *options, "results_dir=r")
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if "modes.epsilon: must be so large that" in line]
    assert lines
    assert all("modes.epsilon=1e-06: " in line for line in lines)
    assert "Traceback" not in result.stderr
    assert len(pd.read_csv(tmp_path / "r" / "fig2" / "runs.csv")) == 2 * len(lines)
    report = (tmp_path / "r" / "fig2" / "REPORT.md").read_text()
    assert report.count("modes.epsilon: must be so large that") == len(lines)


BAD = {
    "figure": (
        ("fig99",),
        "fig99: unknown figure (did you mean fig9 or fig8?); choose from fig2, fig3, fig4, fig5",
    ),
    "none": (("profile=smoke",), "names no figure"),
    "flag": (("fig2", "--fast"), "--fast: unknown flag"),
    "profile": (("fig2", "profile=long"), "profile: must be one of paper, smoke, got long"),
    "workers": (("fig2", "engine.workers=0"), "engine.workers: must be a count from 1 on, or null, got 0"),
    "resume": (("fig2", "resume=maybe"), "resume: must be true or false, got maybe"),
    "beyond": (("fig2", "beyond=2"), "beyond: must be true or false, got 2"),
    "key": (("fig2", "system.m=3"), "system.m"),
    "value": (("fig2", "system.n=1"), "system.n: must be at least 2, got 1"),
    "group": (
        ("fig2", "reparam=gcn"),
        "reparam=gcn: unknown option (did you mean ",
    ),
    "grammar": (("fig2", "seeds=[1"), "seeds=[1"),
    "problems": (("fig2", "system.n=30,60"), "system.n: must be one value in a reproduction, got 30 and 60"),
    "null": (("fig2", "reparam=null"), "reparam"),
    "map": (("fig9", "reparam=gnn"), "reparam: must be none or cg in this figure, got gnn"),
    "energy": (
        ("fig8", "system.force_field=amber14"),
        "system.force_field: must be classical in this figure",
    ),
    "start": (
        ("fig7", "system.start=native"),
        "system.start: must be extended, as figure 7 is of the stacked",
    ),
    "home": (("fig2", "results_dir=~nosuchuser/x"), "results_dir: ~nosuchuser/x: no such user"),
    "file": (("fig2", "reparam=none", *SHORT, "results_dir=file"), "file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(nnrep, command, tmp_path, name):
    (tmp_path / "file").write_text("mine")
    arguments, message = BAD[name]
    call = nnrep if name == "file" else command  # one of them as its users have it
    result = call("reproduce", *arguments)
    assert result.returncode == 2
    complaints = [line for line in result.stderr.splitlines() if line.startswith("nnrep: ")]
    assert len(complaints) == 1, result.stderr
    assert message in complaints[0]
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"
