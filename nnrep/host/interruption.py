"""Ctrl-C and SIGTERM as a request to stop at the next opportunity."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

from nnrep.host.terminal import log


class Interruption:
    """While entered, the first SIGINT or SIGTERM is only noted; a second one interrupts at once."""

    def __init__(self) -> None:
        """Nothing has been requested."""
        self._requested = False

    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._requested

    def stop_if_requested(self) -> None:
        """Raise `KeyboardInterrupt` if a signal has come."""
        if self._requested:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        log().info("stopping at the next check; once more to stop at once")

    def __enter__(self) -> Self:
        """Take over the signals; only the main thread can."""
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
