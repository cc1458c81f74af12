"""Batches over several devices: the numbers of one device, whatever the number of seeds."""

import tempfile
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from compilations import counted
from host_devices import called_on_host_devices, with_host_devices

import nnrep
from nnrep.host import stored
from nnrep.minimization import groups
from nnrep.minimization.groups import default_batch_size, grouped
from nnrep.minimization.loop import run_chunk
from nnrep.minimization.minimizer import checked_stages
from nnrep.minimization.room import device_bytes
from nnrep.minimization.run import Run
from nnrep.records.table import TIMES

DEVICES = 4


def on_one_device():
    return jax.default_device(jax.local_devices()[0])


@cache
def loop_and_map():
    system = nnrep.load_system("loop", n=20, loop_length=5, potential="bond_lj")
    return system, nnrep.reparam.linear(nnrep.slow_modes(system, k=5))


def minimized(seeds, batch_size=None, rate=0.02, **more):
    """A loop through its slow modes, then free; seeds stop after different numbers of steps."""
    system, reparam = loop_and_map()
    stopping = nnrep.Stopping(min_delta=1e-3, patience=3, check_every=5)
    stages = [
        nnrep.Stage("coarse", reparam, nnrep.adam(rate), stopping, 200),
        nnrep.Stage("fine", nnrep.reparam.identity(), nnrep.adam(rate), stopping, 400),
    ]
    return nnrep.minimize(system, stages, seeds=seeds, batch_size=batch_size, max_steps=400, **more)


def same(one, other):
    assert one.status == other.status
    for name in ("positions", "energy", "evaluations", "steps_coarse"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    columns = ["seed", "stage", "step"]
    histories = [each.history.drop(columns="time_s").sort_values(columns) for each in (one, other)]
    pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in histories))


def check_the_numbers_are_those_of_one_device():
    """A batch of one for each device, by default; seven seeds leave a device idle in the second."""
    spread = minimized(7)
    with on_one_device():
        one = minimized(7)
    assert len(set(one.evaluations)) > 1
    same(spread, one)


def check_parts_of_several_seeds_are_batches_of_one_device():
    """Ten seeds are parts of three, with two copies of the last; they round as batches of three do."""
    spread = minimized(10, batch_size=10)
    with on_one_device():
        one = minimized(9, batch_size=3)
    np.testing.assert_array_equal(spread.positions[:9], one.positions)
    np.testing.assert_array_equal(spread.evaluations[:9], one.evaluations)


def begun(system, seeds, batch_size=None):
    """A run of free positions."""
    stage = nnrep.Stage("free", nnrep.reparam.identity(), nnrep.adam(), nnrep.Stopping(), None)
    return Run(system, checked_stages(system, [stage]), tuple(range(seeds)), 10, batch_size=batch_size)


def check_a_batch_lies_on_all_devices():
    run = begun(loop_and_map()[0], 5)
    assert run.groups.devices == 4
    for batch in run.stage._batches:
        assert len(batch.step) == len(batch.step.sharding.device_set) == 4
    assert run.stage.values("status").tolist() == [nnrep.Status.running] * 5
    assert run.stage.positions().shape[0] == 5


def check_nothing_is_compiled_for_other_numbers():
    minimized(4)
    before = run_chunk.jitted._cache_size()
    with counted() as compiled:
        minimized(8, rate=0.01)
    assert run_chunk.jitted._cache_size() == before
    assert len(compiled) == 0


def check_programs_are_kept_and_found_again():
    """Those of all devices, and those of one."""
    with tempfile.TemporaryDirectory() as folder:
        stored.keep_whole_programs(Path(folder))
        try:
            first = minimized(5)
            kept = list(Path(folder, stored.WHOLE).glob("run_chunk-*"))
            assert len(kept) == 2  # a coarse and a fine stage
            stored._held.clear()
            jax.clear_caches()
            with counted() as compiled:
                second = minimized(5)
            same(first, second)
            assert not list(set(Path(folder, stored.WHOLE).glob("run_chunk-*")) - set(kept))
            names = {path.name.partition("-")[0] for path in Path(folder, stored.WHOLE).glob("*-cache")}
            assert {"started_at", "decoded", "_evaluate"} <= names
            assert not compiled
        finally:
            stored.keep_whole_programs(None)


