"""The jobs of a Hydra sweep side by side, in chunks for an engine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

from nnrep.errors import ConfigError, is_integer, require
from nnrep.host.interruption import Interruption
from nnrep.host.terminal import job_bar, log
from nnrep.sweep.dispatch import dispatch
from nnrep.sweep.engines.engine import Engine
from nnrep.sweep.engines.local import chosen_devices, may_have_accelerator, workers_that_fit
from nnrep.sweep.hydra_chunk import HydraChunk, HydraJob, Returned
from nnrep.sweep.job_shapes import shape_of
from nnrep.sweep.queue import Queue, chunk_size

if TYPE_CHECKING:
    from nnrep.host.devices import Device


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


def run_on_engine(
    engine: Engine, context: HydraContext, task: Any, jobs: Sequence[tuple[int, DictConfig]], chunk: int
) -> list[JobReturn]:
    """Run jobs, those of one shape together, and take their outcomes as they come.

    Args:
        engine: has the workers; it is closed.
        context: Hydra's.
        task: what a job does; its `take` is told of every outcome, and its `lost` gives that of a lost job.
        jobs: number and configuration of each.
        chunk: most jobs that a worker is sent at once.

    Returns:
        What Hydra makes of the jobs, in their order.

    Raises:
        KeyboardInterrupt: the sweep was interrupted; jobs that had begun have written what there was.
    """
    done: dict[int, JobReturn] = {}

    def take(work: HydraChunk, results: Sequence[Returned]) -> None:
        for returned in results:
            for level, message in returned.messages:
                log().log(level, "job %d: %s", returned.number, message)
            task.take(returned.job.return_value)
            done[returned.number] = returned.job
            finished()

    def give_up(work: HydraChunk, reason: str) -> None:
        for each in work.jobs:
            job = JobReturn(cfg=each.config, status=JobStatus.COMPLETED)
            job.return_value = task.lost(each.config, reason)
            take(work, [Returned(each.number, job, [])])

    with Interruption() as interruption, job_bar(len(jobs)) as finished:
        try:
            queue = Queue(HydraJob(number, context, task, each, shape_of(each)) for number, each in jobs)
            most = chunk_size(chunk, len(jobs), engine.workers)

            def next_chunk(slot: int) -> HydraChunk | None:
                taken = queue.take(slot, most)
                return HydraChunk(taken) if taken else None

            stopped = dispatch(engine, next_chunk, take, give_up, interruption.requested)
        finally:
            engine.close()
    if stopped:
        raise KeyboardInterrupt
    return [done[number] for number in sorted(done)]
