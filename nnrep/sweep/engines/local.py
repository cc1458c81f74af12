"""Processes of this machine."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from nnrep.choices.settings import settings
from nnrep.errors import require
from nnrep.host.counting import count_in
from nnrep.host.interruption import follow_instead
from nnrep.host.memory import most_that_fit
from nnrep.host.terminal import hide_progress
from nnrep.host.threads import environment, thread_variables, usable_cores
from nnrep.host.workers import leave_signals_to_parent
from nnrep.sweep.engines.engine import Engine, EngineSettings, Work

if TYPE_CHECKING:  # JAX takes a second to load
    from nnrep.host.devices import Device

T = TypeVar("T")

# For a process that only looks at the GPUs: JAX would take most of their memory.
NO_MEMORY = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
WORKER_BYTES = 1e9  # of a process with JAX and a small system


@settings("engine/local")
class LocalSettings(EngineSettings):
    """Worker processes; without a number of them as many as there are cores for."""

    on_this_machine: ClassVar[bool] = True

    def open(self, threads: int | None, most: int) -> "LocalEngine":
        """Processes with one number of threads each.

        Raises:
            ConfigError: there are fewer devices.
        """
        if self.devices is not None:
            return LocalEngine(chosen_devices(self.devices, "devices")[:most], threads)
        return LocalEngine([None] * min(self.workers or workers_that_fit(threads), most), threads)


def chosen_devices(count: int, key: str) -> "list[Device]":
    """The first devices of this machine, as a process sees them that begins and ends for it.

    Args:
        count: how many.
        key: that says so.

    Raises:
        ConfigError: there are fewer, or devices that a process cannot have alone.
    """
    from nnrep.host.devices import CPU, GPU, HOST_DEVICES, seen_devices

    spawning = multiprocessing.get_context("spawn")
    with environment(NO_MEMORY), ProcessPoolExecutor(1, spawning) as process:
        seen = process.submit(seen_devices).result()
    first = seen[0]
    require(first.platform in (CPU, GPU), key, f"null, as JAX computes on {first.platform}", count)
    more = f"; XLA_FLAGS={HOST_DEVICES}=N makes it N of them" if first.platform == CPU else ""
    allowed = f"at most {len(seen)}, the devices that JAX sees here ({first.model}{more})"
    require(count <= len(seen), key, allowed, count)
    return seen[:count]


def workers_that_fit(threads: int | None) -> int:
    """How many processes have so many cores each (None is one) and fit into memory."""
    return max(1, min(usable_cores() // (threads or 1), most_that_fit(WORKER_BYTES)))


def may_have_accelerator() -> bool:
    """Whether JAX could find one: asking JAX itself takes a second."""
    return bool(entry_points(group="jax_plugins")) or find_spec("jax_plugins") is not None


class LocalEngine(Engine):
    """Worker processes, a pool each: where one is killed, the others go on, and a new one takes its place.

    A process that has a device of its own sees no other one; that which takes its place has the same.

    Work goes to an idle process that has had its shape last, if there is one.
    """

    lost = (BrokenProcessPool,)
    ahead = 1

    def __init__(self, devices: "Sequence[Device | None]", threads: int | None) -> None:
        """Have a process for each device, with so many threads; None are those that see what there is.

        Each begins when it is given work.
        """
        self._spawning = multiprocessing.get_context("spawn")  # JAX's threads do not survive a fork
        # Without a lock, which a process could be killed with.
        self._stop = self._spawning.RawValue("b", 0)
        self._variables = thread_variables(threads)
        self.has_devices = None not in devices
        self._counters: list[Any] = []  # of each process that there was, which alone writes it
        self._processes = [self._process(device) for device in devices]
        self._idle = [(process, "") for process in self._processes]

    def _process(self, device: "Device | None") -> "_Process":
        self._counters.append(self._spawning.RawValue("q", 0))
        given = (self._stop, self._counters[-1], device)
        return _Process(ProcessPoolExecutor(1, self._spawning, _begin, given), device)

    @property
    def counted(self) -> int:
        """Steps that work has counted so far, what is under way included; see `nnrep.host.counting`."""
        return sum(counter.value for counter in self._counters)

    @property
    def workers(self) -> int:
        """As many as there are processes."""
        return len(self._processes)

    def submit(self, work: Work[T]) -> "Future[T]":
        """Give some work to an idle process."""
        place = next((place for place, (_, shape) in enumerate(self._idle) if shape == work.shape), -1)
        process, _ = self._idle.pop(place)
        with environment(self._variables):  # of a process that begins now
            try:
                future = process.pool.submit(_done, work)
            except BrokenProcessPool:  # it was killed while it was idle
                process = self._in_place_of(process)
                future = process.pool.submit(_done, work)
        future.add_done_callback(partial(self._take_back, process, work.shape))
        return future

    def _take_back(self, process: "_Process", shape: str, future: "Future[Any]") -> None:
        if not future.cancelled() and isinstance(future.exception(), self.lost):
            process, shape = self._in_place_of(process), ""
        self._idle.append((process, shape))

    def _in_place_of(self, killed: "_Process") -> "_Process":
        fresh = self._process(killed.device)
        self._processes[self._processes.index(killed)] = fresh
        return fresh

    def cancel(self) -> None:
        """Nothing waits here; what runs is to stop."""
        self._stop.value = 1

    def close(self) -> None:
        """Stop the processes, and wait for them."""
        self.cancel()
        for process in self._processes:
            process.pool.shutdown(wait=True, cancel_futures=True)


class _Process(NamedTuple):
    """A worker.

    Attributes:
        pool: of one process.
        device: that it has alone; None is all that there are.
    """

    pool: ProcessPoolExecutor
    device: "Device | None"


def _begin(stop: Any, counter: Any, device: "Device | None") -> None:
    """Set up a worker: it leaves signals to its parent, and does not outlive it."""
    leave_signals_to_parent()
    if device is not None:
        from nnrep.host.devices import see_only

        see_only(device)
    follow_instead(lambda: bool(stop.value))
    count_in(counter)
    hide_progress()


def _done(work: Work[T]) -> T:
    return work()


CHOICE = LocalSettings
