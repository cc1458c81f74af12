"""`nnrep reproduce` as its users meet it: tables, pictures, bad input, and sweeps that are killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from structure_texts import text

from nnrep.figures.comparison import POWER_COLUMNS
from nnrep.records.table import run_columns

SHORT = ("profile=smoke", "beyond=false", "system.n=30", "system.loop_length=5", "seeds=2", "max_steps=400")
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="lists processes by /proc")
FILES = ("runs.csv", "summary.csv", "claims.csv", "commands.csv", "REPORT.md")


def without_times(path: Path) -> pd.DataFrame:
    """A table without what no two sweeps have in common: times, and who computed the modes."""
    table = pd.read_csv(path)
    clocks = [name for name in table if name.startswith("time_") or name == "modes_stored"]
    return table.drop(columns=clocks)


def same_tables(first: Path, second: Path) -> None:
    for name in ("runs.csv", "summary.csv"):
        pd.testing.assert_frame_equal(without_times(first / name), without_times(second / name))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Figure 2, reproduced without a break."""
    folder = tmp_path_factory.mktemp("whole")
    command = [sys.executable, "-m", "nnrep", "reproduce", "fig2", *SHORT, "report=true", "results_dir=r"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "fig2: 6 settings, 12 runs, 0 of them done" in result.stderr
    return folder / "r" / "fig2"


def test_a_reproduction_leaves_its_files_and_they_agree(whole):
    for name in (*FILES, "fig2.png", "fig2.pdf", "report.html"):
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
def test_a_figure_in_a_solvent_says_so_and_tests_no_claim_of_the_paper(nnrep, tmp_path):
    structure = tmp_path / "x.pdb"
    structure.write_text(text(residues=3))
    energy = ("system.force_field=amber14", "system.solvent=gbn2", f"system.pdb={structure}")
    short = ("profile=smoke", "beyond=false", "seeds=2", "max_steps=20")
    result = nnrep("reproduce", "fig4", *short, *energy, "results_dir=r", cwd=tmp_path)
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
    refused = nnrep("reproduce", "fig4", *short, "system.solvent=gbn2", "results_dir=s", cwd=tmp_path)
    assert refused.returncode == 2
    assert "system.solvent: must be vacuum, as force_field=amber14_uncorrected is not for" in refused.stderr


def test_multirun_of_the_experiment_has_the_same_rows(whole, nnrep, tmp_path):
    options = [option for option in SHORT if not option.startswith(("profile", "beyond"))]
    result = nnrep(
        *("run", "--multirun", "+experiment=fig2_smoke", *options, f"hydra.sweep.dir={tmp_path / 'sweep'}")
    )
    assert result.returncode == 0, result.stderr
    (tmp_path / "all.csv").write_text(nnrep("collect", str(tmp_path / "sweep")).stdout)
    rows, expected = (without_times(path) for path in (tmp_path / "all.csv", whole / "runs.csv"))
    pd.testing.assert_frame_equal(rows, expected)


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "nnrep", "reproduce", "fig2", *SHORT, *arguments]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_rows(process: subprocess.Popen, path: Path, count: int) -> None:
    while not path.exists() or len(pd.read_csv(path)) < count:
        assert process.poll() is None
        time.sleep(0.05)


def resume(nnrep, folder: Path) -> subprocess.CompletedProcess:
    result = nnrep("reproduce", "fig2", *SHORT, "results_dir=r", "resume=true", cwd=folder)
    assert result.returncode == 0, result.stderr
    return result


def test_a_killed_sweep_loses_only_the_runs_it_was_in(whole, nnrep, tmp_path):
    process = start(tmp_path, "results_dir=r")
    folder = tmp_path / "r" / "fig2"
    wait_for_rows(process, folder / "runs.csv", 3)
    process.kill()
    process.communicate()
    kept = pd.read_csv(folder / "runs.csv", dtype=str)
    assert 3 <= len(kept) < 12
    result = nnrep("reproduce", "fig2", *SHORT, "results_dir=r", cwd=tmp_path)
    assert result.returncode == 2
    assert "holds unfinished results (runs.csv, commands.csv); add resume=true" in result.stderr
    assert len(pd.read_csv(folder / "runs.csv")) == len(kept)
    assert f"12 runs, {len(kept)} of them done" in resume(nnrep, tmp_path).stderr
    same_tables(folder, whole)
    done = pd.read_csv(folder / "runs.csv", dtype=str).set_index("run_id")
    kept = kept.set_index("run_id")  # in the order in which the runs ended, which workers do not fix
    pd.testing.assert_frame_equal(done.loc[kept.index], kept)
    commands = pd.read_csv(folder / "commands.csv")
    assert len(commands) == 2  # the one that was killed as well, but perhaps for its last run
    assert commands["workers"].notna().all()
    assert 11 <= commands["runs"].sum() <= 12


