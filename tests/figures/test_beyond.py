"""What `nnrep reproduce` runs beyond the paper: rows, the section of the report, and nothing else changed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from enum import Enum
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnrep.errors import UserError
from nnrep.figures import FIGURES
from nnrep.figures.analysis.summary import summarise
from nnrep.figures.beyond import beyond_table
from nnrep.figures.reproduction import beyond_settings, reproduce
from nnrep.figures.request import parse_arguments
from nnrep.records.table import run_columns
from nnrep.sweep.settings import Setting, experiment_settings

# Two keys of the figure's own grids among them: they cut these short, and leave what is beyond them alone.
OPTIONS = (
    *("profile=smoke", "system.n=30", "system.loop_length=5", "system.potential=pure_lj", "seeds=2"),
    *("max_steps=200", "reparam=none,cg", "optimizer.learning_rate=0.05,0.02", "engine.workers=1"),
    "results_dir=r",
)
COMMAND = [sys.executable, "-m", "nnrep", "reproduce", "fig3", *OPTIONS]
UNCHANGED = ("runs.csv", "repeats.csv", "summary.csv", "claims.csv", "fig3.png", "fig3.pdf")
SECTION = "## Beyond the paper"
BEYOND = sorted(name for name, figure in FIGURES.items() if figure.beyond)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Figure 3, of little, reproduced without a break."""
    folder = tmp_path_factory.mktemp("whole")
    result = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "fig3, beyond the paper: 2 settings, 4 runs, 0 of them done" in result.stderr
    return folder / "r" / "fig3"


@pytest.fixture
def before(whole, tmp_path) -> Path:
    """The same as it was made before there was anything beyond the paper."""
    folder = tmp_path / "r" / "fig3"
    shutil.copytree(whole, folder)
    for name in ("beyond.csv", "beyond_summary.csv"):
        (folder / name).unlink()
    commands = pd.read_csv(folder / "commands.csv")
    commands.iloc[:-1].to_csv(folder / "commands.csv", index=False)
    return folder


