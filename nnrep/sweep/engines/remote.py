"""Work in a process that another engine has started: made ready for it, and stopped by a message."""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from nnrep.errors import ConfigError, UserError
from nnrep.host.interruption import follow_instead
from nnrep.host.terminal import hide_progress
from nnrep.host.threads import limit_threads, thread_variables
from nnrep.sweep.engines.engine import Work

CACHE = "NNREP_CACHE"

_stopped: set[str] = set()  # sweeps whose work in this process is to stop
_one_at_a_time = threading.Lock()  # JAX's settings are those of a process, whose workers may be threads


def stop(sweep: str) -> None:
    """Let the work of a sweep in this process stop at its next check."""
    _stopped.add(sweep)


@dataclass(frozen=True)
class Remote:
    """Some work, for a process that knows nothing of us.

    Attributes:
        work: what is done.
        sweep: a name of the command that it is of.
        threads: that it computes with.
        device: whether it is to have a device other than its CPU.
        cache: the command's cache folder, if it is a chosen one.
        folder: in which the command runs; paths in the work are relative to it.
    """

    work: Work[Any]
    sweep: str
    threads: int | None
    device: bool
    cache: str | None
    folder: Path

    @property
    def shape(self) -> str:
        """That of the work."""
        return self.work.shape

    def __call__(self, should_stop: Callable[[], bool] | None = None) -> Any:
        """Do the work.

        Args:
            should_stop: asked again and again; None is `stop`.

        Raises:
            UserError: the process computes with another number of threads, or has no device.
        """
        with _one_at_a_time:
            follow_instead(should_stop or (lambda: self.sweep in _stopped))
            hide_progress()
            logging.getLogger("nnrep").setLevel(logging.WARNING)
            try:
                limit_threads(self.threads)
            except ConfigError as error:
                wanted = " ".join(f"{name}={value}" for name, value in thread_variables(self.threads).items())
                raise UserError(f"engine: {error}; start its workers with {wanted}") from error
            if self.device:
                from nnrep.host.devices import require_gpu  # and JAX, which is for the worker

                require_gpu("engine.devices")
            if self.cache is not None:
                os.environ.setdefault(CACHE, self.cache)
            if self.folder.is_dir():
                os.chdir(self.folder)
            return self.work()

    def parts(self) -> list[Self]:
        """The parts of the work, each for another process."""
        return [replace(self, work=part) for part in self.work.parts()]


def remote(work: Work[Any], sweep: str, threads: int | None, device: bool) -> Remote:
    """Work of this process for another one."""
    return Remote(work, sweep, threads, device, os.environ.get(CACHE), Path.cwd())
