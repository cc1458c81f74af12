"""Ray: workers on this machine, or those of a cluster that runs already."""

import logging
import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, ClassVar

from nnrep.choices.settings import settings
from nnrep.errors import ConfigError, UserError, require
from nnrep.host.threads import environment, thread_variables
from nnrep.sweep.engines.engine import Engine, EngineSettings, Work
from nnrep.sweep.engines.local import workers_that_fit
from nnrep.sweep.engines.remote import Remote, remote, stop

try:
    import ray
    from ray.exceptions import RayActorError, WorkerCrashedError
except ImportError as error:
    raise UserError("engine=ray: needs Ray; pip install 'nnrep[ray]'") from error

OBJECT_STORE_BYTES = 200_000_000  # rows and histories are small


@settings("engine/ray")
class RaySettings(EngineSettings):
    """A cluster of Ray's."""

    address: str | None

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        given = self.workers or self.devices or self.address is None
        require(bool(given), "workers", "given with address, or devices", "null")

    def open(self, threads: int | None, most: int) -> "RayEngine":
        """Join a cluster, or begin one.

        Raises:
            UserError: there is none at the address, none comes up within Ray's own limits of time, or it has
                fewer devices.
        """
        variables = thread_variables(threads)
        options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        count = min(self.devices or self.workers or workers_that_fit(threads), most)
        if self.address is None:
            options |= {"num_cpus": count, "object_store_memory": OBJECT_STORE_BYTES}
            options |= {"include_dashboard": False}
        elif variables:
            options |= {"runtime_env": {"env_vars": variables}}  # which takes a while for each worker
        try:
            with environment(variables), _our_signals():  # those of a cluster that begins now
                ray.init(address=self.address or "local", **options)
        except Exception as error:  # of whatever kind: a plain one where Ray's processes are slow to begin
            reason = f"no cluster of Ray's ({' '.join(str(error).split())})"
            if self.address is None:
                raise UserError(f"engine=ray: {reason}") from error
            raise ConfigError("address", f"{self.address}: {reason}") from error
        if self.devices is not None:
            known = int(ray.cluster_resources().get("GPU", 0))  # a worker would wait for more for ever
            if self.devices > known:
                ray.shutdown()
                raise ConfigError(
                    "devices",
                    f"must be at most {known}, the GPUs that Ray knows of, got {self.devices}",
                )
        return RayEngine(count, threads, self.devices is not None)


@contextmanager
def _our_signals() -> Iterator[None]:
    """Ray takes over the signals by which a sweep is interrupted; afterwards they are ours."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Actor:
    """A worker, which does one thing at a time, and hears of a stop meanwhile. Ray keeps Ctrl-C from it."""

    def do(self, work: Remote) -> Any:
        return work()

    def stop(self, sweep: str) -> None:
        stop(sweep)


class RayEngine(Engine):
    """Actors, each in a process of its own; one that is lost is replaced."""

    lost: ClassVar[tuple[type[BaseException], ...]] = (RayActorError, WorkerCrashedError)
    ahead: ClassVar[int] = 1

    def __init__(self, workers: int, threads: int | None, devices: bool) -> None:
        """Begin so many actors, which Ray places, each with a GPU of its own if that is wanted."""
        self._threads, self._sweep, self.has_devices = threads, secrets.token_hex(8), devices
        # A second thread of each hears of the stop.
        options = {"max_concurrency": 2, "num_cpus": 1, "max_restarts": 0}
        options |= {"num_gpus": 1} if devices else {}
        actor_of: Any = ray.remote  # whose types depend on the number of arguments
        self._kind = actor_of(**options)(_Actor)
        self._idle = [self._kind.remote() for _ in range(workers)]
        self._actors = list(self._idle)
        self._stopped = False

    @property
    def workers(self) -> int:
        """How many actors there are."""
        return len(self._actors)

    def submit(self, work: Work[Any]) -> "Future[Any]":
        """Give some work to an idle actor."""
        actor = self._idle.pop()
        future: Future[Any] = actor.do.remote(
            remote(work, self._sweep, self._threads, self.has_devices)
        ).future()
        future.add_done_callback(lambda future: self._take_back(actor, future))
        return future

    def _take_back(self, actor: Any, future: "Future[Any]") -> None:
        if not future.cancelled() and isinstance(future.exception(), self.lost):
            fresh = self._kind.remote()
            self._actors[self._actors.index(actor)] = fresh
            actor = fresh
        self._idle.append(actor)

    def cancel(self) -> None:
        """Tell all actors."""
        if not self._stopped:
            self._stopped = True
            for actor in self._actors:
                actor.stop.remote(self._sweep)

    def close(self) -> None:
        """End the actors, and leave the cluster; one of our own ends with it."""
        self.cancel()
        ray.shutdown()


CHOICE = RaySettings