def without_times(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    return table.drop(columns=[name for name in table if name.startswith("time_")])


def same_beyond(first: Path, second: Path) -> None:
    for name in ("beyond.csv", "beyond_summary.csv"):
        pd.testing.assert_frame_equal(without_times(first / name), without_times(second / name))


@pytest.mark.slow
def test_both_optimisers_have_rows_beside_the_papers_methods(whole):
    runs = pd.read_csv(whole / "beyond.csv")
    assert list(runs.columns) == run_columns()
    assert list(zip(runs["optimizer"], runs["seed"], strict=True)) == [
        *(("lbfgs", 0), ("lbfgs", 1), ("fire", 0), ("fire", 1))
    ]
    assert set(runs["reparam"]) == {"none"}
    assert set(runs["learning_rate"]) == {0.1}
    assert len(pd.read_csv(whole / "beyond_summary.csv")) == 2
    assert set(pd.read_csv(whole / "runs.csv")["optimizer"]) == {"adam"}
    report = (whole / "REPORT.md").read_text()
    section = report[report.index(SECTION) : report.index("## How it was made")]
    assert report.index("## Claims") < report.index(SECTION)
    for method in ("GD", "CG", "L-BFGS", "FIRE"):
        assert section.count(f"| pure_lj |  | 30 | {method} |") == 1
    assert "Keys of reparam, optimizer, " in section
    assert "picked" in section
    assert "killed" not in report


def test_it_can_be_left_out_and_nothing_of_the_paper_changes(whole, before, monkeypatch):
    monkeypatch.chdir(before.parents[1])
    assert reproduce(parse_arguments(["fig3", *OPTIONS, "resume=true", "beyond=false"])) == 0
    for name in UNCHANGED:
        assert (before / name).read_bytes() == (whole / name).read_bytes()
    report = (before / "REPORT.md").read_text()
    assert SECTION not in report
    assert "beyond" not in report.partition("Files: ")[2]
    assert not (before / "beyond_summary.csv").exists()


def test_what_there_is_of_it_is_kept_where_it_is_left_out(whole, tmp_path, monkeypatch):
    folder = tmp_path / "r" / "fig3"
    shutil.copytree(whole, folder)
    monkeypatch.chdir(tmp_path)
    assert reproduce(parse_arguments(["fig3", *OPTIONS, "resume=true", "beyond=false"])) == 0
    for path in whole.glob("*.csv"):
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert SECTION in (folder / "REPORT.md").read_text()


def test_results_without_it_gain_just_what_is_missing(inline, whole, before):
    result = inline(*COMMAND[3:], "resume=true")
    assert result.returncode == 0, result.stderr
    assert "fig3: 8 settings, 16 runs, 16 of them done" in result.stderr
    assert "fig3, beyond the paper: 2 settings, 4 runs, 0 of them done" in result.stderr
    same_beyond(before, whole)
    for name in UNCHANGED:
        assert (before / name).read_bytes() == (whole / name).read_bytes()
    assert SECTION in (before / "REPORT.md").read_text()
    assert pd.read_csv(before / "commands.csv")["runs"].tolist()[-1] == 4


@pytest.mark.slow
def test_broken_off_and_resumed_it_equals_unbroken(inline, whole, before):
    folder = before.parents[1]
    process = subprocess.Popen(
        [*COMMAND, "resume=true"], cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (before / "beyond.csv").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not (before / "REPORT.md").exists()
    kept = pd.read_csv(before / "beyond.csv", dtype=str)
    assert 1 <= len(kept) < 4
    refused = inline(*COMMAND[3:])
    assert refused.returncode == 2
    assert "repeats.csv, beyond.csv" in refused.stderr
    assert "add resume=true" in refused.stderr
    result = inline(*COMMAND[3:], "resume=true")
    assert result.returncode == 0, result.stderr
    assert f"4 runs, {len(kept)} of them done" in result.stderr
    same_beyond(before, whole)


def test_its_versions_and_settings_are_checked(command, whole, tmp_path):
    folder = tmp_path / "r" / "fig3"
    shutil.copytree(whole, folder)
    path = folder / "beyond.csv"
    path.write_text(path.read_text().replace("nnrep 0.", "nnrep 99."))
    result = command(*COMMAND[3:], "resume=true")
    assert result.returncode == 0, result.stderr
    assert "beyond.csv: has runs of nnrep 99." in result.stderr
    assert " | nnrep 99." in (folder / "REPORT.md").read_text()
    path.write_text(path.read_text().replace("-1,loop", "-7,loop", 1))
    result = command(*COMMAND[3:], "resume=true")
    assert result.returncode == 2
    assert "beyond.csv: holds runs of other settings or seeds" in result.stderr


@pytest.mark.parametrize(
    ("override", "shared"),
    [
        ("seeds=2", True),
        ("system.n=60", True),
        ("system=loop", True),
        ("+system.n=60", True),
        ("max_steps=3", True),
        ("reparam=none", False),
        ("reparam.modes=20", False),
        ("++optimizer.learning_rate=0.02", False),
        ("schedule.fine.patience=3", False),
        ("modes.epsilon=0.3", False),
        ("baseline=none", False),
        ("system.repulsion=sampled", False),
    ],
)
def test_overrides_of_the_papers_methods_stay_with_them(override, shared):
    request = parse_arguments(["fig3", override])
    assert request.shared_overrides == ((override,) if shared else ())


def problem_of(setting: Setting) -> tuple[object, ...]:
    system = setting.config.system
    names = ("potential", "n", "pdb", "force_field", "start", "unfold", "perturbation")
    values = [getattr(system, name, None) for name in names]
    own = [value.value if isinstance(value, Enum) else str(value) for value in values]
    return (*own, str(setting.config.seeds), setting.config.max_steps, setting.config.precision)


@pytest.mark.parametrize("suffix", ["", "_smoke"])
@pytest.mark.parametrize("name", BEYOND)
def test_every_problem_of_a_figure_is_met_by_both_optimisers(monkeypatch, name, suffix):
    # Whether the settings are the paper's own is not asked; it takes the whole grid, of all structures.
    monkeypatch.setattr("nnrep.sweep.settings._hashes", lambda *_: set())
    # The grids of structures, which are not here, become the embedded one.
    overrides = [] if name in ("fig2", "fig3") else ["system.pdb=null"]
    if (name, suffix) == ("fig3", ""):
        overrides = ["reparam=none", "optimizer.learning_rate=0.02"]
    own = experiment_settings(f"{name}{suffix}", overrides).settings
    own = [setting for setting in own if getattr(setting.config.system, "runs_per_start", 1) == 1]
    beyond = experiment_settings(
        f"{name}_beyond{suffix}", [key for key in overrides if key.startswith("system.")]
    ).settings
    minimised = [setting for setting in beyond if setting.config.minimizes]
    for optimizer in ("lbfgs", "fire"):
        mine = [setting for setting in minimised if setting.config.optimizer.name == optimizer]
        assert sorted(map(problem_of, mine)) == sorted({problem_of(setting) for setting in own})
    # A list of stages has maps of its own.
    plain = [setting for setting in minimised if setting.config.schedule.name == "paper"]
    assert {setting.config.reparam.name for setting in plain} <= {"none", "gnn"}
    plain = [setting for setting in plain if setting.config.reparam.name == "none"]
    if name in ("fig2", "fig3"):
        assert {setting.config.system.repulsion.name for setting in plain} == {"exact"}
    known = [setting for setting in own if "amber14" in problem_of(setting)]
    theirs = [setting for setting in [*own, *beyond] if setting.config.baseline.name == "openmm_minimizer"]
    assert {problem_of(setting) for setting in known} == {problem_of(setting) for setting in theirs}


def test_what_a_figure_has_is_not_run_beyond_it():
    """As OpenMM's minimiser from a start that only one grid of figure 6 has it from."""
    start = ("system.start=unfolded", "system.unfold.steps=100")
    request = parse_arguments(["fig6", "profile=smoke", "system.pdb=null", *start])
    own = experiment_settings("fig6_smoke", request.overrides).settings
    beyond = beyond_settings("fig6", request, own)
    assert [setting.config.optimizer.name for setting in beyond] == ["lbfgs", "fire"]
    assert all(setting.config.minimizes for setting in beyond)


def test_figure_7_has_nothing_beyond():
    assert set(FIGURES) - set(BEYOND) == {"fig7"}


def runs_of(name: str, energies, **more) -> pd.DataFrame:
    setting = {
        **{"config_hash": name, "system": "protein", "potential": "amber14", "structure": "2JOF", "n": 284},
        **{"start": "native", "baseline": "none", "reparam": "none", "modes": 0, "optimizer": "adam"},
        **{"learning_rate": 1e-3, "status": "converged", "time_modes_fresh_s": 0.5, "time_fit_s": 0.25},
        **{"time_minimize_s": 1.0, "time_compile_s": 9.0, "time_modes_compile_s": 9.0, "evaluations": 100},
        **{"gradient_rms": 0.1, "precision": "float32", "steps_coarse": 0, "steps_fine": 100, **more},
    }
    table = pd.DataFrame([{**setting, "energy": energy, "seed": i} for i, energy in enumerate(energies)])
    return table.reindex(columns=run_columns())


def test_the_table_has_the_papers_best_settings_then_the_others():
    runs = pd.concat(
        [
            runs_of("high", [-1.0, -1.0]),
            runs_of("low", [-3.0, -1.0, 0.0], evaluations=7),
            runs_of("lost", [-9.0, -9.0], status="diverged"),
            runs_of("gnn", [-2.0], reparam="gnn", hidden="32-16", modes=60),
            runs_of("other", [-5.0], structure="1PLW", n=75),
            runs_of("openmm", [-1.5], baseline="openmm_minimizer", optimizer="openmm_minimizer"),
        ],
        ignore_index=True,
    )
    beyond = pd.concat(
        [
            runs_of("lbfgs", [-4.0, -2.0, 8.0], optimizer="lbfgs"),
            runs_of("fire", [-6.0], optimizer="fire", structure="1PLW", n=75),
        ],
        ignore_index=True,
    )
    beyond.loc[2, "status"] = "diverged"
    table = beyond_table(runs, summarise(runs), beyond)
    assert list(zip(table["structure"], table["method"], table["picked_from"], strict=True)) == [
        ("2JOF", "GD", 3),
        ("2JOF", "GNN", 1),
        ("2JOF", "OpenMM minimiser", 1),
        ("2JOF", "L-BFGS", 1),
        ("1PLW", "GD", 1),
        ("1PLW", "FIRE", 1),
    ]
    best = table.iloc[0]
    assert best["energy_mean"] == pytest.approx(-4 / 3)
    assert (best["energy_best"], best["energy_median"], best["energy_worst"]) == (-3.0, -1.0, 0.0)
    assert (best["time_s_median"], best["evaluations_median"], best["gradient_rms_median"]) == (1.75, 7, 0.1)
    partly = table.iloc[3]
    assert (partly["energy_worst"], partly["ended"]) == (-2.0, "2 converged, 1 diverged")


def test_a_network_of_ours_is_told_from_the_papers():
    runs = runs_of("paper", [-2.0], reparam="gnn", hidden="300-300", modes=60)
    beyond = pd.concat([runs_of("own", [-3.0], reparam="gnn", hidden="300-150"), runs_of("gd", [-1.0])])
    assert beyond_table(runs, summarise(runs), beyond)["method"].tolist() == ["GNN", "GNN, ours", "GD"]


def test_a_method_that_diverged_throughout_keeps_its_row():
    runs = runs_of("lost", [np.nan, np.nan], status="diverged")
    table = beyond_table(runs, summarise(runs), runs_of("lbfgs", [-4.0], optimizer="lbfgs"))
    assert table["method"].tolist() == ["GD", "L-BFGS"]
    assert table["ended"].tolist() == ["2 diverged", "1 converged"]


class ComposedError(Exception):
    """Raised in the place of all that follows."""


@pytest.mark.parametrize("beyond", ["true", "false"])
def test_what_is_left_out_cannot_be_refused(monkeypatch, tmp_path, beyond):
    """OpenMM's minimiser does not know this energy; the figure's own settings do."""

    def stop(*_: object) -> None:
        raise ComposedError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nnrep.figures.reproduction.open_stores", stop)
    own = ["fig4", "profile=smoke", "system.force_field=amber14_uncorrected", f"beyond={beyond}"]
    if beyond == "false":
        with pytest.raises(ComposedError):
            reproduce(parse_arguments(own))
    else:
        advice = "^baseline: must be none, as .*; beyond=false leaves out fig4_beyond$"
        with pytest.raises(UserError, match=advice):
            reproduce(parse_arguments(own))
