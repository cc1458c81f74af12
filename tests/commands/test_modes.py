"""`nnrep modes`, stored modes, and the keys of `modes` on the command line."""

import re

import numpy as np
import pandas as pd
import pytest

LOOP = ("system=loop", "system.n=60", "reparam.modes=12", "max_steps=400")
KINDS = ("png", "pdf")
PICTURES = {"modes.png", "modes.pdf", "spectrum.png", "spectrum.pdf"}
FILES = {"config.yaml", "modes.csv", "modes.npz"} | PICTURES
ROBUSTNESS = {"robustness.csv", "robustness.png", "robustness.pdf"}


def test_modes_of_a_loop_are_shown_and_compared(command, tmp_path):
    done = command("modes", *LOOP, "analysis.frames=3", "analysis.epsilons=[0.2,0.5,1]", "hydra.run.dir=out")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | ROBUSTNESS
    assert "12 slow modes by dense (modes.solver=auto)" in done.stderr
    modes = pd.read_csv(tmp_path / "out" / "modes.csv")
    assert modes["mode"].tolist() == list(range(1, 13))
    assert modes["eigenvalue"].is_monotonic_increasing
    assert (modes["residual"] < 1e-10).all()
    assert modes["participation"][0] == pytest.approx(1, abs=1e-3)
    with np.load(tmp_path / "out" / "modes.npz") as arrays:
        assert arrays["vectors"].shape == (60, 12)
        assert arrays["positions"].shape == (60, 3)
        np.testing.assert_allclose(arrays["values"], modes["eigenvalue"], rtol=1e-6)
    table = pd.read_csv(tmp_path / "out" / "robustness.csv")
    assert table["reference"].unique().tolist()[:2] == ["unweighted graph", "step 0"]
    assert table["reference"].nunique() == 4
    assert table.groupby("reference")["epsilon"].apply(list).tolist() == [[0.2, 0.5, 1.0]] * 4
    assert table["overlap"].between(0, 1 + 1e-9).all()
    assert (table["overlap_of_random"] == table["modes"] / 60).all()
    whole = table[table["modes"] == 59]  # all but the last: epsilon is 1
    assert len(whole) == 4
    assert (whole["overlap"] > 0.98).all()


def test_the_minimisation_behind_the_robustness_table_ends_by_itself(command):
    """The schedule of reparam=gnn on a loop ends with steps that shrink to nothing."""
    done = command("modes", "system=loop", "system.n=30", "analysis.frames=2", "record.pictures=false")
    assert done.returncode == 0, done.stderr
    assert "minimisation: stalled" in done.stderr


def test_normal_modes_of_the_embedded_protein_at_its_minimum(command, tmp_path):
    """At rest, so six modes are zero and all others are positive, whatever minimum it is."""
    arguments = ("system=protein", "modes.of=hessian", "analysis.minimize=true", "reparam.modes=912")
    done = command("modes", *arguments, "hydra.run.dir=out")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"native.pdb"}
    (gradient_rms,) = re.findall(r"RMS gradient ([0-9.e+-]+) kJ/mol/nm", done.stderr)
    assert float(gradient_rms) <= 1e-3  # of the two digits that are told
    table = pd.read_csv(tmp_path / "out" / "modes.csv")
    values, rigid = table["eigenvalue"].to_numpy(), table["rigid"].to_numpy()
    rigid_motions, others = values[:6], values[6:]
    assert len(others) == 3 * 304 - 6
    assert abs(rigid_motions).max() < 1e-7 * others[-1]
    assert others.min() > 10 * abs(rigid_motions).max()
    assert (rigid[:6] > 0.99).all()
    assert (rigid[6:] < 0.01).all()
    assert "no robustness table" in done.stderr


