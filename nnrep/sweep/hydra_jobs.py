"""The jobs of a Hydra sweep side by side, each as a piece of work for an engine."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig

from nnrep.errors import ConfigError, is_integer, require
from nnrep.host.interruption import Interruption
from nnrep.host.terminal import job_bar, log
from nnrep.sweep.dispatch import dispatch
from nnrep.sweep.engines.engine import Engine
from nnrep.sweep.engines.local import chosen_devices, may_have_accelerator, workers_that_fit

if TYPE_CHECKING:
    from nnrep.host.devices import Device


class Returned(NamedTuple):
    """What a worker sends back.

    Attributes:
        job: what Hydra makes of a job; its value is that of the task.
        messages: of the log, with their levels.
    """

    job: JobReturn
    messages: list[tuple[int, str]]


@dataclass
class HydraJob:
    """A job, done by a worker; once more, it goes on where it was when its worker was lost.

    Attributes:
        number: of the job.
        context: Hydra's.
        task: what a job does.
        config: of the job.
        shape: all jobs are alike.
    """

    number: int
    context: HydraContext
    task: Callable[[DictConfig], Any]
    config: DictConfig
    shape: str = ""

    def __call__(self) -> Returned:
        """Run the job; the terminal is the parent's, so that messages are kept."""
        messages = _Messages()
        root = logging.getLogger()
        root.addHandler(messages)
        try:
            log().setLevel(logging.INFO)
            setup_globals()
            return Returned(run_hydra_job(self.context, self.task, self.config, False), messages.kept)
        finally:
            root.removeHandler(messages)

    def once_more(self) -> Self:
        """The job, to go on in the folder that a lost worker has left."""
        config = self.config.copy()
        config.resume = True
        return replace(self, config=config)


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
        wanted = 1 if may_have_accelerator() else workers_that_fit(each)
    return min(int(wanted), jobs)


def devices_of_jobs(wanted: object, workers: object, threads: Sequence[object]) -> "list[Device]":
    """The devices that jobs have in the place of workers, each with a process of its own.

    Args:
        wanted: how many.
        workers: None.
        threads: the different ones of the jobs: one, as a process keeps to those that it begins with.

    Raises:
        ConfigError: one of these is another, or there are fewer devices.
    """
    key = "hydra.launcher.devices"
    require(is_integer(wanted) and int(str(wanted)) >= 1, key, "a count from 1 on, or null", wanted)
    require(workers is None, "hydra.launcher.workers", "null, as each of devices has one", workers)
    require(len(threads) == 1, "threads", f"one number for all jobs, with {key}", list(threads))
    return chosen_devices(int(str(wanted)), key)


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


def run_on_engine(
    engine: Engine, context: HydraContext, task: Any, jobs: Sequence[tuple[int, DictConfig]]
) -> list[JobReturn]:
    """Run jobs, in their order as workers are free, and take their outcomes as they come.

    Args:
        engine: has the workers; it is closed.
        context: Hydra's.
        task: what a job does; its `take` is told of every outcome, and its `lost` gives that of a lost job.
        jobs: number and configuration of each.

    Returns:
        What Hydra makes of the jobs, in their order.

    Raises:
        KeyboardInterrupt: the sweep was interrupted; jobs that had begun have written what there was.
    """
    coming = (HydraJob(number, context, task, config) for number, config in jobs)
    done: dict[int, JobReturn] = {}

    def take(work: HydraJob, returned: Returned) -> None:
        for level, message in returned.messages:
            log().log(level, "job %d: %s", work.number, message)
        task.take(returned.job.return_value)
        done[work.number] = returned.job
        finished()

    def give_up(work: HydraJob, reason: str) -> None:
        job = JobReturn(cfg=work.config, status=JobStatus.COMPLETED)
        job.return_value = task.lost(work.config, reason)
        take(work, Returned(job, []))

    with Interruption() as interruption, job_bar(len(jobs)) as finished:
        try:
            stopped = dispatch(engine, lambda _: next(coming, None), take, give_up, interruption.requested)
        finally:
            engine.close()
    if stopped:
        raise KeyboardInterrupt
    return [done[number] for number in sorted(done)]


class _Messages(logging.Handler):
    """Keeps log messages."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append((record.levelno, self.format(record)))
