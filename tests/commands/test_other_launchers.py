"""Hydra sweeps by other launchers than our own: rows, failures and statuses are those of one process."""

import os
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest

from nnrep.records.table import TIMES

ANY = ("run", "-m", "max_steps=40", "record.pictures=false", "reparam=none")
SMALL = (*ANY, "threads=1")
JOBS = ("system.n=20,1", "seeds=1,2")  # half of which fail
NEEDS = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "submitit",
    "dask": "dask_jobqueue",
}


def swept(path):
    table = pd.read_csv(path / "runs.csv", dtype=str, keep_default_na=False)
    return table.drop(columns=[*TIMES, "modes_stored"])


@pytest.fixture(scope="module")
def of_our_own(tmp_path_factory):
    """The table of the sweep by our own launcher."""
    folder = tmp_path_factory.mktemp("own")
    command = [sys.executable, "-m", "nnrep", *SMALL, *JOBS, "hydra.sweep.dir=own"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    return swept(folder / "own")


@pytest.mark.slow
@pytest.mark.parametrize("launcher", NEEDS)
def test_a_launcher_gives_the_table_and_the_status_of_our_own(nnrep, of_our_own, tmp_path, launcher):
    pytest.importorskip(NEEDS[launcher])
    chosen = (f"hydra/launcher={launcher}", "hydra.sweep.dir=s")
    done = nnrep(*SMALL, *JOBS, *chosen)
    assert done.returncode == 2, done.stderr
    assert "nnrep/" not in done.stderr  # no traceback of ours; Dask may tell of connections that it closes
    assert "is validated against" not in done.stderr
    for job in (2, 3):
        assert f"job {job} failed: system.n: must be at least 2, got 1" in done.stdout
    pd.testing.assert_frame_equal(swept(tmp_path / "s"), of_our_own)
    before = (tmp_path / "s" / "0" / "runs.csv").read_bytes()
    resumed = nnrep(*SMALL, "system.n=20", "seeds=1,2", *chosen, "resume=true")
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "s" / "0" / "runs.csv").read_bytes() == before
    assert swept(tmp_path / "s")["status"].tolist() == ["step_limit"] * 3


TWO_JOBS = (
    *SMALL,
    "system.n=40",
    "schedule.fine.patience=1000000",
    "max_steps=40,200000",
    "hydra.sweep.dir=s",
)


def killed_in_the_second_job(folder, word, *launcher):
    """Run a short job and a long one, and kill the worker of the long one: exit status and messages."""
    command = [sys.executable, "-m", "nnrep", *TWO_JOBS, *launcher]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    first, second = (folder / "s" / job for job in ("0/runs.csv", "1/config.yaml"))
    for _ in range(6000):
        if process.poll() is not None or (first.exists() and second.exists()):
            break
        time.sleep(0.1)
    whole = first.read_bytes()
    for child in psutil.Process(process.pid).children(recursive=True):
        if word in " ".join(child.cmdline()):
            child.kill()
    _, err = process.communicate(timeout=300)
    assert first.read_bytes() == whole  # which has times: it was not done again
    return process.returncode, err


@pytest.mark.slow
def test_a_lost_worker_does_not_do_the_jobs_of_its_chunk_again_that_are_done(tmp_path):
    pytest.importorskip("dask_jobqueue")
    chosen = ("hydra/launcher=dask", "hydra.launcher.workers=1")
    status, err = killed_in_the_second_job(tmp_path, "spawn_main", *chosen)
    assert status == 0, err
    assert "a worker was lost" in err
    assert "is complete; nothing to resume" in err
    assert swept(tmp_path / "s")["status"].tolist() == ["step_limit"] * 2


@pytest.mark.slow
def test_a_killed_process_of_joblib_is_one_line_and_resume_goes_on(nnrep, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    chosen = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    status, err = killed_in_the_second_job(tmp_path, "popen_loky", *chosen)
    assert status == 2, err
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if line.startswith("nnrep: ")]
    assert line.startswith("nnrep: hydra.launcher: a worker was lost")
    assert line.endswith("; the same command with resume=true goes on")
    before = (tmp_path / "s" / "0" / "runs.csv").read_bytes()
    resumed = nnrep(*TWO_JOBS, *chosen, "resume=true")
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "s" / "0" / "runs.csv").read_bytes() == before
    assert swept(tmp_path / "s")["status"].tolist() == ["step_limit"] * 2


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            ("hydra/launcher=submitit_local", "hydra.launcher.chunk=0"),
            "hydra.launcher.chunk: must be at least 1, got 0",
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


def test_an_engine_that_cannot_be_had_is_named_by_the_key_of_the_launcher(nnrep):
    pytest.importorskip("submitit")
    by_slurm = (
        "hydra/launcher=submitit_slurm",
        "hydra.launcher.workers=1",
        "hydra.launcher.walltime=01:00:00",
    )
    without_slurm = {"PATH": "", "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "HOME": "."}
    done = nnrep(*SMALL, "system.n=20", "seeds=1,2", *by_slurm, env=without_slurm)
    assert done.returncode == 2
    assert done.stderr.startswith("nnrep: hydra.launcher.cluster: slurm: ")
    assert done.stderr.count("\n") == 1
