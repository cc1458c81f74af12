"""Ctrl-C and SIGTERM as a request to stop at the next opportunity."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from nnrep.host.terminal import log

_followed: list[Callable[[], bool]] = []  # in a worker process, what tells it to stop


def follow_instead(requested: Callable[[], bool]) -> None:
    """In a worker process, heed this in the place of signals, which its parent takes."""
    _followed[:] = [requested]


def stop_requested() -> bool:
    """In a worker process, whether it is told to stop."""
    return any(requested() for requested in _followed)


class Interruption:
    """While entered, the first SIGINT or SIGTERM is only noted; a second one interrupts at once."""

    def __init__(self) -> None:
        """Nothing has been requested."""
        self._requested = False

    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._requested or stop_requested()

    def stop_if_requested(self) -> None:
        """Raise `KeyboardInterrupt` if a signal has come."""
        if self.requested():
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        log().info("stopping at the next check; once more to stop at once")

    def __enter__(self) -> Self:
        """Take over the signals; only the main thread can."""
        self._before = {}
        if threading.current_thread() is threading.main_thread() and not _followed:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
