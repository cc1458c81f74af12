"""The engine of a command, which has several sweeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from nnrep.errors import named_under
from nnrep.sweep.engines.engine import Engine, EngineSettings
from nnrep.sweep.engines.registry import ENGINES


class KeptEngine:
    """A cluster, opened when there is work for it, and kept for the next sweep: to begin one takes seconds.

    Processes of this machine begin anew for each sweep, without what earlier ones have compiled and hold.

    Attributes:
        chosen: what it is opened by.
    """

    def __init__(self, chosen: EngineSettings) -> None:
        """Nothing is opened yet."""
        self.chosen = chosen
        self._engine: Engine | None = None
        self._threads: int | None = None
        self._most = 0

    @contextmanager
    def at_work(self, threads: int | None, most: int) -> Iterator[Engine]:
        """The engine; where the sweep fails it is closed. Whoever cancels it closes it as well.

        Args:
            threads: of a worker; None leaves them alone.
            most: so many workers have something to do.

        Raises:
            UserError: it cannot be had.
        """
        engine = self._opened(threads, most)
        try:
            yield engine
        except BaseException:
            self.close()
            raise
        if self.chosen.on_this_machine:
            self.close()

    def _opened(self, threads: int | None, most: int) -> Engine:
        """That of the last sweep, or a new one where others or more workers are wanted."""
        if self._engine is not None:
            was_limited = self._engine.workers >= self._most
            if threads != self._threads or (was_limited and most > self._most):
                self.close()
        if self._engine is None:
            with named_under(ENGINES.kind):
                self._engine = self.chosen.open(threads, most)
            self._threads, self._most = threads, most
        return self._engine

    def close(self) -> None:
        """End the workers that are ours."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        self.close()
