"""Run every setting of a sweep that is not there yet, in worker processes."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import NamedTuple

import pandas as pd

from nnrep.errors import UserError
from nnrep.host.scratch import scratch_folder
from nnrep.host.terminal import log
from nnrep.host.threads import environment, thread_variables, usable_cores
from nnrep.sweep import worker
from nnrep.sweep.queue import Queue, Task
from nnrep.sweep.settings import Setting
from nnrep.sweep.store import RunStore
from nnrep.sweep.worker import Done

POLL_SECONDS = 0.5  # how soon an interruption is noticed


class Swept(NamedTuple):
    """How a sweep ended.

    Attributes:
        errors: setting (its overrides) -> why it cannot be run.
        interrupted: whether it was stopped.
        workers: how many processes worked on it.
    """

    errors: dict[str, str]
    interrupted: bool
    workers: int


def sweep(
    settings: list[Setting],
    store: RunStore,
    workers: int | None,
    on_rows: Callable[[pd.DataFrame], None],
    should_stop: Callable[[], bool],
    cold: bool = False,
) -> Swept:
    """Run what the store lacks; each run is written as it ends.

    Slow modes come first, once for all settings that share them. Seeds are tasks of their own on a CPU,
    where a batch of them does not pay (see `default_batch_size`); elsewhere all seeds of a setting are one
    batch, in a single worker.

    Args:
        settings: all of them; they share `threads`.
        store: takes the rows.
        workers: number of processes; None is as many as have `threads` cores each.
        on_rows: told of the rows of every finished run.
        should_stop: asked twice a second; True ends the sweep at the next checks of its runs.
        cold: compile all programs afresh, so that the table has what it takes.

    Raises:
        UserError: a worker was killed.
    """
    tasks = [Task(setting, missing) for setting in settings if (missing := missing_seeds(setting, store))]
    if not tasks:
        return Swept({}, False, 0)
    threads = settings[0].config.threads
    count = workers or (max(1, usable_cores() // threads) if threads else 1)
    count = min(count, sum(len(task.seeds) for task in tasks))
    with environment(thread_variables(threads)), _processes(count, cold) as (processes, stop):
        on_cpu = processes[0].submit(worker.runs_on_cpu).result()
        pool = _WorkerPool(processes if on_cpu else processes[:1], stop, store, on_rows, should_stop)
        first = {task.setting.modes: Task(task.setting, ()) for task in reversed(tasks) if task.setting.modes}
        if first:
            log().info("starts and slow modes first, %d sets of them", len(first))
        pool.work(Queue(reversed(first.values())))
        if on_cpu:
            tasks = [Task(task.setting, (seed,)) for task in tasks for seed in task.seeds]
        pool.work(Queue(tasks))
        return Swept(pool.errors, pool.stopped, len(pool.processes))


def missing_seeds(setting: Setting, store: RunStore) -> tuple[int, ...]:
    """The seeds of a setting whose runs a store lacks."""
    done = store.done()
    return tuple(seed for seed in setting.seeds if setting.run_id(seed) not in done)


@contextmanager
def _processes(count: int, cold: bool) -> Iterator[tuple[list[ProcessPoolExecutor], Event]]:
    """So many worker processes, each with a queue of its own, and the event that stops them."""
    context = multiprocessing.get_context("spawn")  # JAX's threads do not survive a fork
    stop = context.Event()
    with scratch_folder() as empty:
        arguments = (stop, empty if cold else None)
        processes = [
            ProcessPoolExecutor(1, mp_context=context, initializer=worker.begin, initargs=arguments)
            for _ in range(count)
        ]
        try:
            yield processes, stop
        except BrokenProcessPool as error:
            raise UserError("a worker was killed, out of memory perhaps; resume=true goes on") from error
        finally:
            stop.set()
            for process in processes:
                process.shutdown(wait=True, cancel_futures=True)


class _WorkerPool:
    """Workers that take tasks from a queue until it is empty or the sweep is to stop."""

    def __init__(
        self,
        processes: list[ProcessPoolExecutor],
        stop: Event,
        store: RunStore,
        on_rows: Callable[[pd.DataFrame], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self.processes, self.stop, self.store = processes, stop, store
        self.on_rows, self.should_stop = on_rows, should_stop
        self.errors: dict[str, str] = {}
        self.stopped = False

    def work(self, queue: Queue) -> None:
        """Work off a queue, one task at a time a worker."""
        pending: dict[Future[Done], tuple[int, Task]] = {}
        idle = list(range(len(self.processes)))
        while True:
            if not self.stopped and self.should_stop():
                self.stopped = True
                self.stop.set()
            while idle and not self.stopped and (task := self._next(queue, idle[-1])):
                at = idle.pop()
                pending[self._submit(at, task)] = at, task
            if not pending:
                return
            ended, _ = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
            for future in ended:
                at, task = pending.pop(future)
                idle.append(at)
                self._take(task, future.result())

    def _next(self, queue: Queue, at: int) -> Task | None:
        while (task := queue.take(at)) and task.setting.point in self.errors:
            continue
        return task

    def _submit(self, at: int, task: Task) -> "Future[Done]":
        if task.seeds:
            return self.processes[at].submit(worker.run, task.setting, task.seeds)
        return self.processes[at].submit(worker.find_modes, task.setting)

    def _take(self, task: Task, done: Done) -> None:
        if done.error is not None:
            self.errors[task.setting.point] = done.error
        if done.result is not None:
            rows, positions, history = done.result
            self.store.add(rows, positions, history)
            self.on_rows(rows)
