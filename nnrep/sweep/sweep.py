"""Make every run of a sweep that is not there yet, on an engine."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from nnrep.host.scratch import scratch_folder
from nnrep.host.terminal import log
from nnrep.records.sweep_table import FAILED
from nnrep.sweep.dispatch import dispatch
from nnrep.sweep.engines.engine import Engine, EngineSettings
from nnrep.sweep.failures import Failure
from nnrep.sweep.finished import FinishedRun
from nnrep.sweep.kept_engine import KeptEngine
from nnrep.sweep.queue import Queue, Task, chunk_size
from nnrep.sweep.settings import Setting
from nnrep.sweep.store import RunStore
from nnrep.sweep.worker import Chunk, Done, RunsOnCpu

LOST = "lost"  # status of a run whose workers were lost


class Swept(NamedTuple):
    """How a sweep ended.

    Attributes:
        failures: runs that cannot be made, or whose workers were lost.
        interrupted: whether it was stopped.
        workers: how many worked on it.
    """

    failures: list[Failure]
    interrupted: bool
    workers: int


def sweep(
    settings: Sequence[Setting],
    store: RunStore,
    kept: KeptEngine,
    on_runs: Callable[[Sequence[FinishedRun], int], None],
    should_stop: Callable[[], bool],
    cold: bool = False,
) -> Swept:
    """Run what the store lacks; each run is written as its chunk ends.

    Slow modes come first, once for all settings that share them. Seeds are tasks of their own on a CPU,
    where a batch of them does not pay (see `default_batch_size`); elsewhere all seeds of a setting are one
    task, in a single worker, which has all devices, or in workers that have a device each.

    Args:
        settings: all of them; they share `threads`.
        store: takes the runs.
        kept: the engine.
        on_runs: told of finished runs, and how many workers there are.
        should_stop: asked several times a second; True ends the sweep at the next checks of its runs.
        cold: compile all programs afresh, so that the table has what it takes.
    """
    tasks = missing_tasks(settings, store)
    if not tasks:
        return Swept([], False, 0)
    workers = sum(len(task.seeds) for task in tasks)
    try:
        with scratch_folder() as empty, kept.at_work(settings[0].config.threads, workers) as engine:
            seed_by_seed = not engine.has_devices and _run_on_cpu(engine, kept.chosen)
            chunk = partial(Chunk, keep=store.keep, programs=empty if cold else None)
            slots = None if engine.has_devices or seed_by_seed else 1
            making = _Making(engine, chunk, kept.chosen.chunk, slots, store, on_runs, should_stop)
            first = {
                task.setting.modes: Task(task.setting, ()) for task in reversed(tasks) if task.setting.modes
            }
            if first:
                log().info("starts and slow modes first, %d sets of them", len(first))
            making.work(reversed(first.values()))
            if seed_by_seed:
                tasks = [Task(task.setting, (seed,)) for task in tasks for seed in task.seeds]
            making.work(tasks)
            swept = Swept(making.failures(tasks), making.stopped, making.workers)
            if making.stopped:
                kept.close()  # it has been cancelled
            return swept
    finally:
        store.write()


def _run_on_cpu(engine: Engine, chosen: EngineSettings) -> bool:
    """Whether workers without devices of their own compute on CPUs, as those of other machines do."""
    return not chosen.on_this_machine or engine.submit(RunsOnCpu()).result()


def missing_tasks(settings: Iterable[Setting], store: RunStore) -> list[Task]:
    """The seeds of settings whose runs a store lacks, a task for each setting that has some."""
    done = store.done()
    missing = (
        (each, tuple(seed for seed in each.seeds if each.run_id(seed) not in done)) for each in settings
    )
    return [Task(setting, seeds) for setting, seeds in missing if seeds]


class _Making:
    """Tasks become chunks, and what comes of them is kept."""

    def __init__(
        self,
        engine: Engine,
        chunk: Callable[[tuple[Task, ...]], Chunk],
        most: int,
        slots: int | None,
        store: RunStore,
        on_runs: Callable[[Sequence[FinishedRun], int], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self.engine, self.chunk, self.most, self.slots = engine, chunk, most, slots
        self.store, self.on_runs, self.should_stop = store, on_runs, should_stop
        self.stopped = False
        self._errors: dict[str, str] = {}  # setting -> why it cannot be run
        self._lost: dict[str, str] = {}  # run, or slow modes -> why it was given up

    @property
    def workers(self) -> int:
        """How many there are."""
        return self.slots or self.engine.workers

    def work(self, tasks: Iterable[Task]) -> None:
        """Have tasks done."""
        queue = Queue(tasks)
        most = chunk_size(self.most, queue.runs, self.workers)

        def next_chunk(slot: int) -> Chunk | None:
            while taken := queue.take(slot, most):
                possible = tuple(task for task in taken if self._reason(task.setting) is None)
                if possible:
                    return self.chunk(possible)
            return None

        self.stopped = dispatch(
            self.engine, next_chunk, self._take, self._give_up, self.should_stop, self.slots
        )

    def _reason(self, setting: Setting) -> str | None:
        """Why the runs of a setting are not begun."""
        return self._errors.get(setting.point) or (self._lost.get(setting.modes) if setting.modes else None)

    def _take(self, chunk: Chunk, done: Done) -> None:
        self._errors |= done.errors
        if done.runs:
            self.store.add(done.runs)
            self.on_runs(done.runs, self.workers)

    def _give_up(self, chunk: Chunk, reason: str) -> None:
        for setting, seeds in chunk.tasks:
            names = [setting.run_id(seed) for seed in seeds] or [setting.modes]
            self._lost |= dict.fromkeys(names, reason)

    def failures(self, tasks: Iterable[Task]) -> list[Failure]:
        """The runs of tasks that could not be made; those that were not begun are none."""
        done, failures = self.store.done(), []
        for setting, seeds in tasks:
            for seed in seeds:
                name = setting.run_id(seed)
                reason = self._lost.get(name) or self._reason(setting)
                if reason is not None and name not in done:
                    status = FAILED if setting.point in self._errors else LOST
                    failures.append(Failure(name, setting.point, seed, status, reason))
        return failures