def test_a_report_is_written_for_runs_that_are_all_there(whole, nnrep, tmp_path):
    """As after a kill between the last run and the report; and again, for new claims or pictures."""
    folder = tmp_path / "r" / "fig2"
    shutil.copytree(whole, folder)
    for name in FILES[1:]:
        (folder / name).unlink()
    resume(nnrep, tmp_path)
    same_tables(folder, whole)
    assert "12 runs are of commands that are not recorded here" in (folder / "REPORT.md").read_text()
    before = {name: (folder / name).read_bytes() for name in ("runs.csv", "summary.csv", "REPORT.md")}
    (folder / "fig2.png").unlink()
    resume(nnrep, tmp_path)
    assert (folder / "fig2.png").exists()
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_finished_reproduction_that_is_extended_and_killed_is_unfinished(whole, nnrep, tmp_path):
    folder = tmp_path / "r" / "fig2"
    shutil.copytree(whole, folder)
    process = start(tmp_path, "results_dir=r", "seeds=50", "resume=true")
    wait_for_rows(process, folder / "runs.csv", 14)
    process.kill()
    process.communicate()
    assert not (folder / "REPORT.md").exists()
    result = nnrep("reproduce", "fig2", *SHORT, "results_dir=r", cwd=tmp_path)
    assert result.returncode == 2
    assert "add resume=true" in result.stderr
    assert len(pd.read_csv(folder / "runs.csv")) >= 14


def test_two_commands_do_not_share_a_folder(nnrep, tmp_path):
    process = start(tmp_path, "results_dir=r", "seeds=200")
    wait_for_rows(process, tmp_path / "r" / "fig2" / "runs.csv", 1)
    second = nnrep("reproduce", "fig2", *SHORT, "results_dir=r", "resume=true", cwd=tmp_path)
    process.kill()
    process.communicate()
    assert second.returncode == 2
    assert "another nnrep is at work here" in second.stderr


def test_terminating_the_group_is_an_interruption(tmp_path):
    """As batch systems do it: SIGTERM to the command and to its workers."""
    process = start(tmp_path, "results_dir=r", "seeds=200")
    wait_for_rows(process, tmp_path / "r" / "fig2" / "runs.csv", 1)
    os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "resume=true goes on" in errors


@needs_proc
def test_a_killed_worker_costs_no_run(whole, tmp_path):
    process = start(tmp_path, "results_dir=r")
    folder = tmp_path / "r" / "fig2"
    wait_for_rows(process, folder / "runs.csv", 1)
    os.kill(max(pid for pid in processes_of(process.pid) if pid != process.pid), signal.SIGKILL)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert "a worker was lost" in errors
    same_tables(folder, whole)
    assert not (folder / "failed.csv").exists()


TINY = ("beyond=false", "seeds=2", "max_steps=40", "reparam=none", "system.force_field=amber14")
# Nothing is fetched: there is no such proxy.
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NNREP_STRUCTURES": ""}


def test_a_structure_that_is_missing_is_left_out_and_said(nnrep, tmp_path):
    environment = {**os.environ, **OFFLINE}
    both = ("reproduce", "fig4", *TINY, "system.start=native", "system.pdb=null,9ZZZ", "results_dir=r")
    result = nnrep(*both, env=environment)
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
    missing = nnrep(
        "reproduce",
        "fig4",
        *TINY,
        "system.start=native",
        "system.pdb=9ZZZ",
        "results_dir=other",
        env=environment,
    )
    assert missing.returncode == 2
    assert "nnrep: 9ZZZ: no file in" in missing.stderr
    assert "paths.structures" in missing.stderr
    assert not (tmp_path / "other").exists()


def test_runs_of_another_structure_under_the_same_name_are_refused(nnrep, tmp_path):
    """As after a file was edited between a sweep and its resumption."""
    content = files("nnrep.structures").joinpath("data", "1L2Y.pdb").read_text()
    path = tmp_path / "mine.pdb"
    path.write_text(content)
    arguments = ("reproduce", "fig4", *TINY, "system.start=native", f"system.pdb={path}", "results_dir=r")
    assert nnrep(*arguments).returncode == 0
    before = (tmp_path / "r" / "fig4" / "runs.csv").read_bytes()
    path.write_text(content.replace("-8.901", "-8.905", 1))
    result = nnrep(*arguments, "resume=true")
    assert result.returncode == 2
    assert "has runs of another structure mine than mine.pdb" in result.stderr
    assert (tmp_path / "r" / "fig4" / "runs.csv").read_bytes() == before
    path.write_text(content)
    assert nnrep(*arguments, "resume=true").returncode == 0


