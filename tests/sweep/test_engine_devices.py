"""Workers that have a device each."""

import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

import pytest
from host_devices import Seen, with_host_devices

from nnrep.errors import ConfigError, UserError
from nnrep.sweep.engines.registry import engine_settings
from nnrep.sweep.hydra_jobs import devices_of_jobs


@pytest.fixture(autouse=True)
def _four_devices(monkeypatch):
    """For processes that begin in a test."""
    monkeypatch.setenv("XLA_FLAGS", with_host_devices(4)["XLA_FLAGS"])


def test_a_worker_sees_its_device_alone_and_so_does_one_that_takes_its_place():
    engine = engine_settings({"name": "local", "devices": 1}).open(1, 9)
    try:
        assert (engine.workers, engine.has_devices) == (1, True)
        process, seen = engine.submit(Seen()).result()
        assert seen == 1
        os.kill(process, signal.SIGKILL)
        other = process
        while other == process:
            while not engine._idle:
                time.sleep(0.01)
            with suppress(BrokenProcessPool):
                other, seen = engine.submit(Seen()).result()
        assert seen == 1
    finally:
        engine.close()


def test_more_devices_than_there_are_are_refused():
    refused = (
        r"must be at most 4, the devices that JAX sees here \(cpu; XLA_FLAGS=.*=N makes it N of them\), got 5"
    )
    with pytest.raises(ConfigError, match=rf"^devices: {refused}$"):
        engine_settings({"name": "local", "devices": 5}).open(1, 9)
    with pytest.raises(ConfigError, match=rf"^hydra\.launcher\.devices: {refused}$"):
        devices_of_jobs(5, None, [1])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "local", "devices": 0}, "devices: must be a count from 1 on, or null, got 0"),
        (
            {"name": "local", "devices": 2, "workers": 2},
            "workers: must be null, as each of devices has a worker",
        ),
        ({"name": "dask", "devices": 2}, "devices: must be null but with cluster=slurm; on one machine"),
        (
            {"name": "dask", "devices": 2, "address": "tcp://a:1"},
            "devices: must be null but with cluster=slurm",
        ),
        ({"name": "submitit", "devices": 2, "cluster": "local"}, "devices: must be null with cluster=local"),
    ],
)
def test_devices_without_effect_are_refused(values, message):
    try:
        with pytest.raises(ConfigError, match=rf"^engine\.{message}"):
            engine_settings(values)
    except UserError as error:  # an extra
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((True, None, [1]), r"hydra\.launcher\.devices: must be a count from 1 on, or null, got True"),
        ((2, 2, [1]), r"hydra\.launcher\.workers: must be null, as each of devices has one, got 2"),
        ((2, None, [1, 2]), r"threads: must be one number for all jobs, with hydra\.launcher\.devices"),
    ],
)
def test_devices_of_jobs_are_checked(values, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        devices_of_jobs(*values)


def test_jobs_of_slurm_are_given_a_gpu_each(tmp_path):
    pytest.importorskip("dask_jobqueue")
    values = {"cluster": "slurm", "devices": 3, "walltime": "01:00:00", "memory": "2GB"}
    cluster = engine_settings({"name": "dask", **values}).batch_cluster(1, tmp_path)
    script = cluster.job_script()
    cluster.close()
    assert "#SBATCH --gres=gpu:1" in script
    pytest.importorskip("submitit")
    chosen = engine_settings({"name": "submitit", "devices": 3})
    assert chosen.parameters(1)["gpus_per_node"] == 1
    assert "gpus_per_node" not in engine_settings({"name": "submitit", "workers": 3}).parameters(1)


@pytest.mark.slow
def test_gpus_that_ray_does_not_know_of_are_refused():
    pytest.importorskip("ray")
    with pytest.raises(
        ConfigError, match=r"^engine\.devices: must be at most 0, the GPUs that Ray knows of, got 2$"
    ):
        engine_settings({"name": "ray", "devices": 2}).open(1, 9)
