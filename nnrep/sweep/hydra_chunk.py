"""Jobs of a Hydra sweep as a worker does them: several of one shape, one after the other."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig

from nnrep.host.interruption import stop_requested
from nnrep.host.terminal import log


class Returned(NamedTuple):
    """What comes of a job.

    Attributes:
        number: of the job.
        job: what Hydra makes of it; its value is that of the task.
        messages: of the log, with their levels.
    """

    number: int
    job: JobReturn
    messages: list[tuple[int, str]]


@dataclass(frozen=True)
class HydraJob:
    """A job.

    Attributes:
        number: of the job.
        context: Hydra's.
        task: what a job does.
        config: of the job.
        shape: see `nnrep.sweep.job_shapes`.
        runs: a job counts as one.
    """

    number: int
    context: HydraContext
    task: Callable[[DictConfig], Any]
    config: DictConfig
    shape: str = ""
    runs: int = 1

    def __call__(self) -> Returned:
        """Run the job; the terminal is the parent's, so that messages are kept."""
        messages = _Messages()
        root = logging.getLogger()
        root.addHandler(messages)
        try:
            log().setLevel(logging.INFO)
            setup_globals()
            job = run_hydra_job(self.context, self.task, self.config, False)
            return Returned(self.number, job, messages.kept)
        finally:
            root.removeHandler(messages)

    def resumed(self) -> Self:
        """The job, to go on in the folder that a lost worker has left; if it is done there, nothing is."""
        config = self.config.copy()
        config.resume = True
        return replace(self, config=config)


@dataclass(frozen=True)
class HydraChunk:
    """Some jobs of one shape; what each of them writes is in its folder as soon as it ends."""

    jobs: tuple[HydraJob, ...]

    @property
    def shape(self) -> str:
        """That of its jobs."""
        return self.jobs[0].shape

    def __call__(self) -> list[Returned]:
        """Run the jobs; once the sweep is to stop, no further one begins."""
        returned = []
        for job in self.jobs:
            if stop_requested():
                break
            returned.append(job())
        return returned

    def parts(self) -> list[Self]:
        """A chunk for each job, which goes on where it was."""
        return [replace(self, jobs=(job.resumed(),)) for job in self.jobs]


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


class _Messages(logging.Handler):
    """Keeps log messages."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append((record.levelno, self.format(record)))
