"""Dask: a cluster of processes, one that runs already, or jobs of a batch system by dask-jobqueue."""

import logging
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from nnrep.choices.settings import settings
from nnrep.errors import ConfigError, UserError, require
from nnrep.host.cache import cache_folder
from nnrep.host.threads import environment, thread_variables
from nnrep.sweep.engines.engine import Engine, EngineSettings, Work
from nnrep.sweep.engines.local import workers_that_fit
from nnrep.sweep.engines.remote import remote, stop

try:
    import dask
    from dask.distributed import Client, KilledWorker, LocalCluster, WorkerPlugin

    from nnrep.sweep.engines.dask_jobs import BatchJobs
except ImportError as error:
    raise UserError("engine=dask: needs Dask; pip install 'nnrep[dask]'") from error

T = TypeVar("T")

LOCAL, SLURM = "local", "slurm"
# What a cluster is made of -> the class of dask-jobqueue.
BATCH_SYSTEMS = {SLURM: "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}
COUNT_SECONDS = 2.0  # from one count of a cluster's workers to the next
TEND_SECONDS = 5.0  # from one look for workers of ours that are gone to the next
JOIN_SECONDS = 30  # that a scheduler has to answer


@settings("engine/dask")
class DaskSettings(EngineSettings):
    """A cluster; the keys of a batch system are for one alone."""

    address: str | None
    cluster: str
    queue: str | None
    walltime: str | None
    memory: str | None
    setup: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check the values, and that each has an effect."""
        super().__post_init__()
        known = (LOCAL, *BATCH_SYSTEMS)
        require(self.cluster in known, "cluster", f"one of {', '.join(known)}", self.cluster)
        joins = self.address is not None
        require(not joins or self.cluster == LOCAL, "cluster", f"{LOCAL}, as address is given", self.cluster)
        require(not joins or self.workers is None, "workers", "null, as address is given", self.workers)
        for name in ("queue", "walltime", "memory", "setup"):
            given = getattr(self, name)
            allowed = f"null, as it is of a batch system (cluster={'|'.join(BATCH_SYSTEMS)})"
            require(not given or self.cluster != LOCAL, name, allowed, given)
        allowed = f"null but with cluster={SLURM}; on one machine it is of engine=local"
        require(self.devices is None or self.cluster == SLURM, "devices", allowed, self.devices)
        for name in ("workers", "walltime", "memory"):
            given = getattr(self, name)
            given = given or self.devices if name == "workers" else given
            require(given is not None or self.cluster == LOCAL, name, f"given with {self.cluster}", "null")

    def open(self, threads: int | None, most: int) -> "DaskEngine":
        """Join a cluster, or make one."""
        opened = ExitStack()
        try:
            # What Dask sets for new processes stays set in this one otherwise.
            opened.enter_context(environment(thread_variables(threads)))
            if self.address is None:  # connections that close as a cluster ends are told with tracebacks
                logging.getLogger("distributed").setLevel(logging.CRITICAL)
            opened.enter_context(dask.config.set(self._config(threads)))
            cluster, jobs = self.address, None
            if cluster is None and self.cluster == LOCAL:
                cluster = opened.enter_context(self._processes(threads, most))
            elif cluster is None:
                logs = (cache_folder() / "jobs" / secrets.token_hex(8)).absolute()
                opened.callback(shutil.rmtree, logs, ignore_errors=True)
                cluster = opened.enter_context(self.batch_cluster(threads, logs))
                jobs = BatchJobs(cluster, self._count(threads, most), self.cluster == SLURM, logs)
            client = opened.enter_context(Client(cluster, timeout=JOIN_SECONDS, set_as_default=False))
        except OSError as error:
            opened.close()
            if self.address is None:
                raise UserError(f"engine=dask: no cluster ({error})") from error
            raise ConfigError("address", f"{self.address}: no scheduler answers ({error})") from error
        except BaseException:
            opened.close()
            raise
        count = None if self.address else self._count(threads, most)
        return DaskEngine(client, count, jobs, threads, self.devices is not None, opened)

    def _config(self, threads: int | None) -> Mapping[str, Any]:
        variables = thread_variables(threads)
        # Dask would do the work of a lost worker again by itself; how often is our loop's to say.
        return {"distributed.scheduler.allowed-failures": 0, "distributed.nanny.pre-spawn-environ": variables}

    def _count(self, threads: int | None, most: int) -> int:
        return min(self.devices or self.workers or workers_that_fit(threads), most)

    def _processes(self, threads: int | None, most: int) -> Any:
        """A cluster of this machine's processes."""
        return LocalCluster(
            n_workers=self._count(threads, most),
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )

    def batch_cluster(self, threads: int | None, logs: Path) -> Any:
        """A cluster of the batch system, as yet without jobs, which write to a folder.

        Raises:
            UserError: dask-jobqueue is not installed.
        """
        try:
            import dask_jobqueue
        except ImportError as error:
            needs = "needs dask-jobqueue; pip install 'nnrep[dask]'"
            raise ConfigError("cluster", f"{self.cluster}: {needs}") from error
        exports = [f"export {name}={value}" for name, value in thread_variables(threads).items()]
        return getattr(dask_jobqueue, BATCH_SYSTEMS[self.cluster])(
            queue=self.queue,
            walltime=self.walltime,
            memory=self.memory,
            cores=threads or 1,
            processes=1,
            job_extra_directives=self._directives(),
            scheduler_options={"dashboard": False, "dashboard_address": ":0"},  # at any port
            log_directory=str(logs),
            job_script_prologue=[*self.setup, *exports],
        )

    def _directives(self) -> list[str] | None:
        """Of a job that is given a GPU, beside those of Dask's configuration; None are these alone."""
        if self.devices is None:
            return None
        known = dask.config.get(f"jobqueue.{self.cluster}.job-extra-directives", None) or []
        return [*known, "--gres=gpu:1"]


class _Ours(WorkerPlugin):
    """For the processes of our own cluster: signals are the parent's."""

    def setup(self, worker: Any) -> None:
        """Leave signals to the parent, which ends the workers."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Stop(WorkerPlugin):
    """Stops the work of a sweep in all workers, and in those that join later."""

    def __init__(self, sweep: str) -> None:
        self.sweep, self.name = sweep, f"nnrep-stop-{sweep}"

    def setup(self, worker: Any) -> None:
        """Stop it here."""
        stop(self.sweep)


class DaskEngine(Engine):
    """The workers of a cluster, which does the scheduling."""

    lost: ClassVar[tuple[type[BaseException], ...]] = (KilledWorker,)

    def __init__(
        self,
        client: Client,
        workers: int | None,
        jobs: BatchJobs | None,
        threads: int | None,
        devices: bool,
        opened: ExitStack,
    ) -> None:
        """Use a cluster.

        Args:
            client: of its scheduler.
            workers: of our own cluster; None counts those of another one again and again.
            jobs: of a batch system, which the workers are; None where they are not.
            threads: of a worker.
            devices: whether each worker has one of its own.
            opened: closes client and cluster.
        """
        self._client, self._jobs, self._threads, self._opened = client, jobs, threads, opened
        self.has_devices = devices
        self._executor = client.get_executor(pure=False)
        self._sweep = secrets.token_hex(8)
        self._own, self._counted, self._count_from = workers, 1, 0.0
        self._tend_from = 0.0
        self._stopping: _Stop | None = None
        if workers is not None:
            client.register_plugin(_Ours())

    @property
    def workers(self) -> int:
        """Those that we have asked for, or that another cluster has now."""
        if self._own is not None:
            return self._own
        if time.monotonic() > self._count_from:
            self._counted = max(1, len(self._client.ncores()))
            self._count_from = time.monotonic() + COUNT_SECONDS
        return self._counted

    def submit(self, work: Work[T]) -> "Future[T]":
        """Hand some work to the scheduler."""
        return self._executor.submit(remote(work, self._sweep, self._threads, self.has_devices))

    def tend(self) -> None:
        """Ask for as many workers as there were, where some do not come back.

        Raises:
            UserError: jobs of a batch system end before they can work.
        """
        if self._stopping is not None:
            return
        if self._jobs is not None:
            self._jobs.fill()
        elif self._own is not None and time.monotonic() > self._tend_from:
            # Dask gives up processes that are not back within seconds.
            self._tend_from = time.monotonic() + TEND_SECONDS
            self._client.cluster.scale(self._own)

    def cancel(self) -> None:
        """Tell all workers; what waits for one ends at once when it gets there."""
        if self._stopping is not None:
            return
        self._stopping = _Stop(self._sweep)
        self._client.register_plugin(self._stopping)
        if not self._client.ncores():
            self._executor.shutdown(wait=False)  # no worker is there yet to see it

    def close(self) -> None:
        """Leave the cluster, and end it if it is ours."""
        self.cancel()
        self._executor.shutdown(wait=self._own is None)
        if self._own is None and self._stopping is not None:
            self._client.unregister_worker_plugin(self._stopping.name)
        self._opened.close()


CHOICE = DaskSettings