def test_an_interruption_does_not_wait_for_a_start_that_is_simulated(tmp_path):
    long = ("system.start=unfolded", "system.pdb=null", "system.unfold.steps=2000000000")
    options = (*TINY, *long, "results_dir=r")
    command = [sys.executable, "-m", "nnrep", "reproduce", "fig4", *options]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while "2 settings, 4 runs" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_best_settings_are_run_again_with_fresh_seeds(nnrep, tmp_path):
    """Figure 3, with one worker; two give the same."""
    options = (
        "profile=smoke",
        "beyond=false",
        "system.n=30",
        "system.loop_length=5",
        "seeds=1",
        "max_steps=200",
    )
    for workers in ("1", "2"):
        result = nnrep("reproduce", "fig3", *options, f"results_dir=r{workers}", f"engine.workers={workers}")
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
def test_seeds_are_added_by_a_rule_that_the_folder_keeps(nnrep, tmp_path):
    few = [option for option in SHORT if not option.startswith(("seeds", "max_steps"))]
    options = ("fig2", *few, "seeds=1", "max_steps=20", "system.potential=pure_lj", "reparam=none,gnn")
    result = nnrep("reproduce", *options, "power=0.5", "results_dir=r")
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
    assert nnrep("reproduce", *options, "resume=true", "results_dir=r").returncode == 0
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    other = nnrep("reproduce", *options, "power=0.9", "resume=true", "results_dir=r")
    assert other.returncode == 2
    assert "power: must be 0.5, which r/fig2 was begun with, got 0.9" in other.stderr


@pytest.mark.slow
def test_power_without_a_pair_to_compare_writes_its_report_and_resumes(nnrep, tmp_path):
    """Figure 8 adds seeds to 1PLW alone, `profile=smoke` has the embedded Trp-cage."""
    options = ("fig8", "profile=smoke", "beyond=false", "seeds=1", "max_steps=10", "results_dir=r")
    result = nnrep("reproduce", *options, "power=0.8")
    assert result.returncode == 0, result.stderr
    assert "fig8: power adds no seeds" in result.stderr
    folder = tmp_path / "r" / "fig8"
    assert not (folder / "power.csv").exists()
    report = (folder / "REPORT.md").read_text()
    (folder / "power.csv").write_text(
        ",".join(POWER_COLUMNS) + "\n"
    )  # as an interrupted command may leave it
    for power in ("power=0.8", "power=null"):
        again = nnrep("reproduce", *options, power, "resume=true")
        assert again.returncode == 0, again.stderr
        assert (folder / "REPORT.md").read_text() == report


@needs_proc
def test_workers_end_with_a_killed_sweep(tmp_path):
    process = start(tmp_path, "results_dir=r", "seeds=200")
    wait_for_rows(process, tmp_path / "r" / "fig2" / "runs.csv", 1)
    process.kill()
    process.communicate()
    for _ in range(100):
        if not processes_of(process.pid):
            return
        time.sleep(0.1)
    pytest.fail("workers are left behind")


def processes_of(session: int) -> list[int]:
    """The processes of a session, without the dead."""
    processes = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # has ended meanwhile
            continue
        if int(its_session) == session and state != "Z":
            processes.append(int(path.parent.name))
    return processes


def test_ctrl_c_keeps_what_is_done_and_resumes(whole, nnrep, tmp_path):
    process = start(tmp_path, "results_dir=r")
    folder = tmp_path / "r" / "fig2"
    wait_for_rows(process, folder / "runs.csv", 2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: workers as well
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "resume=true goes on" in errors
    kept = pd.read_csv(folder / "runs.csv")
    assert set(kept["status"]) <= {"stalled", "step_limit"}
    resume(nnrep, tmp_path)
    same_tables(folder, whole)
    assert pd.read_csv(folder / "commands.csv")["runs"].tolist() == [len(kept), 12 - len(kept)]


def test_more_seeds_are_added_to_what_is_there(whole, nnrep, tmp_path):
    options = [option for option in SHORT if not option.startswith("seeds")]
    for seeds, extra in (("1", ()), ("2", ("resume=true",))):
        arguments = (*options, f"seeds={seeds}", "results_dir=r", *extra)
        assert nnrep("reproduce", "fig2", *arguments, cwd=tmp_path).returncode == 0
    same_tables(tmp_path / "r" / "fig2", whole)


def test_finished_results_move_aside(nnrep, tmp_path):
    options = ("reparam=none", *SHORT)
    assert nnrep("reproduce", "fig2", *options).returncode == 0
    before = (tmp_path / "results" / "fig2" / "runs.csv").read_bytes()
    second = nnrep("reproduce", "fig2", *options)
    assert second.returncode == 0
    (aside,) = (tmp_path / "results").glob("fig2_*")
    assert f"they are in results/{aside.name} now" in second.stderr
    assert (aside / "runs.csv").read_bytes() == before
    assert (tmp_path / "results" / "fig2" / "REPORT.md").exists()


def test_a_diverging_setting_is_a_row(nnrep, tmp_path):
    options = ("reparam=none", *SHORT, "optimizer.learning_rate=0.01,1e6")
    result = nnrep("reproduce", "fig2", *options, "results_dir=r")
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
def test_bad_input_is_one_line_and_leaves_nothing(nnrep, tmp_path, name):
    (tmp_path / "file").write_text("mine")
    arguments, message = BAD[name]
    result = nnrep("reproduce", *arguments)
    assert result.returncode == 2
    complaints = [line for line in result.stderr.splitlines() if line.startswith("nnrep: ")]
    assert len(complaints) == 1, result.stderr
    assert message in complaints[0]
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"
