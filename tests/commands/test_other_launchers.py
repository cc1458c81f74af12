"""Hydra sweeps by other launchers than our own: rows, failures and statuses are those of one process."""

import pandas as pd
import pytest

from nnrep.records.table import TIMES

ANY = ("run", "-m", "max_steps=40", "record.pictures=false", "reparam=none")
SMALL = (*ANY, "threads=1")
NEEDS = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "submitit",
    "dask": "dask_jobqueue",
}


def swept(path):
    table = pd.read_csv(path / "runs.csv", dtype=str, keep_default_na=False)
    return table.drop(columns=[*TIMES, "modes_stored"])


@pytest.mark.slow
@pytest.mark.parametrize("launcher", NEEDS)
def test_a_launcher_gives_the_table_and_the_status_of_our_own(nnrep, tmp_path, launcher):
    pytest.importorskip(NEEDS[launcher])
    jobs = ("system.n=20,1", "seeds=1,2")
    chosen = (f"hydra/launcher={launcher}", "hydra.sweep.dir=s")
    done = nnrep(*SMALL, *jobs, *chosen)
    assert done.returncode == 2, done.stderr
    assert "nnrep/" not in done.stderr  # no traceback of ours; Dask may tell of connections that it closes
    assert "is validated against" not in done.stderr
    for job in (2, 3):
        assert f"job {job} failed: system.n: must be at least 2, got 1" in done.stdout
    own = nnrep(*SMALL, *jobs, "hydra.sweep.dir=own")
    assert own.returncode == 2
    pd.testing.assert_frame_equal(swept(tmp_path / "s"), swept(tmp_path / "own"))
    before = (tmp_path / "s" / "0" / "runs.csv").read_bytes()
    resumed = nnrep(*SMALL, "system.n=20", "seeds=1,2", *chosen, "resume=true")
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "s" / "0" / "runs.csv").read_bytes() == before
    assert swept(tmp_path / "s")["status"].tolist() == ["step_limit"] * 3


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            ("hydra/launcher=submitit_local", "hydra.launcher.chunk=3"),
            "hydra.launcher.chunk: must be 1, as each job is sent alone, got 3",
        ),
        (
            ("hydra/launcher=submitit_local", "hydra.launcher.queue=short"),
            "hydra.launcher.queue: must be null with cluster=local, got short",
        ),
        (
            ("hydra/launcher=joblib", "hydra.launcher._target_=hydra_plugins.nope.Launcher"),
            "hydra.launcher: cannot be had (hydra_plugins.nope.Launcher); install it",
        ),
        (("hydra/launcher=slurm",), "hydra/launcher=slurm: unknown option; choose from basic, dask, joblib"),
    ],
)
def test_what_a_launcher_cannot_use_is_one_line(command, chosen, message):
    if "submitit_local" in chosen[0]:
        pytest.importorskip("submitit")
    done = command(*ANY, "system.n=20", "seeds=1,2", *chosen, "hydra.sweep.dir=s")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"nnrep: {message}")
    other = command(*ANY, "system.n=20", "seeds=1", "hydra.sweep.dir=s")
    assert other.returncode == 0, other.stderr
