"""The same rows on every engine, with workers that are killed, and after an interruption."""

import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from host_devices import with_host_devices

from nnrep.errors import ConfigError, UserError
from nnrep.records.table import TIMES
from nnrep.sweep.engines.registry import engine_settings
from nnrep.sweep.settings import experiment_settings
from nnrep.sweep.store import RunStore
from nnrep.sweep.sweep import sweep

OVERRIDES = ["system.n=20", "system.loop_length=5", "system.potential=pure_lj", "reparam=none,cg"]
CLOCKS = [*TIMES, "modes_stored"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings():
    return experiment_settings("fig2_smoke", [*OVERRIDES, "seeds=3", "max_steps=60"]).settings


def made(settings, folder: Path, values, on_runs=lambda runs: None, should_stop=lambda: False):
    names = [each.run_id(seed) for each in settings for seed in each.seeds]
    store = RunStore(folder, names, keep_histories=True)
    ended = sweep(settings, store, engine_settings(values), on_runs, should_stop)
    assert ended.failures == []
    return ended, store


def rows(store: RunStore) -> pd.DataFrame:
    return pd.read_csv(store.path).drop(columns=CLOCKS)


@pytest.fixture(scope="module")
def expected(settings, tmp_path_factory):
    _, store = made(settings, tmp_path_factory.mktemp("local"), {"name": "local", "workers": 1})
    assert store.done() == set(store.order)
    return store


def same(store: RunStore, expected: RunStore) -> None:
    pd.testing.assert_frame_equal(rows(store), rows(expected))
    for run in store.order:
        ours, theirs = (each.history(run).drop(columns="time_s") for each in (store, expected))
        pd.testing.assert_frame_equal(ours, theirs)


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


def test_an_interrupted_dask_sweep_keeps_what_is_done_and_is_resumed(settings, expected, tmp_path):
    pytest.importorskip("dask_jobqueue")
    count = []
    ended, store = made(settings, tmp_path, DASK, count.append, lambda: bool(count))
    assert ended.interrupted
    assert 0 < len(store.done()) < len(store.order)
    _, store = made(settings, tmp_path, DASK)
    same(store, expected)


def test_a_running_dask_cluster_is_joined_and_left_as_it_was(settings, expected, tmp_path):
    distributed = pytest.importorskip("distributed")
    engine = engine_settings(DASK).open(1, 2)
    try:
        address = engine._client.scheduler.address
        _, store = made(settings, tmp_path, {"name": "dask", "address": address, "chunk": 3})
        same(store, expected)
        with distributed.Client(address, set_as_default=False) as client:
            assert client.submit(pow, 2, 3).result(timeout=30) == 8
    finally:
        engine.close()


def kill_one(word: str) -> list[psutil.Process]:
    """Kill one of the worker processes that are ours, if there is one with this word in its command."""
    for child in psutil.Process().children(recursive=True):
        try:
            if word in " ".join(child.cmdline()):
                child.kill()
                return [child]
        except psutil.Error:  # has ended meanwhile
            continue
    return []


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
        future = engine.submit(Sleeping())
        with pytest.raises(submitit.LostError):
            future.result(timeout=60)
    finally:
        engine.close()


class Sleeping:
    """Work that does not end."""

    shape = ""

    def __call__(self) -> None:
        time.sleep(600)


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


def test_an_interrupted_ray_sweep_keeps_what_is_done(settings, tmp_path):
    pytest.importorskip("ray")
    count = []
    ended, store = made(settings, tmp_path, RAY, count.append, lambda: bool(count))
    assert ended.interrupted
    assert 0 < len(store.done()) < len(store.order)


def test_a_batch_systems_jobs_begin_as_they_are_told():
    pytest.importorskip("dask_jobqueue")
    values = {"cluster": "slurm", "workers": 3, "queue": "short", "walltime": "01:00:00", "memory": "2GB"}
    chosen = engine_settings({"name": "dask", **values, "setup": ["module load python"]})
    cluster = chosen.batch_cluster(2)
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
