"""An engine without workers: what it is given is done at once, or lost."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from nnrep.sweep.engines.engine import Engine, EngineSettings


class GoneError(Exception):
    """A worker is gone."""


class FakeEngine(Engine):
    """Does work by a function; `GoneError` of it is a lost worker."""

    lost = (GoneError,)

    def __init__(self, do: Callable[[Any], Any], workers: int = 2) -> None:
        self.do, self._workers = do, workers
        self.submitted: list[Any] = []
        self.is_cancelled = self.is_closed = False

    @property
    def workers(self) -> int:
        return self._workers

    def submit(self, work):
        self.submitted.append(work)
        future: Future = Future()
        try:
            future.set_result(self.do(work))
        except Exception as error:
            future.set_exception(error)
        return future

    def cancel(self) -> None:
        self.is_cancelled = True

    def close(self) -> None:
        self.is_closed = True


@dataclass(kw_only=True)
class FakeSettings(EngineSettings):
    """Opens an engine that is there."""

    engine: FakeEngine
    name: str = "fake"
    workers: int | None = None
    devices: int | None = None
    chunk: int = 10

    def open(self, threads, most):
        return self.engine
