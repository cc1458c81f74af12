"""The devices of a process, and a process that is to have one alone."""

import os
from types import SimpleNamespace
from typing import NamedTuple

import jax
import pytest
from host_devices import called_on_host_devices

from nnrep.errors import UserError
from nnrep.host import devices
from nnrep.host.devices import (
    Device,
    found_devices,
    free_device_memory,
    own_devices,
    require_gpu,
    runs_on_cpu,
    see_only,
    seen_devices,
)


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


@pytest.mark.parametrize(
    ("platforms", "error", "line"),
    [
        (
            "cuda",
            AssertionError(),
            "JAX_PLATFORMS=cuda: JAX finds no such device; unset it, or install nnrep[cuda] on a machine "
            "with a GPU",
        ),
        (
            "foo",
            RuntimeError("Unable to\ninitialize foo"),
            "JAX_PLATFORMS=foo: JAX finds no such device (Unable to initialize foo); unset it",
        ),
        (None, RuntimeError("broken"), "JAX finds no device (broken); JAX_PLATFORMS=cpu computes on the CPU"),
    ],
)
def test_a_device_that_is_not_there_is_one_line(monkeypatch, platforms, error, line):
    def fail():
        raise error

    monkeypatch.setattr(devices, "jax", SimpleNamespace(local_devices=fail, config=FakeConfig(platforms)))
    for ask in (found_devices, own_devices, seen_devices, runs_on_cpu):
        with pytest.raises(UserError) as raised:
            ask()
        assert str(raised.value) == line


class FakeConfig(NamedTuple):
    jax_platforms: str | None
    jax_default_device: None = None


@pytest.mark.parametrize("verb", ["run", "modes", "explore", "doctor"])
def test_a_command_without_its_device_is_one_line(nnrep, tmp_path, verb):
    arguments = (
        ()
        if verb == "doctor"
        else ("system=loop", "system.n=20", *("system.repulsion=exact",) * (verb == "explore"))
    )
    done = nnrep(verb, *arguments, env=os.environ | {"JAX_PLATFORMS": "foo"})
    shown = done.stdout if verb == "doctor" else done.stderr
    assert "JAX_PLATFORMS=foo: JAX finds no such device (" in shown
    assert done.returncode == (1 if verb == "doctor" else 2)
    assert "Traceback" not in done.stderr
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
