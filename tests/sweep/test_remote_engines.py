"""The same rows on every engine, with workers that are killed, and after an interruption."""

import os
import signal
import time
from dataclasses import dataclass
from functools import partial

import pandas as pd
import pytest
from engine_runs import SMALL, kill_one, made, rows, same, sleeping
from host_devices import with_host_devices

from nnrep.errors import ConfigError, UserError
from nnrep.host.cache import cache_folder
from nnrep.sweep.dispatch import dispatch
from nnrep.sweep.engines.registry import engine_settings
from nnrep.sweep.settings import experiment_settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings():
    return experiment_settings("fig2_smoke", [*SMALL, "reparam=none,cg", "seeds=3"]).settings


@pytest.fixture(scope="module")
def expected(settings, tmp_path_factory):
    _, store = made(settings, tmp_path_factory.mktemp("local"), {"name": "local", "workers": 1})
    assert store.done() == set(store.order)
    return store


def test_devices_make_the_rows_of_other_workers(settings, expected, tmp_path, monkeypatch):
    """The seeds of a setting are together on a device."""
    monkeypatch.setenv("XLA_FLAGS", with_host_devices(4)["XLA_FLAGS"])  # for processes that begin here
    at_once = []
    values = {"name": "local", "devices": 2}
    ended, store = made(settings, tmp_path, values, lambda runs: at_once.append(len(runs)))
    assert ended.workers == 2
    assert set(at_once) == {3}
    same(store, expected)


DASK = {"name": "dask", "workers": 2, "chunk": 2}


def test_dask_makes_the_rows_of_local_processes_though_a_worker_is_killed(settings, expected, tmp_path):
    pytest.importorskip("dask_jobqueue")
    killed = []

    def kill(runs):
        if not killed:
            killed.extend(kill_one("spawn_main"))

    ended, store = made(settings, tmp_path, DASK, kill)
    assert killed
    assert (ended.interrupted, ended.workers) == (False, 2)
    same(store, expected)


def test_an_interrupted_dask_sweep_keeps_what_is_done(settings, expected, tmp_path):
    pytest.importorskip("dask_jobqueue")
    count = []
    ended, store = made(settings, tmp_path, DASK, count.append, lambda: bool(count))
    assert ended.interrupted
    assert 0 < len(store.done()) < len(store.order)
    kept, whole = (rows(each).set_index("run_id") for each in (store, expected))
    pd.testing.assert_frame_equal(kept, whole.loc[kept.index], check_dtype=False)


@dataclass
class Dying:
    """Work that kills its worker at the first attempt."""

    attempt: int = 1
    shape: str = ""

    def __call__(self) -> int:
        if self.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.attempt

    def parts(self) -> "list[Dying]":
        return [Dying(self.attempt + 1)]


def test_a_worker_of_dasks_that_does_not_come_back_is_begun_anew():
    """As the last job of a batch system ends, or where a process takes long to begin."""
    dask = pytest.importorskip("dask")
    pytest.importorskip("dask_jobqueue")
    coming, taken = iter([Dying()]), []
    deadline = time.monotonic() + 300
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "0 s"}):
        engine = engine_settings({**DASK, "workers": 1}).open(1, 1)
        try:
            stopped = dispatch(
                engine,
                lambda slot: next(coming, None),
                lambda work, value: taken.append(value),
                lambda work, reason: None,
                lambda: time.monotonic() > deadline,
            )
        finally:
            engine.close()
    assert (stopped, taken) == (False, [2])


def test_a_running_dask_cluster_is_joined_and_computes_modes_once_in_its_own_cache(
    settings, expected, tmp_path, monkeypatch
):
    """And is left as it was."""
    distributed = pytest.importorskip("distributed")
    modes = cache_folder() / "modes"
    with monkeypatch.context() as patch:
        patch.setenv("NNREP_CACHE", str(tmp_path / "cache"))
        own = cache_folder() / "modes"
        engine = engine_settings(DASK).open(1, 2)
    try:
        address = engine._client.scheduler.address
        _, store = made(settings, tmp_path / "s", {"name": "dask", "address": address, "chunk": 1})
        with distributed.Client(address, set_as_default=False) as client:
            assert client.submit(pow, 2, 3).result(timeout=30) == 8
    finally:
        engine.close()
    same(store, expected)
    names = {path.name for path in own.iterdir()}
    assert len(names) == len({setting.modes for setting in settings if setting.modes})
    assert names <= {path.name for path in modes.iterdir()}
    assert own != modes


SUBMITIT = {"name": "submitit", "cluster": "local", "workers": 2, "chunk": 2}


def test_submitit_makes_the_rows_of_local_processes_though_a_job_is_killed(settings, expected, tmp_path):
    pytest.importorskip("submitit")
    killed = []

    def kill() -> bool:
        if not killed:
            killed.extend(kill_one("submitit.core._submit"))
        return False

    values = {**SUBMITIT, "folder": str(tmp_path / "jobs")}
    _, store = made(settings, tmp_path, values, should_stop=kill)
    assert killed
    same(store, expected)
    assert list((tmp_path / "jobs").iterdir()) == []


