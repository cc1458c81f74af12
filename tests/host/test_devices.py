"""The devices of a process, and a process that is to have one alone."""

from types import SimpleNamespace

import jax
import pytest
from host_devices import called_on_host_devices

from nnrep.errors import UserError
from nnrep.host import devices
from nnrep.host.devices import Device, free_device_memory, own_devices, require_gpu, see_only, seen_devices


def check_a_process_sees_all_that_there_are():
    assert len(own_devices()) == 4
    assert [each.number for each in seen_devices()] == [0, 1, 2, 3]
    with jax.default_device(jax.local_devices()[2]):
        assert own_devices() == [jax.local_devices()[2]]
    with jax.default_device("cpu"):
        assert own_devices() == [jax.local_devices()[0]]


def check_a_process_that_is_given_one_sees_no_other():
    see_only(Device("cpu", "cpu", 3))
    assert len(own_devices()) == 1


CHECKS = [name for name in dir() if name.startswith("check_")]


@pytest.mark.parametrize("name", CHECKS)
def test_on_four_devices(name):
    assert called_on_host_devices(__name__, [name]) == {}


def test_of_gpus_only_the_given_one_is_shown_to_jax(monkeypatch):
    told = {}
    monkeypatch.setattr(jax.config, "update", told.__setitem__)
    see_only(Device("gpu", "NVIDIA H100", 2))
    assert told["jax_cuda_visible_devices"] == told["jax_rocm_visible_devices"] == "2"


def test_the_least_memory_of_the_devices_counts(monkeypatch):
    assert free_device_memory() is None  # of a CPU
    stats = [{"bytes_limit": 100, "bytes_in_use": 30}, {"bytes_limit": 50}]
    fakes = [SimpleNamespace(memory_stats=lambda each=each: each) for each in stats]
    monkeypatch.setattr(devices, "own_devices", lambda: fakes)
    assert free_device_memory() == 50


def test_a_worker_without_a_gpu_is_named():
    with pytest.raises(UserError, match=r"^engine\.devices: a worker on .* has none: JAX sees no device but"):
        require_gpu("engine.devices")
