"""The command as its users meet it: what runs leave, bad input, interruption, sweeps."""

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT
from omegaconf import OmegaConf

from nnrep.commands.registry import COMMANDS
from nnrep.host.lock import locked
from nnrep.records.run_folder import RUN_FILES, RunFolder
from nnrep.records.table import run_columns
from nnrep.reparam.registry import MAPS

SMALL = ("system.n=30", "system.loop_length=5", "max_steps=400")
FINISHED = set(RUN_FILES) - {"checkpoint.npz"}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def one_line_error(result: subprocess.CompletedProcess, *parts: str) -> None:
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for part in parts:
        assert part in result.stderr


def test_no_verb_lists_the_verbs(command):
    result = command()
    assert result.returncode == 0
    assert "run" in result.stdout
    assert "doctor" in result.stdout


HELP = {
    "run": (
        "reparam: cg, cholesky, egnn, gnn, none, spectral, torsion",
        "optimizer: adam, fire, lbfgs, sgd",
        "schedule: hopping, network, paper, relaxed, ",
        "learning_rate: 0.01",
        "--multirun",
    ),
    "reproduce": (
        "fig2, fig3, fig4, fig5, fig6, fig7, fig8, fig9, or all",
        "profile=paper|smoke",
        "resume=true",
    ),
}


