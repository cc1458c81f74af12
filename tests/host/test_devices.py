"""The devices of a process."""

from types import SimpleNamespace

import jax
import pytest
from host_devices import called_on_host_devices

from nnrep.host import devices
from nnrep.host.devices import free_device_memory, own_devices


def check_a_process_sees_all_that_there_are():
    assert len(own_devices()) == 4
    with jax.default_device(jax.local_devices()[2]):
        assert own_devices() == [jax.local_devices()[2]]
    with jax.default_device("cpu"):
        assert own_devices() == [jax.local_devices()[0]]


CHECKS = [name for name in dir() if name.startswith("check_")]


@pytest.mark.parametrize("name", CHECKS)
def test_on_four_devices(name):
    assert called_on_host_devices(__name__, [name]) == {}


def test_the_least_memory_of_the_devices_counts(monkeypatch):
    assert free_device_memory() is None  # of a CPU
    stats = [{"bytes_limit": 100, "bytes_in_use": 30}, {"bytes_limit": 50}]
    fakes = [SimpleNamespace(memory_stats=lambda each=each: each) for each in stats]
    monkeypatch.setattr(devices, "own_devices", lambda: fakes)
    assert free_device_memory() == 50
