"""submitit: a job of Slurm's, or a process of this machine, for each chunk."""

import io
import os
import re
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stderr
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar

import psutil

from nnrep.choices.settings import settings
from nnrep.errors import ConfigError, UserError, require
from nnrep.host.cache import cache_folder
from nnrep.host.text import last_line
from nnrep.host.threads import environment, thread_variables
from nnrep.sweep.engines.engine import Engine, EngineSettings, Work
from nnrep.sweep.engines.errand import Answer, Errand, stop_file
from nnrep.sweep.engines.local import workers_that_fit
from nnrep.sweep.engines.remote import remote
from nnrep.sweep.engines.slurm import SlurmQueue

try:
    import submitit
    from submitit.core.utils import FailedJobError, pickle_load
except ImportError as error:
    raise UserError("engine=submitit: needs submitit; pip install 'nnrep[slurm]'") from error

LOCAL, SLURM = "local", "slurm"
LATE_SECONDS = 30.0  # after its walltime, until a job is given up
LOOK_SECONDS = 0.5  # from one look at the jobs to the next
TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")


@settings("engine/submitit")
class SubmititSettings(EngineSettings):
    """Jobs that are begun one by one."""

    cluster: str
    queue: str | None
    walltime: str
    memory: str | None
    setup: list[str] = field(default_factory=list)
    folder: str | None

    def __post_init__(self) -> None:
        """Check the values, and that each has an effect."""
        super().__post_init__()
        require(self.cluster in (SLURM, LOCAL), "cluster", f"{SLURM} or {LOCAL}", self.cluster)
        require(bool(TIME.fullmatch(self.walltime)), "walltime", "HH:MM:SS", self.walltime)
        for name in ("queue", "memory", "devices"):
            given = getattr(self, name)
            require(given is None or self.cluster == SLURM, name, f"null with cluster={LOCAL}", given)
        given = self.devices or self.workers
        require(given is not None or self.cluster == LOCAL, "workers", f"given with {SLURM}", "null")

    @property
    def seconds(self) -> int:
        """Of the walltime."""
        match = TIME.fullmatch(self.walltime)
        assert match is not None
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return 3600 * hours + 60 * minutes + seconds

    def open(self, threads: int | None, most: int) -> "SubmititEngine":
        """Be ready to begin jobs."""
        place = Path(self.folder) if self.folder else cache_folder() / "jobs"
        folder = (place / secrets.token_hex(8)).absolute()
        folder.mkdir(parents=True)
        try:
            executor = submitit.AutoExecutor(folder, cluster=self.cluster)
            executor.update_parameters(**self.parameters(threads))
        except RuntimeError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ConfigError("cluster", f"{self.cluster}: {' '.join(str(error).split())}") from error
        workers = min(self.devices or self.workers or workers_that_fit(threads), most)
        has_devices = self.devices is not None
        return SubmititEngine(executor, folder, workers, threads, has_devices, self.seconds)

    def parameters(self, threads: int | None) -> dict[str, Any]:
        """What submitit is told of a job."""
        exports = [f"export {name}={value}" for name, value in thread_variables(threads).items()]
        setup = [*self.setup, *exports]
        given: dict[str, Any] = {"timeout_min": max(1, -(-self.seconds // 60))}
        if self.cluster == LOCAL:
            return {**given, "local_setup": setup}
        # By srun, a job would have one of its processors (since Slurm 22.05).
        given |= {"slurm_setup": setup, "cpus_per_task": threads or 1, "slurm_use_srun": False}
        given |= {"slurm_partition": self.queue} if self.queue else {}
        given |= {"gpus_per_node": 1} if self.devices else {}
        return given | ({"slurm_mem": self.memory} if self.memory else {})


class LostError(Exception):
    """Nothing comes of a job any more; has its last words."""


class _Pending:
    """A job of which nothing has come yet."""

    def __init__(self, future: "Future[Any]", errand: Errand, job: Any) -> None:
        self.future, self.errand, self.job = future, errand, job
        self.begun: float | None = None


class SubmititEngine(Engine):
    """Jobs and their files, which a thread looks at: what Slurm says of a job may be wrong, or missing."""

    lost: ClassVar[tuple[type[BaseException], ...]] = (LostError,)
    ahead: ClassVar[int] = 1

    def __init__(
        self,
        executor: Any,
        folder: Path,
        workers: int,
        threads: int | None,
        devices: bool,
        seconds: float,
    ) -> None:
        """Begin jobs of at most so many seconds, so many at a time, each with a GPU if that is wanted."""
        self._executor, self._folder, self._workers = executor, folder, workers
        self._threads, self._seconds, self.has_devices = threads, seconds, devices
        self._pending: dict[str, _Pending] = {}
        self._queue = SlurmQueue()
        self._closed = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    @property
    def workers(self) -> int:
        """How many jobs there are at a time."""
        return self._workers

    def submit(self, work: Work[Any]) -> "Future[Any]":
        """Begin a job.

        Raises:
            UserError: Slurm refuses it.
        """
        name = secrets.token_hex(8)
        errand = Errand(remote(work, self._folder.name, self._threads, self.has_devices), self._folder, name)
        variables, refusal = thread_variables(self._threads), redirect_stderr(io.StringIO())
        try:
            with environment(variables), _signals_kept_from_children(), refusal:  # it is in the error as well
                job = self._executor.submit(errand)
        except (FailedJobError, OSError) as error:
            raise UserError(f"engine=submitit: {last_line(str(error))}") from error
        future: Future[Any] = Future()
        self._pending[name] = _Pending(future, errand, job)
        return future

    def _watch(self) -> None:
        while not (self._closed.wait(LOOK_SECONDS) and not self._pending):
            pending = dict(self._pending)
            try:
                ended = self._ended([each.job for each in pending.values()])
                # Listed, since a folder of many machines gives old answers to questions for single files.
                files = set(os.listdir(self._folder))
            except OSError:  # it cannot be reached just now
                continue
            for name, each in pending.items():
                try:
                    settled = self._is_settled(each, files, each.job.job_id in ended)
                except Exception as error:  # whoever waits for the job is to know, and other jobs go on
                    each.future.set_exception(error)
                    settled = True
                if settled:
                    del self._pending[name]

    def _ended(self, jobs: list[Any]) -> set[str]:
        """The numbers of those that neither wait nor run."""
        if any(map(_is_local, jobs)):
            return {job.job_id for job in jobs if job.done()}
        return self._queue.ended([job.job_id for job in jobs])

    def _is_settled(self, pending: _Pending, files: set[str], has_ended: bool) -> bool:
        """Settle the future of a job, if it was seen to have ended or has sent an answer since then."""
        now, job, future = time.monotonic(), pending.job, pending.future
        if pending.begun is None and pending.errand.begun.name in files:
            pending.begun = now
        if job.paths.result_pickle.name in files:
            try:
                answer = _answer(job)
            except Exception as error:  # it cannot be read
                answer = Answer(None, error)
            if answer.error is not None:
                future.set_exception(answer.error)
            else:
                future.set_result(answer.value)
            return True
        if pending.begun is None and stop_file(self._folder).exists() and not _is_local(job):
            job.cancel(check=False)
            return future.cancel()
        is_late = pending.begun is not None and now > pending.begun + self._seconds + LATE_SECONDS
        if is_late:
            _kill(job)
        if is_late or has_ended:
            future.set_exception(LostError("it took too long" if is_late else _last_words(pending)))
        return is_late or has_ended

    def why_lost(self, error: BaseException) -> str:
        """The last line of a job's log, if there is one."""
        return str(error) or super().why_lost(error)

    def cancel(self) -> None:
        """Jobs that run see a file; those that wait are taken out of the queue."""
        stop_file(self._folder).touch()

    def close(self) -> None:
        """Wait for jobs that run, for as long as they may take at most."""
        self.cancel()
        self._closed.set()
        self._watching.join()
        shutil.rmtree(self._folder, ignore_errors=True)


def _last_words(pending: _Pending) -> str:
    """Of a job that has ended without an answer, if it has said something."""
    return last_line(pending.job.stderr() or "") or ("it never began" if pending.begun is None else "")


def _is_local(job: Any) -> bool:
    return isinstance(job, submitit.LocalJob)


def _answer(job: Any) -> Answer:
    """What a job has sent back, which has a text in its place if submitit could not begin the work."""
    kind, content = pickle_load(job.paths.result_pickle)
    return content if kind == "success" else Answer(None, FailedJobError(content))


def _kill(job: Any) -> None:
    """End a job that hangs."""
    if not _is_local(job):
        job.cancel(check=False)
        return
    try:
        controller = psutil.Process(int(job.job_id))
        processes = [*controller.children(recursive=True), controller]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


@contextmanager
def _signals_kept_from_children() -> Iterator[None]:
    """Processes that are begun inside do not hear Ctrl-C, which is for their parent."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


CHOICE = SubmititSettings