def test_an_interrupted_submitit_sweep_keeps_what_is_done(settings, tmp_path):
    pytest.importorskip("submitit")
    count = []
    ended, store = made(settings, tmp_path, SUBMITIT, count.append, lambda: bool(count))
    assert ended.interrupted
    assert 0 < len(store.done()) < len(store.order)


def test_a_job_that_hangs_is_lost_after_its_walltime(monkeypatch):
    submitit = pytest.importorskip("nnrep.sweep.engines.submitit")
    monkeypatch.setattr(submitit, "LATE_SECONDS", 0.0)
    engine = engine_settings({**SUBMITIT, "walltime": "00:00:01"}).open(None, 1)
    try:
        future = engine.submit(sleeping())
        with pytest.raises(submitit.LostError):
            future.result(timeout=60)
    finally:
        engine.close()


def test_a_folder_that_cannot_be_reached_for_a_moment_costs_no_job(tmp_path, monkeypatch):
    submitit = pytest.importorskip("nnrep.sweep.engines.submitit")
    failing = [OSError("stale")] * 3
    listed = os.listdir

    def listdir(folder):
        if str(folder).startswith(str(tmp_path)) and failing:
            raise failing.pop()
        return listed(folder)

    monkeypatch.setattr(submitit.os, "listdir", listdir)
    engine = engine_settings({**SUBMITIT, "folder": str(tmp_path)}).open(None, 1)
    work = partial(abs, -3)
    work.shape = ""
    try:
        assert engine.submit(work).result(timeout=120) == 3
    finally:
        engine.close()
    assert not failing


def test_a_job_is_not_broken_off_by_the_warning_that_its_time_runs_out():
    pytest.importorskip("submitit")
    work = partial(signal.raise_signal, signal.SIGUSR2)
    work.shape = ""
    engine = engine_settings(SUBMITIT).open(None, 1)
    try:
        assert engine.submit(work).result(timeout=120) is None
    finally:
        engine.close()


RAY = {"name": "ray", "workers": 2, "chunk": 2}


def test_ray_makes_the_rows_of_local_processes_though_a_worker_is_killed(settings, expected, tmp_path):
    pytest.importorskip("ray")
    killed = []

    def kill() -> bool:
        if not killed:
            killed.extend(kill_one("_Actor.do"))
        return False

    _, store = made(settings, tmp_path, RAY, should_stop=kill)
    assert killed
    same(store, expected)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (None, r"^engine=ray: no cluster of Ray's \(The current node timed out during startup\.\)"),
        ("a:1", r"^address: a:1: no cluster of Ray's"),
    ],
)
def test_a_cluster_of_rays_that_does_not_come_up_is_one_line(address, message, monkeypatch):
    pytest.importorskip("ray")
    from nnrep.sweep.engines import ray

    def init(**options):
        raise Exception("The current node timed out\n during startup.")

    monkeypatch.setattr(ray.ray, "init", init)
    with pytest.raises(UserError, match=message):
        engine_settings({**RAY, "address": address}).open(1, 1)


def test_an_interrupted_ray_sweep_keeps_what_is_done(settings, tmp_path):
    pytest.importorskip("ray")
    count = []
    ended, store = made(settings, tmp_path, RAY, count.append, lambda: bool(count))
    assert ended.interrupted
    assert 0 < len(store.done()) < len(store.order)


def test_a_batch_systems_jobs_begin_as_they_are_told(tmp_path):
    pytest.importorskip("dask_jobqueue")
    values = {"cluster": "slurm", "workers": 3, "queue": "short", "walltime": "01:00:00", "memory": "2GB"}
    chosen = engine_settings({"name": "dask", **values, "setup": ["module load python"]})
    cluster = chosen.batch_cluster(2, tmp_path / "logs")
    script = cluster.job_script()
    cluster.close()
    for line in ("#SBATCH -p short", "#SBATCH -t 01:00:00", "#SBATCH --cpus-per-task=2", "#SBATCH --mem=2G"):
        assert line in script
    assert script.index("module load python") < script.index("export NPROC=2") < script.index("dask_worker")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cluster": "cloud"}, r"engine\.cluster: must be one of local, slurm, pbs, sge, lsf, got cloud"),
        ({"queue": "short"}, r"engine\.queue: must be null, as it is of a batch system"),
        ({"cluster": "slurm"}, r"engine\.workers: must be given with slurm, got null"),
        ({"address": "tcp://a:1", "cluster": "slurm"}, r"engine\.cluster: must be local, as address"),
        ({"address": "tcp://a:1", "workers": 2}, r"engine\.workers: must be null, as address is given"),
    ],
)
def test_keys_of_dask_without_effect_are_refused(values, message):
    pytest.importorskip("dask_jobqueue")
    with pytest.raises(ConfigError, match=f"^{message}"):
        engine_settings({"name": "dask", **values})


def test_a_scheduler_that_is_not_there_is_named(settings, tmp_path, monkeypatch):
    dask = pytest.importorskip("nnrep.sweep.engines.dask")
    monkeypatch.setattr(dask, "JOIN_SECONDS", 1)
    with pytest.raises(UserError, match=r"^engine\.address: tcp://127\.0\.0\.1:9: no scheduler answers"):
        made(settings, tmp_path, {"name": "dask", "address": "tcp://127.0.0.1:9"})
