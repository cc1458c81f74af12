"""Long computations beside the main thread, which alone hears signals and so can leave them."""

import atexit
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from nnrep.errors import EXIT_INTERRUPTED

T = TypeVar("T")

POLL_SECONDS = 0.1  # how soon a request to stop is seen

_left: list[threading.Thread] = []


class LeftError(Exception):
    """A computation was to stop, and goes on without anyone who waits for it, until the process ends."""


def interruptible(
    action: Callable[[], T], should_stop: Callable[[], bool] | None, patience: float = 0.0
) -> T:
    """The value of a computation that is to end as soon as it should stop.

    Compiled programs and eigensolvers cannot be stopped, but they can be left: nothing that they write may be
    used then.

    Args:
        action: the computation.
        should_stop: asked again and again; None runs the computation as it is.
        patience: seconds that are waited for it once it should stop.

    Raises:
        LeftError: it should stop, and has not ended in time.
    """
    if should_stop is None:
        return action()
    import jax  # whose precision may be that of a block of code, which a new thread does not inherit

    wide = jax.config.jax_enable_x64  # type: ignore[attr-defined]
    values: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def compute() -> None:
        try:
            with jax.enable_x64(wide):
                values.append(action())
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    while not ended.wait(POLL_SECONDS):
        if should_stop() and not ended.wait(patience):
            _leave(thread)
            raise LeftError
    if errors:
        raise errors[0]
    return values[0]


def _leave(thread: threading.Thread) -> None:
    if not _left:
        atexit.register(_end_without)
    _left.append(thread)


def _end_without() -> None:
    """Python would wait at its end for what JAX still computes."""
    if any(thread.is_alive() for thread in _left):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_INTERRUPTED)