@pytest.mark.parametrize("verb", HELP)
def test_help_comes_without_jax(tmp_path, verb):
    code = f"import sys, nnrep.cli; sys.argv = ['nnrep', '{verb}', '--help']\n"
    code += (
        "try: nnrep.cli.main()\nexcept SystemExit as e: assert not e.code\nassert 'jax' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for text in HELP[verb]:
        assert text in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_doctor_finds_nothing_wrong_here(command):
    result = command("doctor")
    assert result.returncode == 0, result.stdout
    for text in ("jax ", "device", "threads", "cache", "writable", "all well"):
        assert text in result.stdout


def test_doctor_names_every_package_that_is_needed(command):
    named = set(re.findall(r"^package   (\S+) \d", command("doctor").stdout, re.M))
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert named == {re.match(r"[\w-]+", each)[0].lower() for each in declared}


@pytest.mark.parametrize("missing", ["rich", "nnrep"])
def test_doctor_names_a_package_that_is_missing_though_it_needs_it_itself(tmp_path, missing):
    code = f"""
import importlib.metadata, sys
def lacking(known):
    def of(name):
        if name == {missing!r}:
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)
    return of
importlib.metadata.version = lacking(importlib.metadata.version)
importlib.metadata.requires = lacking(importlib.metadata.requires)
sys.modules["rich"] = None
from nnrep.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.endswith(
        f"wrong     the package {missing} is missing: install nnrep again\n1 thing(s) wrong\n"
    )


def test_doctor_says_what_is_wrong(command, tmp_path):
    (tmp_path / "file").touch()
    result = command("doctor", env=os.environ | {"NNREP_CACHE": str(tmp_path / "file" / "cache")})
    assert result.returncode == 1
    assert "wrong" in result.stdout
    assert "set NNREP_CACHE" in result.stdout


@pytest.mark.parametrize("kind", ["file", "folder that cannot be written"])
def test_doctor_names_outputs_that_no_run_can_use(command, tmp_path, monkeypatch, kind):
    outputs = tmp_path / "outputs"
    if kind == "file":
        outputs.touch()
        part = f"{outputs}: is no folder; move it away, or give hydra.run.dir=DIR"
    else:
        outputs.mkdir()
        may = os.access  # which lets the superuser write everywhere
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != outputs and may(path, mode))
        part = f"{outputs}: cannot be written; give hydra.run.dir=DIR"
    result = command("doctor")
    assert result.returncode == 1
    assert f"wrong     {part}" in result.stdout


def test_doctor_names_folders_of_structures_that_are_not_there(command, tmp_path):
    (tmp_path / "pdb").mkdir()
    folders = os.pathsep.join([str(tmp_path / "pdb"), "/nope"])
    result = command("doctor", env=os.environ | {"NNREP_STRUCTURES": folders})
    assert result.returncode == 1
    assert f"entries   {tmp_path / 'pdb'}: from NNREP_STRUCTURES" in result.stdout
    assert "wrong     NNREP_STRUCTURES: /nope: no such folder" in result.stdout


@pytest.mark.parametrize("verb", ["doctor", "run", "modes"])
def test_a_working_folder_that_is_gone_is_one_line(tmp_path, verb):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, sys; from nnrep.cli import main; os.rmdir(os.getcwd()); main()"
    command = [sys.executable, "-c", code, verb]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if verb == "doctor" else 2)
    assert "the working folder is gone; change to another one" in (done.stdout + done.stderr)


def test_doctor_removes_compiled_programs_that_cannot_be_read(command, tmp_path):
    programs = tmp_path / "cache" / "jax"
    programs.mkdir(parents=True)
    (programs / "jit_half-cache").write_bytes(b"half")
    result = command("doctor", env=os.environ | {"NNREP_CACHE": str(programs.parent)})
    assert result.returncode == 0, result.stdout
    assert "jit_half-cache could not be read and is removed" in result.stdout
    assert not list(programs.glob("*-cache"))


def test_cfg_prints_the_job(command):
    result = command("run", "--cfg", "job", "--resolve", "reparam=cg", "optimizer.learning_rate=0.05")
    assert result.returncode == 0
    printed = OmegaConf.create(result.stdout)
    assert printed.reparam.name == "cg"
    assert printed.schedule.coarse.learning_rate == pytest.approx(2.5)


@pytest.mark.parametrize("verb", ["run", "modes", "explore"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_flags_stand_anywhere_between_overrides(command, verb, before):
    overrides = ["system=protein", "seeds=3"]
    flags = ["--cfg", "job", "--package", "seeds"]
    result = command(verb, *overrides[:before], *flags, *overrides[before:])
    assert result.stdout == "3\n", result.stderr


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "nnrep ",
            {"run", "explore", "modes", "reproduce", "doctor"}
            | {"collect", "compare", "report", "show", "structures"},
        ),
        ("nnrep do", {"doctor"}),
        ("nnrep run reparam=", {f"reparam={name}" for name in MAPS}),
        ("nnrep run system.pot", {"system.potential="}),
        ("nnrep explore explore.quench.st", {"explore.quench.steps="}),
        ("nnrep explore system=pro", {"system=protein"}),
        ("nnrep modes analysis.min", {"analysis.minimize="}),
        ("nnrep reproduce fig", {f"fig{number}" for number in range(2, 10)}),
        ("nnrep reproduce pro", {"profile=paper", "profile=smoke"}),
        ("nnrep show system.po", {"system.potential"}),
        ("nnrep doctor ", set()),
    ],
)
def test_shell_completion(command, line, expected):
    result = command("-sc", "query=bash", env=os.environ | {"COMP_LINE": line})
    assert set(result.stdout.split()) == expected


@pytest.mark.parametrize("reparam", ["none", "cg", "gnn", "spectral"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_run_leaves_its_files_and_they_agree(command, tmp_path, reparam, precision):
    folder = tmp_path / "run"
    result = command(
        "run",
        f"reparam={reparam}",
        "schedule=paper",
        *SMALL,
        "seeds=[4,2]",
        f"precision={precision}",
        f"hydra.run.dir={folder}",
    )
    assert result.returncode == 0, result.stderr
    assert set(files(folder)) == FINISHED
    runs = pd.read_csv(folder / "runs.csv")
    assert list(runs.columns) == run_columns()
    assert runs["seed"].tolist() == [4, 2]
    assert set(runs["status"]) <= {"stalled", "step_limit"}
    assert runs["modes"].tolist() == [8 if reparam in ("cg", "gnn") else 0] * 2
    assert runs["precision"].tolist() == [precision] * 2
    config = OmegaConf.load(folder / "config.yaml")
    assert config.system.n == 30
    assert config.schedule.fine.learning_rate == 0.01
    arrays = np.load(folder / "positions.npz")
    assert set(arrays) == {"seeds", "start", "final"} | ({"coarse"} if reparam != "none" else set())
    assert arrays["final"].dtype == precision
    import jax.numpy as jnp

    from nnrep import load_system

    system = load_system("loop", n=30, loop_length=5)
    for name, column in [("start", "energy_start"), ("coarse", "energy_coarse"), ("final", "energy")]:
        if name in arrays:
            energies = [float(system.energy(jnp.asarray(x, float))) for x in arrays[name]]
            np.testing.assert_allclose(runs[column], energies, rtol=1e-3 if precision == "float32" else 1e-9)
    history = pd.read_csv(folder / "history.csv")
    assert list(history.columns) == ["seed", "stage", "step", "time_s", "energy", "gradient_norm"]
    for _, row in runs.iterrows():
        mine = history[history["seed"] == row["seed"]]
        assert mine["step"].iloc[-1] == row["steps_coarse"] + row["steps_fine"] == row["evaluations"]
        parts = row[["time_modes_s", "time_fit_s", "time_compile_s", "time_minimize_s"]].sum()
        assert 0 < parts <= row["time_total_s"] * (1 + 1e-9)
    assert result.stdout.splitlines()[0] == str(folder)
    assert str(runs["energy"][0])[:6] in result.stdout
    assert (folder / "energy.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "energy.pdf").read_bytes().startswith(b"%PDF")


def test_fractions_are_those_of_the_final_positions(command, tmp_path):
    folder = tmp_path / "run"
    command("run", "reparam=none", "system.potential=bond_lj", *SMALL, f"hydra.run.dir={folder}")
    x = np.load(folder / "positions.npz")["final"][0]
    bonds = np.linalg.norm(x[1:] - x[:-1], axis=1)
    loops = np.linalg.norm(x[5:] - x[:-5], axis=1) / 1.13216
    row = pd.read_csv(folder / "runs.csv").iloc[0]
    assert row["bond_fraction"] == pytest.approx(np.mean(abs(bonds - 1) <= 0.1))
    assert row["contact_fraction"] == pytest.approx(np.mean(abs(loops - 1) <= 0.1))
    assert row["bond_fraction"] > 0.5


def test_two_runs_of_one_configuration_are_equal(command, tmp_path):
    for name in "ab":
        command("run", *SMALL, f"hydra.run.dir={tmp_path / name}")
    a, b = (files(tmp_path / name) for name in "ab")
    assert a["positions.npz"] == b["positions.npz"]
    assert a["config.yaml"] == b["config.yaml"]


def test_pictures_are_no_part_of_a_run(command, tmp_path):
    for name, pictures in (("a", "true"), ("b", "false")):
        command(
            "run", *SMALL, "reparam=none", f"record.pictures={pictures}", f"hydra.run.dir={tmp_path / name}"
        )
    with_pictures, without = (files(tmp_path / name) for name in "ab")
    assert with_pictures.keys() - without.keys() == {
        f"{name}.{kind}" for name in ("energy", "layout") for kind in ("png", "pdf")
    }
    assert with_pictures["config.yaml"] == without["config.yaml"]
    first, second = (pd.read_csv(tmp_path / name / "runs.csv") for name in "ab")
    assert first["run_id"].tolist() == second["run_id"].tolist()


def test_default_folders_of_two_runs_differ(command, tmp_path):
    for _ in range(2):
        assert command("run", *SMALL, "reparam=none").returncode == 0
    assert len(list((tmp_path / "outputs" / "loop-none").iterdir())) == 2


HOME = ("hydra.run.dir: must be without ~, which only a shell replaces: /", "/x, got ~/x")
BAD = {
    "unknown verb": (
        ("walk",),
        ("walk: unknown verb", ", ".join(sorted(COMMANDS))),
    ),
    "unknown key": (("run", "optimizer.lrr=1"), ("optimizer.lrr: unknown key", "learning_rate")),
    "unknown key behind plus": (("run", "+optimizer.lrr=1"), ("optimizer.lrr: unknown key", "learning_rate")),
    "unknown group": (("run", "optimiser=adam"), ("optimiser: unknown key", "optimizer")),
    "unknown option": (
        ("run", "reparam=gn"),
        ("reparam=gn: unknown option", "cg, cholesky, egnn, gnn, none, spectral, torsion"),
    ),
    "no option": (("run", "system="), ("system=: unknown option; choose from cluster, loop",)),
    "no value": (("run", "system.n"), ("system.n: has no value; write system.n=VALUE",)),
    "several values": (("run", "reparam=none,cg"), ("reparam: has several values; add --multirun",)),
    "null group": (("run", "optimizer=null"), ("optimizer=null",)),
    "out of range": (("run", "system.n=1"), ("system.n: must be at least 2, got 1",)),
    "wrong type": (("run", "system.n=many"), ("system.n", "Integer")),
    "key of another map": (("run", "reparam=none", "reparam.modes=3"), ("reparam.modes: unknown key",)),
    "folder below a file": (("run", *SMALL, "hydra.run.dir=file/run"), ("file/run", "Not a directory")),
    "folder that cannot be": (("run", *SMALL, "hydra.run.dir=/proc/nnrep"), ("/proc/nnrep",)),
    "home of a shell": (("run", *SMALL, "hydra.run.dir='~/x'"), HOME),
    "home of a shell, unquoted": (("run", *SMALL, "hydra.run.dir=~/x"), HOME),
    "home of a shell, sweep": (
        ("run", "-m", *SMALL, "hydra.sweep.dir='~/x'"),
        ("hydra.sweep.dir: must be without ~", "got ~/x"),
    ),
    "folder without a name": (
        ("run", *SMALL, "hydra.run.dir="),
        ("hydra.run.dir: must be a folder (. is the working folder), got nothing",),
    ),
    "sweep without a name": (
        ("run", "-m", *SMALL, "hydra.sweep.dir=''"),
        ("hydra.sweep.dir: must be a folder",),
    ),
    "unknown flag": (("run", "--foo"), ("--foo", "nnrep run --help")),
    "unknown interpolation": (("run", "hydra.run.dir=${nope}"), ("nope",)),
    "no folder of structures": (
        ("run", "paths.structures=[/nope]"),
        ("paths.structures: /nope: no such folder",),
    ),
    "nothing to resume": (("run", "resume=true"), ("resume: ", "add hydra.run.dir=DIR")),
    "no sweep to resume": (
        ("run", "-m", "seeds=1,2", "resume=true"),
        ("resume: ", "add hydra.sweep.dir=DIR"),
    ),
    "doctor takes nothing": (("doctor", "now"), ("now: nnrep doctor takes no arguments",)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(command, tmp_path, name):
    arguments, parts = BAD[name]
    (tmp_path / "file").touch()
    one_line_error(command(*arguments), *parts)
    assert {path.name for path in tmp_path.rglob("*")} == {"file"}


def test_debug_shows_the_traceback(command):
    result = command("run", "system.n=1", "--debug")
    assert result.returncode == 2
    assert "Traceback" in result.stderr
    assert "nnrep: system.n: must be at least 2" in result.stderr


def test_a_folder_with_results_is_not_overwritten(command, tmp_path):
    folder = tmp_path / "run"
    assert command("run", *SMALL, f"hydra.run.dir={folder}").returncode == 0
    before = files(folder)
    one_line_error(command("run", *SMALL, f"hydra.run.dir={folder}"), str(folder), "resume=true")
    other = command("run", *SMALL, f"hydra.run.dir={folder}", "resume=true", "system.n=31")
    one_line_error(other, "cannot resume", "system.n was 30 and is 31")
    assert files(folder) == before
    again = command("run", *SMALL, f"hydra.run.dir={folder}", "resume=true")
    assert again.returncode == 0
    assert files(folder) == before


def test_a_second_run_in_a_folder_is_refused_while_the_first_is_at_work(command, tmp_path):
    folder = tmp_path / "run"
    with locked(folder, ""):
        second = command("run", *SMALL, f"hydra.run.dir={folder}/../run")
        one_line_error(second, f"{folder}: another nnrep is at work here", "choose another hydra.run.dir")
        assert [path.name for path in folder.iterdir()] == [".lock"]
    assert command("run", *SMALL, f"hydra.run.dir={folder}/../run").returncode == 0
    assert set(files(folder)) == FINISHED


@pytest.mark.parametrize("verb", ["run", "modes"])
def test_a_folder_is_held_from_its_check_to_the_last_file(command, tmp_path, monkeypatch, verb):
    seen = []

    def note(self, *arguments, **options):
        seen.append((self.path / ".lock").exists())
        return kept[len(seen) % 2](self, *arguments, **options)

    check = "holds_finished" if verb == "run" else "refuse_results"
    last = "write" if verb == "run" else "open"
    kept = [getattr(RunFolder, last), getattr(RunFolder, check)]
    monkeypatch.setattr(RunFolder, check, note)
    monkeypatch.setattr(RunFolder, last, note)
    options = [] if verb == "run" else ["analysis.robustness=false"]
    done = command(verb, "system.n=30", "system.loop_length=5", *options, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert seen == [True, True]
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_second_sweep_in_a_folder_is_refused_while_the_first_is_at_work(command, tmp_path):
    folder = tmp_path / "sweep"
    arguments = ("run", "-m", *SMALL, "seeds=1,2", f"hydra.sweep.dir={folder}", "hydra.sweep.subdir=.")
    with locked(folder, "", ".sweep.lock"):
        one_line_error(command(*arguments), f"{folder}: another nnrep is at work here", "hydra.sweep.dir")
    assert not folder.exists()


def test_bad_input_leaves_the_users_folders_alone(command, tmp_path):
    (tmp_path / "mine" / "empty").mkdir(parents=True)
    one_line_error(command("run", "system.n=1", "hydra.run.dir=mine/empty"), "system.n")
    assert (tmp_path / "mine" / "empty").is_dir()
    assert not (tmp_path / "outputs").exists()


DAMAGE = {
    "checkpoint.npz": (b"PK junk", "not a readable checkpoint"),
    "config.yaml": (b"a: [", "cannot be read"),
    "runs.csv": (b"run_id,system\n", "not the table of a run of 1 seeds"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files_are_named(command, tmp_path, name):
    folder = tmp_path / "run"
    assert command("run", *SMALL, "reparam=none", f"hydra.run.dir={folder}").returncode == 0
    content, message = DAMAGE[name]
    (folder / name).write_bytes(content)
    result = command("run", *SMALL, "reparam=none", f"hydra.run.dir={folder}", "resume=true")
    one_line_error(result, name, message)
    assert (folder / name).read_bytes() == content


def test_a_sweep_folder_is_not_overwritten(command, tmp_path):
    folder = tmp_path / "sweep"
    arguments = ("run", "-m", *SMALL, "reparam=none", f"hydra.sweep.dir={folder}")
    assert command(*arguments, "seeds=1").returncode == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    one_line_error(command(*arguments, "seeds=1,2"), str(folder), "holds the results of a sweep")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_sweep_that_is_resumed_with_other_values_keeps_its_rows(command, tmp_path):
    """Jobs that differ are refused, each in its folder; bad values may be left out, and others follow."""
    folder = tmp_path / "sweep"
    sweep = (
        "run",
        "-m",
        "reparam=none",
        "record.pictures=false",
        "max_steps=50",
        f"hydra.sweep.dir={folder}",
    )
    assert command(*sweep, "system.n=20,1").returncode == 2
    before = pd.read_csv(folder / "runs.csv")["run_id"].tolist()[:1]
    other = command(*sweep, "system.n=24", "resume=true")
    assert other.returncode == 2
    assert "cannot resume, system.n was 20 and is 24" in other.stderr
    after = pd.read_csv(folder / "runs.csv")
    assert after["status"].tolist() == ["failed", "step_limit"]
    assert after["run_id"].tolist()[1:] == before
    done = command(*sweep, "system.n=20,24", "resume=true")
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(folder / "runs.csv")["n"].tolist() == [20, 24]


def test_the_rows_of_jobs_that_are_refused_in_their_folders_stay_in_the_table(command, tmp_path):
    """Their settings may come from elsewhere than the overrides, which are the same."""
    sweep = ("run", "-m", "system.n=20", "max_steps=50", "reparam=none", "record.pictures=false", "seeds=1,2")
    assert command(*sweep, "hydra.sweep.dir=sweep").returncode == 0
    before = pd.read_csv(tmp_path / "sweep" / "runs.csv")
    for config in (tmp_path / "sweep").glob("*/config.yaml"):
        config.write_text(config.read_text().replace("max_steps: 50", "max_steps: 51"))
    assert command(*sweep, "hydra.sweep.dir=sweep", "resume=true").returncode == 2
    after = pd.read_csv(tmp_path / "sweep" / "runs.csv")
    assert after["status"].tolist()[:2] == ["failed"] * 2
    assert after["run_id"].dropna().tolist() == before["run_id"].tolist()


INTERRUPTED = ("system.n=20", "max_steps=50", "reparam=none", "record.pictures=false", "seeds=2")


@pytest.mark.parametrize("sweep", [False, True])
def test_an_interrupted_run_whose_checkpoint_is_removed_starts_again(command, tmp_path, sweep):
    key, flags = ("hydra.sweep.dir", ("-m",)) if sweep else ("hydra.run.dir", ())
    arguments = ("run", *flags, *INTERRUPTED, f"{key}=held")
    assert command(*arguments).returncode == 0
    table = tmp_path / "held" / ("0/runs.csv" if sweep else "runs.csv")
    ended = pd.read_csv(table)
    ended.assign(status=["interrupted", ended["status"][1]], energy=1e9).to_csv(table, index=False)
    again = command(*arguments, "resume=true")
    assert again.returncode == 0, again.stderr
    for path in {table, tmp_path / "held" / "runs.csv"}:
        assert pd.read_csv(path)["energy"].tolist() == ended["energy"].tolist()
        assert pd.read_csv(path)["status"].tolist() == ended["status"].tolist()


def test_every_bad_job_of_a_sweep_is_named_and_the_others_run(command, tmp_path):
    options = ("reparam=none", "seeds=1,0,2,-5", f"hydra.sweep.dir={tmp_path / 's'}")
    result = command("run", "-m", *SMALL, *options)
    assert result.returncode == 2
    first, second = (line for line in result.stderr.splitlines() if "nnrep:" in line)
    assert "job 1: seeds: must be" in first
    assert first.endswith("got 0")
    assert "job 3: seeds: must be" in second
    assert second.endswith("got -5")
    assert {path.name for path in (tmp_path / "s").iterdir()} == {"0", "2", "runs.csv", "multirun.yaml"}


@pytest.mark.parametrize("reparam", ["none", "cg", "gnn"])
def test_divergence_is_a_status(command, tmp_path, reparam):
    folder = tmp_path / "run"
    options = ("schedule=paper", "optimizer.learning_rate=1e6", "seeds=2", f"hydra.run.dir={folder}")
    result = command("run", f"reparam={reparam}", *SMALL, *options)
    assert result.returncode == 1
    runs = pd.read_csv(folder / "runs.csv")
    assert runs["status"].tolist() == ["diverged"] * 2
    assert np.isfinite(runs["energy"]).all()
    assert np.isfinite(np.load(folder / "positions.npz")["final"]).all()
    assert set(files(folder)) == FINISHED
    again = command("run", f"reparam={reparam}", *SMALL, *options, "resume=true")
    assert again.returncode == 1


LONG = (
    "reparam=cg",
    "system.n=100",
    "schedule.fine.min_delta=0",
    "schedule.fine.patience=100000",
    "max_steps=20000",
    "seeds=2",
)
# A checkpoint at every look of the host, not only every ten seconds.
PROGRAM = """
from nnrep.minimization import minimizer
minimizer.CHECKPOINT_SECONDS = 0
from nnrep.cli import main
main()
"""


def interrupt(folder: Path, number: int) -> pd.DataFrame:
    """Send a signal to a run on its way; its table."""
    command = [sys.executable, "-c", PROGRAM, "run", *LONG, f"hydra.run.dir={folder}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (folder / "checkpoint.npz").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert set(files(folder)) == set(RUN_FILES)
    return pd.read_csv(folder / "runs.csv")


def test_sigterm_leaves_what_there_is(tmp_path):
    runs = interrupt(tmp_path / "run", signal.SIGTERM)
    assert "interrupted" in set(runs["status"])
    assert np.isfinite(runs["energy"]).all()


def test_a_run_that_is_interrupted_during_its_first_fit_leaves_nothing(command, tmp_path, monkeypatch):
    monkeypatch.setattr("nnrep.minimization.stage_run.fit_params", lambda *arguments, **more: None)
    fitted = ("schedule=paper", "reparam=gnn", "reparam.fit.max_steps=50")
    done = command("run", *SMALL, *fitted, f"hydra.run.dir={tmp_path / 'run'}")
    assert done.returncode == 130, done.stderr
    assert "go on with" not in done.stderr
    assert not list(tmp_path.glob("run/*.csv"))
    monkeypatch.undo()
    again = command("run", *SMALL, *fitted, f"hydra.run.dir={tmp_path / 'run'}", "resume=true")
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_interrupted_run_resumes_to_the_unbroken_one(command, tmp_path):
    folder = tmp_path / "broken"
    assert "interrupted" in set(interrupt(folder, signal.SIGINT)["status"])
    options = LONG
    assert command("run", *options, f"hydra.run.dir={folder}", "resume=true").returncode == 0
    whole = tmp_path / "whole"
    assert command("run", *options, f"hydra.run.dir={whole}").returncode == 0
    assert (folder / "positions.npz").read_bytes() == (whole / "positions.npz").read_bytes()
    resumed, unbroken = (pd.read_csv(f / "runs.csv") for f in (folder, whole))
    clocks = [name for name in run_columns() if name.startswith("time_")]
    pd.testing.assert_frame_equal(resumed.drop(columns=clocks), unbroken.drop(columns=clocks))
    resumed, unbroken = (pd.read_csv(f / "history.csv").drop(columns="time_s") for f in (folder, whole))
    pd.testing.assert_frame_equal(resumed, unbroken)
    assert set(files(folder)) == FINISHED


def test_sweep_runs_every_job(command, tmp_path):
    result = command(
        "run",
        "-m",
        *SMALL,
        "schedule=paper",
        "optimizer.learning_rate=0.02,0.01,1e6",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    assert result.returncode == 1, result.stderr  # the last one diverges; it is not the end of the sweep
    runs = pd.read_csv(tmp_path / "sweep" / "runs.csv")
    assert runs["learning_rate"].tolist() == [0.02, 0.01, 1e6]
    assert runs["status"].tolist()[2] == "diverged"
    assert runs["config_hash"].nunique() == 3


def test_piped_output_has_no_control_characters(command, tmp_path):
    result = command("run", *SMALL, "reparam=none")
    assert "\x1b" not in result.stdout + result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "free", "line"),
    [
        (
            ["system=loop", "system.n=1000000000"],
            None,
            r"system\.n: a loop of 1000000000 particles .* choose at most \d+",
        ),
        (["system=loop", "system.n=2000"], 10**5, r"system\.n: a loop of 2000 .* choose at most 250"),
        (
            ["system=loop", "system.n=2000", "reparam=cg"],
            10**6,
            r"reparam\.modes: 500 slow modes of 2000 .* choose at most 15",
        ),
        (
            ["system=loop", "system.n=2000", "reparam=none", "seeds=100000"],
            10**8,
            r"seeds: 100000 replicas of 2000 .* choose at most \d+",
        ),
        (
            ["system=protein", "reparam=spectral"],
            2 * 10**6,
            r"modes\.of: the Hessian of 912 coordinates .* choose graph or backbone",
        ),
        (
            ["system=protein", "reparam=cg"],
            2 * 10**6,  # enough for the energy of the start, which is asked for first
            r"modes\.of: the Hessian's blocks of all pairs .* choose graph, or .* at most 126 particles",
        ),
    ],
)
def test_what_does_not_fit_into_memory_is_one_line_and_leaves_no_results(
    command, monkeypatch, tmp_path, arguments, free, line
):
    if free is not None:
        monkeypatch.setattr("nnrep.host.memory.free_memory", lambda: free)
    # Modes that another test has kept would take no memory.
    done = command("run", *arguments, "hydra.run.dir=out", env={"NNREP_CACHE": str(tmp_path / "cache")})
    assert done.returncode == 2
    assert re.fullmatch(f"nnrep: {line}\n", done.stderr.splitlines(keepends=True)[-1])
    assert "Traceback" not in done.stderr
    left = tmp_path / "out"
    assert not left.exists() or [path.name for path in left.iterdir()] == ["config.yaml"]
