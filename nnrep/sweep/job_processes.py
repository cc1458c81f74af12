"""The jobs of a Hydra sweep side by side, in worker processes of this machine."""

import logging
import multiprocessing
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from importlib.metadata import entry_points
from importlib.util import find_spec
from multiprocessing.synchronize import Event
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig

from nnrep.errors import ConfigError, UserError, is_integer
from nnrep.host.interruption import Interruption, follow_instead
from nnrep.host.memory import most_that_fit
from nnrep.host.terminal import hide_progress, job_bar, log
from nnrep.host.threads import environment, thread_variables, usable_cores
from nnrep.host.workers import leave_signals_to_parent

WORKER_BYTES = 1e9  # of a process with JAX and a small system
POLL_SECONDS = 0.2  # how soon an interruption is noticed


class Returned(NamedTuple):
    """What a worker sends back.

    Attributes:
        job: what Hydra makes of a job; its value is that of the task.
        messages: of the log, with their levels.
    """

    job: JobReturn
    messages: list[tuple[int, str]]


def count_of_workers(wanted: object, threads: object, jobs: int) -> int:
    """How many processes run so many jobs.

    Args:
        wanted: so many; None is as many as have `threads` cores each and fit into memory, and one where there
            may be a GPU.
        threads: of a job; None is all cores, of which most jobs use one.
        jobs: how many.

    Raises:
        ConfigError: what is wanted is no count.
    """
    if wanted is not None and not (is_integer(wanted) and wanted >= 1):
        raise ConfigError("hydra.launcher.workers", f"must be a count from 1 on, or null, got {wanted}")
    if wanted is None:
        each = threads if is_integer(threads) and threads >= 1 else 1
        fitting = min(usable_cores() // each, most_that_fit(WORKER_BYTES))
        wanted = 1 if may_have_accelerator() else max(1, fitting)
    return min(int(wanted), jobs)


def may_have_accelerator() -> bool:
    """Whether JAX could find one: asking JAX itself takes a second."""
    return bool(entry_points(group="jax_plugins")) or find_spec("jax_plugins") is not None


def run_hydra_job(
    context: HydraContext, task: Callable[[DictConfig], Any], config: DictConfig, log_as_hydra: bool = True
) -> JobReturn:
    """Run a job of a sweep as Hydra's own launcher does."""
    return run_job(
        hydra_context=context,
        task_function=task,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
        configure_logging=log_as_hydra,
    )


def run_in_processes(
    context: HydraContext,
    task: Any,
    jobs: Sequence[tuple[int, DictConfig]],
    workers: int,
    threads: int | None,
) -> list[JobReturn]:
    """Run jobs, in their order as workers are free, and take their outcomes as they come.

    Args:
        context: Hydra's.
        task: what a job does; its `take` is told of every outcome.
        jobs: number and configuration of each.
        workers: number of processes.
        threads: of each, in their environment.

    Returns:
        What Hydra makes of the jobs, in their order.

    Raises:
        KeyboardInterrupt: the sweep was interrupted; jobs that had begun have written what there was.
        UserError: a worker was killed.
    """
    spawning = multiprocessing.get_context("spawn")  # JAX's threads do not survive a fork
    stop, killed = spawning.Event(), False
    left, done = deque(jobs), []
    with ExitStack() as opened:
        interruption = opened.enter_context(Interruption())
        opened.enter_context(environment(thread_variables(threads)))
        finished = opened.enter_context(job_bar(len(jobs)))
        # One process each: where one is killed, the others can still write what they have.
        idle = [
            opened.enter_context(ProcessPoolExecutor(1, spawning, _begin, (stop,))) for _ in range(workers)
        ]
        opened.callback(stop.set)  # of what still runs as an error leaves here
        pending: dict[Future[Returned], tuple[int, ProcessPoolExecutor]] = {}
        while True:
            if interruption.requested() or killed:
                stop.set()
            while idle and left and not stop.is_set():
                number, config = left.popleft()
                worker = idle.pop()
                pending[worker.submit(_work, context, task, config)] = number, worker
            if not pending:
                break
            for job in wait(pending, POLL_SECONDS, FIRST_COMPLETED).done:
                number, worker = pending.pop(job)
                try:
                    done.append((number, _taken(job.result(), number, task)))
                except BrokenProcessPool:
                    killed = True
                    continue
                idle.append(worker)
                finished()
    if killed:
        reason = "a worker was killed, out of memory perhaps; the same command with resume=true goes on"
        raise UserError(f"hydra.launcher: {reason}")
    if interruption.requested():
        raise KeyboardInterrupt
    return [returned for _, returned in sorted(done, key=lambda each: each[0])]


def _taken(returned: Returned, number: int, task: Any) -> JobReturn:
    for level, message in returned.messages:
        log().log(level, "job %d: %s", number, message)
    task.take(returned.job.return_value)
    return returned.job


class _Messages(logging.Handler):
    """Keeps log messages: the terminal is the parent's."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append((record.levelno, self.format(record)))


_messages = _Messages()


def _begin(stop: Event) -> None:
    """Set up a worker."""
    leave_signals_to_parent()
    follow_instead(stop.is_set)
    hide_progress()
    logging.getLogger().addHandler(_messages)
    log().setLevel(logging.INFO)
    setup_globals()


def _work(context: HydraContext, task: Callable[[DictConfig], Any], config: DictConfig) -> Returned:
    """Run a job."""
    _messages.kept = []
    return Returned(run_hydra_job(context, task, config, log_as_hydra=False), _messages.kept)