def test_modes_are_kept_and_used_by_every_run_that_wants_the_same(command, tmp_path):
    options = ("reparam=cg", "system.n=50", "max_steps=40", "optimizer.learning_rate=0.01,0.02")
    done = command("run", "--multirun", *options, "hydra.sweep.dir=sweep")
    assert done.returncode == 0, done.stderr
    first, second = (pd.read_csv(tmp_path / "sweep" / job / "runs.csv") for job in "01")
    assert (first["modes_stored"].item(), second["modes_stored"].item()) == (False, True)
    assert second["time_modes_s"].item() < first["time_modes_s"].item()
    assert (second["modes_of"].item(), second["modes_solver"].item()) == ("backbone", "dense")
    assert second["modes_residual"].item() < 1e-10


def test_runs_along_normal_modes(command, tmp_path):
    options = ("run", "reparam=cg", "system.n=20", "reparam.modes=0.5", "modes.of=hessian", "max_steps=100")
    done = command(*options, "hydra.run.dir=out")
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(tmp_path / "out" / "runs.csv").iloc[0]
    assert (row["modes"], row["modes_of"]) == (30, "hessian")
    assert row["energy"] < row["energy_start"]


MISTAKES = {
    "sampled normal modes": (("modes", "modes.of=hessian", "modes.samples=3"), "modes.samples: must be null"),
    "unknown solver": (("modes", "modes.solver=fast"), "modes.solver: invalid value 'fast'"),
    "unknown backbone": (("run", "modes.backbone=max"), "modes.backbone: invalid value 'max'"),
    "negative noise": (("run", "modes.noise=-1"), "modes.noise: must be zero or positive, or null, got -1"),
    "too many modes": (("modes", "reparam.modes=401"), "reparam.modes: must be a count from 1 to n = 400"),
    "minimum of a backbone": (
        ("modes", "analysis.minimize=true"),
        "analysis.minimize: must be false, or modes.of=hessian",
    ),
    "no frames": (
        ("modes", "analysis.frames=1"),
        "analysis.frames: must be from 2 (start and end) to 100, got 1",
    ),
    "epsilon out of range": (
        ("modes", "analysis.epsilons=[0.1,2]"),
        "analysis.epsilons: must be a list of numbers",
    ),
    "no number": (("modes", "analysis.epsilons=[true]"), "analysis.epsilons: must be a list of numbers"),
    "no epsilons": (("modes", "analysis.epsilons=[]"), "analysis.epsilons: must be a list of numbers"),
    "too many samples": (("run", "modes.samples=3000000000"), "modes.samples"),
    "nothing drawn": (
        ("modes", "analysis.drawn=0"),
        "analysis.drawn: must be from 1 to 24, or a list",
    ),
    "mode that is not there": (
        ("modes", "analysis.drawn=[2,101]"),
        "analysis.drawn: must be of modes from 1 to 100",
    ),
    "other engine": (
        ("modes", "system=protein", "baseline=openmm_minimizer", "modes.samples=1", "reparam.modes=8"),
        "baseline: must be none, as nnrep modes has no other engines, got openmm_minimizer",
    ),
    "several seeds": (
        ("modes", "seeds=[4,5]"),
        "seeds: must be one, as nnrep modes shows those at the start",
    ),
    "nothing to resume": (
        ("modes", "resume=true", "hydra.run.dir=."),
        "resume: must be false, as nnrep modes has nothing to go on with, got true",
    ),
    "trajectory": (
        ("modes", "record.every=20"),
        "record.every: must be null, as nnrep modes writes no trajectory",
    ),
    "key of a map": (
        ("modes", "reparam.hidden=64"),
        "reparam.hidden: must be 32, as nnrep modes makes no map",
    ),
    "steps of nothing": (
        ("modes", "analysis.robustness=false", "max_steps=7"),
        "max_steps: must be 60000, as nothing is minimised, got 7",
    ),
    "rate of nothing": (
        ("modes", "modes.of=hessian", "optimizer.learning_rate=0.3"),
        "optimizer.learning_rate: must be 0.01, as nothing is minimised for a robustness table, got 0.3",
    ),
    "unknown key": (
        ("modes", "analysis.frame=3"),
        "analysis.frame: unknown key (did you mean frames?)",
    ),
    "unknown flag": (("modes", "--nope"), "see nnrep modes --help"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(command, tmp_path, mistake):
    arguments, message = MISTAKES[mistake]
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nnrep: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_results_are_never_overwritten(command, tmp_path):
    small, paper = (*LOOP[:3], "hydra.run.dir=out"), ["schedule=paper"]
    assert command("modes", *small, "analysis.robustness=false").returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for arguments in (("modes", *small), ("run", *small, *paper), ("run", *small, *paper, "resume=true")):
        done = command(*arguments)
        assert done.returncode == 2
        assert "out: holds" in done.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_modes_without_convergence_leave_no_folder(command, tmp_path):
    options = ("reparam.modes=5", "modes.solver=lanczos", "modes.max_products=50")
    done = command("modes", "system.n=1300", *options)
    assert done.returncode == 2
    assert "modes.solver: lanczos has not converged after" in done.stderr
    assert not list(tmp_path.glob("outputs/*/*"))


def test_runs_whose_modes_fail_leave_no_folder(command, tmp_path):
    options = ("reparam=cg", "reparam.modes=5", "modes.solver=lanczos", "modes.max_products=50")
    done = command("run", "system.n=1300", *options)
    assert done.returncode == 2
    done = command("run", "system.n=40", "reparam=cg", "modes.epsilon=0.001")
    assert done.returncode == 2
    wanted = (
        "nnrep: modes.epsilon: must be so large that at least 2 modes are left for reparam=cg, got 1 mode"
    )
    assert done.stderr.splitlines()[-1] == wanted
    assert not list(tmp_path.glob("outputs/*/*"))


def test_modes_without_pictures_are_the_same(command, tmp_path):
    options = ("system=loop", "system.n=30", "reparam.modes=5", "max_steps=40", "analysis.frames=2")
    for folder, pictures in (("with", "true"), ("without", "false")):
        done = command("modes", *options, f"record.pictures={pictures}", f"hydra.run.dir={folder}")
        assert done.returncode == 0, done.stderr
    drawn, plain = ({path.name for path in (tmp_path / name).iterdir()} for name in ("with", "without"))
    assert drawn - plain == {
        f"{name}.{kind}" for name in ("modes", "spectrum", "robustness") for kind in KINDS
    }
    for table in ("modes.csv", "robustness.csv"):
        assert (tmp_path / "with" / table).read_bytes() == (tmp_path / "without" / table).read_bytes()


@pytest.mark.parametrize("drawn", ["[20]", "[1,20]"])
def test_a_mode_that_is_not_below_the_epsilon_is_not_drawn_as_another_one(command, tmp_path, drawn):
    options = ("system=loop", "system.n=30", "modes.epsilon=0.2", "analysis.robustness=false")
    done = command("modes", *options, f"analysis.drawn={drawn}")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("nnrep: analysis.drawn: must be of modes from 1 to 2, got [")
    assert not list(tmp_path.glob("outputs/*/*"))


def test_epsilons_of_one_mode_draw_nothing(command, tmp_path):
    done = command("modes", *LOOP, "analysis.frames=2", "analysis.epsilons=[0.001]", "hydra.run.dir=out")
    assert done.returncode == 0, done.stderr
    assert "analysis.epsilons: all leave but one mode" in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"robustness.csv"}
    assert command("modes", "system.n=2", "system.loop_length=1", "max_steps=20").returncode == 0


def test_normal_modes_are_of_the_first_seeds_start(command, tmp_path):
    options = ("system.n=20", "modes.of=hessian", "reparam.modes=10")
    of_run = ("reparam=cg", "seeds=[3,1]", "max_steps=40")
    assert command("run", *options, *of_run, "hydra.run.dir=run").returncode == 0
    assert command("modes", *options, "seeds=[3]", "hydra.run.dir=modes").returncode == 0
    with (
        np.load(tmp_path / "run" / "positions.npz") as run,
        np.load(tmp_path / "modes" / "modes.npz") as modes,
    ):
        np.testing.assert_array_equal(run["start"][0], modes["positions"])


def test_help_names_the_verb(command):
    done = command("modes", "--help")
    assert done.returncode == 0
    assert "nnrep modes" in done.stdout
    assert "analysis" in done.stdout
