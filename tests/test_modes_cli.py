"""`nnrep modes`, stored modes, and the keys of `modes` on the command line."""

import numpy as np
import pandas as pd
import pytest

LOOP = ("system=loop", "system.n=60", "reparam.modes=12", "max_steps=400")
FILES = {"config.yaml", "modes.csv", "modes.npz", "modes.png", "spectrum.png"}
ROBUSTNESS = {"robustness.csv", "robustness.png"}


def test_modes_of_a_loop_are_shown_and_compared(nnrep, tmp_path):
    done = nnrep("modes", *LOOP, "look.frames=3", "look.epsilons=[0.2,0.5,1]", "hydra.run.dir=out")
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


def test_normal_modes_of_the_embedded_protein_at_its_minimum(nnrep, tmp_path):
    arguments = ("system=protein", "modes.of=hessian", "look.minimize=true", "reparam.modes=10")
    done = nnrep("modes", *arguments, "hydra.run.dir=out")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"native.pdb"}
    values = pd.read_csv(tmp_path / "out" / "modes.csv")["eigenvalue"]
    assert abs(values[:6]).max() < 0.1 * values[6]
    rigid = pd.read_csv(tmp_path / "out" / "modes.csv")["rigid"]
    assert (rigid[:6] > 0.99).all()
    assert (rigid[6:] < 0.01).all()
    assert "no robustness table" in done.stderr


def test_modes_are_kept_and_used_by_every_run_that_wants_the_same(nnrep, tmp_path):
    options = ("reparam=cg", "system.n=50", "max_steps=40", "optimizer.learning_rate=0.01,0.02")
    done = nnrep("run", "--multirun", *options, "hydra.sweep.dir=sweep")
    assert done.returncode == 0, done.stderr
    first, second = (pd.read_csv(tmp_path / "sweep" / job / "runs.csv") for job in "01")
    assert (first["modes_stored"].item(), second["modes_stored"].item()) == (False, True)
    assert second["time_modes_s"].item() < 0.2 * first["time_modes_s"].item()
    assert (second["modes_of"].item(), second["modes_solver"].item()) == ("backbone", "dense")
    assert second["modes_residual"].item() < 1e-10


def test_runs_along_normal_modes(nnrep, tmp_path):
    options = ("run", "reparam=cg", "system.n=20", "reparam.modes=0.5", "modes.of=hessian", "max_steps=100")
    done = nnrep(*options, "hydra.run.dir=out")
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(tmp_path / "out" / "runs.csv").iloc[0]
    assert (row["modes"], row["modes_of"]) == (30, "hessian")
    assert row["energy"] < row["energy_start"]


MISTAKES = {
    "network on normal modes": (
        ("run", "reparam=gnn", "modes.of=hessian"),
        "modes.of: must be backbone or graph, as the convolution of reparam=gnn runs over particles, "
        "got hessian",
    ),
    "sampled normal modes": (("modes", "modes.of=hessian", "modes.samples=3"), "modes.samples: must be null"),
    "unknown solver": (("modes", "modes.solver=fast"), "modes.solver: invalid value 'fast'"),
    "unknown backbone": (("run", "modes.backbone=max"), "modes.backbone: invalid value 'max'"),
    "negative noise": (("run", "modes.noise=-1"), "modes.noise: must be zero or positive, or null, got -1"),
    "too many modes": (("modes", "reparam.modes=401"), "reparam.modes: must be a count from 1 to n = 400"),
    "minimum of a backbone": (
        ("modes", "look.minimize=true"),
        "look.minimize: must be false, or modes.of=hessian",
    ),
    "no frames": (("modes", "look.frames=1"), "look.frames: must be from 2 (start and end) to 100, got 1"),
    "epsilon out of range": (
        ("modes", "look.epsilons=[0.1,2]"),
        "look.epsilons: must be a list of numbers",
    ),
    "no number": (("modes", "look.epsilons=[true]"), "look.epsilons: must be a list of numbers"),
    "no epsilons": (("modes", "look.epsilons=[]"), "look.epsilons: must be a list of numbers"),
    "too many samples": (("run", "modes.samples=3000000000"), "modes.samples"),
    "nothing drawn": (
        ("modes", "look.drawn=0"),
        "look.drawn: must be from 1 to 24, or a list",
    ),
    "mode that is not there": (("modes", "look.drawn=[2,101]"), "look.drawn: must be of modes from 1 to 100"),
    "unknown key": (("modes", "look.frame=3"), "look.frame: unknown key; choose from"),
    "unknown flag": (("modes", "--nope"), "see nnrep modes --help"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(nnrep, tmp_path, mistake):
    arguments, message = MISTAKES[mistake]
    done = nnrep(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nnrep: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_results_are_never_overwritten(nnrep, tmp_path):
    small = (*LOOP[:3], "look.robustness=false", "hydra.run.dir=out")
    assert nnrep("modes", *small).returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for arguments in (("modes", *small), ("run", *small), ("run", *small, "resume=true")):
        done = nnrep(*arguments)
        assert done.returncode == 2
        assert "out: holds" in done.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_modes_without_convergence_leave_no_folder(nnrep, tmp_path):
    done = nnrep("modes", "system.n=1300", "reparam.modes=5", "modes.solver=lanczos", "modes.max_products=50")
    assert done.returncode == 2
    assert "modes.solver: lanczos has not converged after" in done.stderr
    assert not list(tmp_path.glob("outputs/*/*"))


def test_runs_whose_modes_fail_leave_no_folder(nnrep, tmp_path):
    options = ("reparam=cg", "reparam.modes=5", "modes.solver=lanczos", "modes.max_products=50")
    done = nnrep("run", "system.n=1300", *options)
    assert done.returncode == 2
    done = nnrep("run", "system.n=40", "reparam=cg", "modes.epsilon=0.001")
    assert done.returncode == 2
    wanted = (
        "nnrep: modes.epsilon: must be so large that at least 2 modes are left for reparam=cg, got 1 mode"
    )
    assert done.stderr.splitlines()[-1] == wanted
    assert not list(tmp_path.glob("outputs/*/*"))


def test_epsilons_of_one_mode_draw_nothing(nnrep, tmp_path):
    done = nnrep("modes", *LOOP, "look.frames=2", "look.epsilons=[0.001]", "hydra.run.dir=out")
    assert done.returncode == 0, done.stderr
    assert "look.epsilons: all leave but one mode" in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"robustness.csv"}
    assert nnrep("modes", "system.n=2", "system.loop_length=1", "max_steps=20").returncode == 0


def test_normal_modes_are_of_the_first_seeds_start(nnrep, tmp_path):
    options = ("system.n=20", "modes.of=hessian", "reparam.modes=10", "seeds=[3,1]", "max_steps=40")
    assert nnrep("run", "reparam=cg", *options, "hydra.run.dir=run").returncode == 0
    assert nnrep("modes", *options, "hydra.run.dir=modes").returncode == 0
    with (
        np.load(tmp_path / "run" / "positions.npz") as run,
        np.load(tmp_path / "modes" / "modes.npz") as modes,
    ):
        np.testing.assert_array_equal(run["start"][0], modes["positions"])


def test_help_names_the_verb(nnrep):
    done = nnrep("modes", "--help")
    assert done.returncode == 0
    assert "nnrep modes" in done.stdout
    assert "look" in done.stdout
