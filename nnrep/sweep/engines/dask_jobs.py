"""A cluster of Dask's made of jobs of a batch system, which ends some of them before the work is done."""

import time
from pathlib import Path
from typing import Any

from distributed.core import Status

from nnrep.errors import UserError
from nnrep.host.text import last_line
from nnrep.sweep.engines.slurm import SlurmQueue

FILL_SECONDS = 5.0  # from one look at the jobs to the next
VAIN = 3  # times all jobs are begun again while none of them joins


class BatchJobs:
    """The jobs of a cluster: those that have ended are begun again.

    dask-jobqueue begins jobs once, and would wait for ever for work of those that are over.
    """

    def __init__(self, cluster: Any, count: int, is_slurm: bool, logs: Path) -> None:
        """Have so many jobs.

        Args:
            cluster: dask-jobqueue's, as yet without jobs.
            count: of jobs.
            is_slurm: whether Slurm says which jobs are in its queue.
            logs: folder that the jobs write to.

        Raises:
            UserError: the batch system refuses them.
        """
        self._cluster, self._count, self._logs = cluster, count, logs
        self._queue = SlurmQueue() if is_slurm else None
        self._fill_from, self._in_vain = 0.0, 0
        try:
            cluster.sync(self._fill, set())
        except (RuntimeError, OSError) as error:
            raise UserError(f"engine=dask: {refusal(str(error))}") from error
        self._fill_from = time.monotonic() + FILL_SECONDS

    def fill(self) -> None:
        """Begin jobs in the place of those that have ended, if it is time to look.

        Raises:
            UserError: jobs end again and again, and none has joined the cluster.
        """
        if time.monotonic() < self._fill_from:
            return
        self._in_vain = 0 if self._cluster.scheduler_info["workers"] else self._in_vain
        # Asked here, since Dask's own thread has to answer its workers.
        numbers = {job.job_id for job in list(self._cluster.workers.values())}
        ended = self._queue.ended(numbers) if self._queue else set()
        refused = None
        try:
            self._in_vain += self._cluster.sync(self._fill, ended)
        except (RuntimeError, OSError) as error:  # for now; the next look tries again
            self._in_vain += 1
            refused = refusal(str(error))
        self._fill_from = time.monotonic() + FILL_SECONDS
        if self._in_vain > VAIN * self._count:
            raise UserError(
                f"engine=dask: its jobs end before they can work: {refused or self._last_words()}"
            )

    async def _fill(self, ended: set[str]) -> int:
        """Begin jobs until there are enough that have not ended; how many."""
        cluster = self._cluster
        for name, job in list(cluster.workers.items()):
            if job.job_id in ended:
                del cluster.workers[name]
        # Under a new name: Dask, which has noticed that a worker is gone, may still be about to end its job.
        for name in cluster.worker_spec.keys() - cluster.workers.keys():
            del cluster.worker_spec[name]
        missing = self._count - len(cluster.worker_spec)
        for _ in range(missing):
            cluster.worker_spec.update(cluster.new_worker_spec())
        if missing:
            try:
                await cluster
            finally:
                _forget_refused(cluster.workers)
        return missing

    def _last_words(self) -> str:
        logs = sorted(self._logs.iterdir(), key=lambda path: path.stat().st_mtime)
        words = (last_line(path.read_text(errors="replace")) for path in reversed(logs))
        return next(filter(None, words), "they write nothing")


def _forget_refused(jobs: dict[Any, Any]) -> None:
    """Take out those that have no number; a cluster cannot be closed while it knows of them."""
    for name, job in list(jobs.items()):
        if job.job_id is None:
            job.status = Status.failed
            del jobs[name]


def refusal(text: str) -> str:
    """What a batch system's command says, of an error of dask-jobqueue's."""
    _, _, said = text.partition("stderr:\n")
    return last_line(said or text)