def check_a_run_is_resumed_on_other_devices():
    whole = minimized(6)
    for first, then in (
        (nullcontext, nullcontext),
        (nullcontext, on_one_device),
        (on_one_device, nullcontext),
    ):
        with tempfile.TemporaryDirectory() as folder:
            seen = []
            checkpoint = Path(folder, "checkpoint.npz")
            stopping = nnrep.Monitor(seen.append, lambda seen=seen: len(seen) >= 3, checkpoint)
            with first():
                broken = minimized(6, monitor=stopping)
            assert nnrep.Status.interrupted in broken.status
            with then():
                resumed = minimized(6, monitor=nnrep.Monitor(checkpoint=checkpoint))
            same(resumed, whole)


CHECKS = [name for name in dir() if name.startswith("check_")]


@pytest.fixture(scope="module")
def wrong():
    """All checks in one process, as it takes seconds to begin."""
    return called_on_host_devices(__name__, CHECKS, DEVICES)


@pytest.mark.parametrize("name", CHECKS)
def test_on_four_devices(wrong, name):
    assert wrong.get(name) is None, wrong[name]


@pytest.fixture
def machine(monkeypatch):
    """A process that sees so many devices, with so many bytes free on each; None is a CPU."""

    def see(devices: int, free: int | None) -> None:
        monkeypatch.setattr(groups, "own_devices", lambda: [None] * devices)
        monkeypatch.setattr(groups, "runs_on_cpu", lambda: free is None)
        monkeypatch.setattr(groups, "free_device_memory", lambda: free)

    return see


def test_seeds_that_cannot_be_divided_are_an_uneven_last_batch(machine):
    machine(4, None)
    made = grouped(10, default_batch_size(10, lambda: 1.0))
    assert made.members == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert made.sizes == [4, 4, 2]
    assert made.devices == 4
    assert grouped(10, 10).size_of_part(0) == 3


@pytest.mark.parametrize(("devices", "seeds"), [(1, 5), (4, 3)])
def test_without_a_seed_for_each_device_a_cpu_runs_one_at_a_time(machine, devices, seeds):
    machine(devices, None)
    assert default_batch_size(seeds, lambda: 1.0) == 1
    assert grouped(seeds, 1).devices == 1


@pytest.mark.parametrize(
    ("devices", "free", "size"),
    [(1, 1000, 30), (1, 160, 15), (1, 5, 1), (4, 50, 15), (4, 10, 4), (4, 80, 30)],
)
def test_a_batch_has_room_in_the_memory_of_the_devices(machine, devices, free, size):
    """Thirty seeds of ten bytes; batches are of nearly one size."""
    machine(devices, free)
    assert default_batch_size(30, lambda: 10.0) == size


def test_a_run_is_in_batches_that_a_device_has_room_for(machine):
    systems = [nnrep.load_system("loop", n=n, loop_length=5) for n in (20, 40)]
    stages = (nnrep.Stage("free", nnrep.reparam.identity(), nnrep.adam(), nnrep.Stopping(), None),)
    small, large = (device_bytes(system, checked_stages(system, stages)) for system in systems)
    assert large > small
    machine(1, int(2.5 * small))
    run = begun(systems[0], 6)
    assert run.groups.sizes == [2, 2, 2]


@pytest.mark.slow
def test_a_command_on_four_devices_writes_the_rows_of_one(nnrep, tmp_path):
    rows = []
    for devices in (1, 4):
        arguments = ("system=loop", "system.n=20", "seeds=8", "max_steps=200", "threads=1")
        more = ("record.pictures=false", f"hydra.run.dir={devices}")
        done = nnrep("run", *arguments, *more, env=with_host_devices(devices))
        assert done.returncode == 0, done.stderr
        rows.append(pd.read_csv(tmp_path / str(devices) / "runs.csv", dtype=str))
    pd.testing.assert_frame_equal(*(each.drop(columns=[*TIMES, "modes_stored"]) for each in rows))
