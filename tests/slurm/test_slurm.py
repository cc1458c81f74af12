"""Sweeps as jobs of a real Slurm: rows, lost jobs, limits, and what is left in the queue."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
from engine_runs import CLOCKS, SMALL, made, rows, same, sleeping

from nnrep.errors import UserError
from nnrep.sweep.engines import slurm as queue
from nnrep.sweep.engines.registry import engine_settings
from nnrep.sweep.engines.slurm import queued_jobs
from nnrep.sweep.settings import experiment_settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("slurm")]

ONE = (*SMALL, "reparam=none", "seeds=5")  # setting
SUBMITIT = {"name": "submitit", "workers": 3, "chunk": 1}
PATIENCE = 240  # seconds, of a busy machine
DASK = {"name": "dask", "cluster": "slurm", "workers": 2, "chunk": 1, "walltime": "01:00:00", "memory": "1GB"}


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch):
    monkeypatch.setattr(queue, "QUEUE_SECONDS", 1.0)


@pytest.fixture(scope="module")
def settings():
    return experiment_settings("fig2_smoke", [*ONE]).settings


@pytest.fixture(scope="module")
def expected(settings, tmp_path_factory):
    _, store = made(settings, tmp_path_factory.mktemp("local"), {"name": "local", "workers": 1})
    return store


def listed(state: str) -> list[str]:
    """Jobs in a state, as squeue names them."""
    command = ["squeue", "--noheader", f"--states={state}", "--format=%A"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def end(job: str) -> str:
    """Take a job out of the queue, as a user or an administrator does."""
    subprocess.run(["scancel", job], check=True)
    return job


def eventually(condition, seconds=PATIENCE) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.2)
    return condition()


def waiting() -> list[str]:
    """Take a job out of the queue that waits there, if there is one."""
    return [end(job) for job in listed("PENDING")[:1]]


def running() -> list[str]:
    """End a job that runs, if there is one."""
    return [end(job) for job in listed("RUNNING")[:1]]


def working() -> list[str]:
    """Kill the process that works for a job, if there is one."""
    known = subprocess.run(["scontrol", "listpids"], capture_output=True, text=True).stdout
    for number, job, *_ in map(str.split, known.splitlines()[1:]):
        try:
            process = psutil.Process(int(number))
            if {"submitit.core._submit", "distributed.cli.dask_worker"} & set(process.cmdline()):
                process.kill()
                return [job]
        except (psutil.Error, ValueError):  # has ended meanwhile, or is no process of ours
            continue
    return []


class Killer:
    """Asked again and again, does one harm after the other as soon as it can be done."""

    def __init__(self, *harms) -> None:
        self.harms, self.killed = list(harms), []

    def __call__(self) -> bool:
        if self.harms and (killed := self.harms[0]()):
            self.harms.pop(0)
            self.killed += killed
        return False


def test_submitit_makes_the_rows_of_local_processes_though_jobs_are_killed(
    settings, expected, tmp_path, caplog
):
    pytest.importorskip("submitit")
    kill = Killer(waiting, working, running)
    values = {**SUBMITIT, "folder": str(tmp_path / "jobs")}
    _, store = made(settings, tmp_path, values, should_stop=kill)
    assert len(kill.killed) == 3
    for reason in ("it never began", "Killed", "CANCELLED"):
        assert reason in caplog.text
    same(store, expected)
    assert eventually(lambda: queued_jobs() == set())  # what has answered ends in a moment
    assert list((tmp_path / "jobs").iterdir()) == []


def test_dask_makes_the_rows_of_local_processes_though_jobs_are_killed(settings, expected, tmp_path):
    pytest.importorskip("dask_jobqueue")
    kill = Killer(working, running)
    _, store = made(settings, tmp_path, DASK, should_stop=kill)
    assert len(kill.killed) == 2
    same(store, expected)
    assert eventually(lambda: queued_jobs() == set())


def test_jobs_of_hydra_end_with_the_worst_of_their_statuses(nnrep, tmp_path):
    pytest.importorskip("submitit")
    small = ("max_steps=40", "record.pictures=false", "reparam=none", "threads=1", "hydra.sweep.dir=s")
    chosen = ("hydra/launcher=submitit_slurm", "hydra.launcher.workers=2", "hydra.launcher.memory=1GB")
    done = nnrep("run", "-m", *small, *chosen, "system.n=20,1")
    assert done.returncode == 2, done.stderr
    assert "job 1 failed: system.n: must be at least 2, got 1" in done.stdout
    assert pd.read_csv(tmp_path / "s" / "runs.csv")["status"].tolist() == ["step_limit", "failed"]
    done = nnrep("run", "-m", *small, *chosen, "system.n=20", "resume=true")
    assert done.returncode == 0, done.stderr


def test_a_job_that_hangs_is_lost_by_our_clock(monkeypatch):
    submitit = pytest.importorskip("nnrep.sweep.engines.submitit")
    monkeypatch.setattr(submitit, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(queue, "queued_jobs", lambda: None)  # Slurm says nothing
    engine = engine_settings({**SUBMITIT, "walltime": "00:00:01"}).open(None, 1)
    try:
        future = engine.submit(sleeping())
        with pytest.raises(submitit.LostError, match="it took too long"):
            future.result(timeout=PATIENCE)
    finally:
        engine.close()
    assert eventually(lambda: queued_jobs() == set())


def test_an_interrupted_figure_leaves_nothing_in_the_queue_and_is_resumed(nnrep, expected, tmp_path):
    pytest.importorskip("submitit")
    figure = ("reproduce", "fig2", "profile=smoke", "beyond=false", *ONE, "results_dir=slurm")
    figure += ("engine=submitit", "engine.workers=4", "engine.chunk=1")
    process = subprocess.Popen(
        [sys.executable, "-m", "nnrep", *figure],
        cwd=tmp_path,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    table = tmp_path / "slurm" / "fig2" / "runs.csv"
    try:
        assert eventually(lambda: table.exists() and bool(listed("PENDING")), PATIENCE)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "sacct" not in said
    assert eventually(lambda: queued_jobs() == set(), 20)
    assert 0 < len(pd.read_csv(table)) < 5
    resumed = nnrep(*figure, "resume=true")
    assert resumed.returncode == 0, resumed.stderr
    pd.testing.assert_frame_equal(pd.read_csv(table).drop(columns=CLOCKS), rows(expected))


def test_dask_leaves_nothing_in_the_queue_when_it_is_interrupted(settings, tmp_path):
    pytest.importorskip("dask_jobqueue")
    ended, _ = made(settings, tmp_path, {**DASK, "workers": 4}, should_stop=lambda: bool(listed("PENDING")))
    assert ended.interrupted
    assert eventually(lambda: queued_jobs() == set())


@pytest.mark.parametrize("values", [SUBMITIT, DASK], ids=lambda values: values["name"])
def test_what_slurm_refuses_is_one_line(settings, tmp_path, values, capfd):
    pytest.importorskip({"submitit": "submitit", "dask": "dask_jobqueue"}[values["name"]])
    with pytest.raises(UserError, match=rf"^engine={values['name']}: .*[Ii]nvalid partition.*$"):
        made(settings, tmp_path, {**values, "queue": "nope"})
    assert capfd.readouterr().err == ""
    assert queued_jobs() == set()


def test_jobs_that_cannot_begin_are_lost_with_their_last_words(monkeypatch):
    submitit = pytest.importorskip("nnrep.sweep.engines.submitit")
    engine = engine_settings({**SUBMITIT, "setup": ["nosuchmodule load python || exit 1"]}).open(None, 1)
    try:
        with pytest.raises(submitit.LostError, match="nosuchmodule: command not found"):
            engine.submit(sleeping()).result(timeout=PATIENCE)
    finally:
        engine.close()


def test_a_cluster_that_no_job_joins_is_given_up_with_its_last_words(settings, tmp_path, monkeypatch):
    jobs = pytest.importorskip("nnrep.sweep.engines.dask_jobs", exc_type=ImportError)
    monkeypatch.setattr(jobs, "FILL_SECONDS", 1.0)
    with pytest.raises(UserError, match=r"engine=dask: .*nosuchmodule: command not found"):
        made(settings, tmp_path, {**DASK, "setup": ["nosuchmodule load python || exit 1"]})
    assert eventually(lambda: queued_jobs() == set())
