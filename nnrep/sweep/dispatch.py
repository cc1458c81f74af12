"""Work goes to an engine, and what comes of it is taken as it comes: the one loop of all sweeps."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from nnrep.host.terminal import log
from nnrep.sweep.engines.engine import Engine, Work

W = TypeVar("W", bound=Work[Any])

RETRIES = 2  # of work whose worker was lost
POLL_SECONDS = 0.2  # how soon an interruption is noticed


def dispatch(
    engine: Engine,
    next_work: Callable[[int], W | None],
    take: Callable[[W, Any], None],
    lost: Callable[[W, str], None],
    should_stop: Callable[[], bool],
    most: int | None = None,
) -> bool:
    """Have all work done.

    Work whose worker is lost is done by others, in parts, twice; a part that is lost again is given up.

    Args:
        engine: does it.
        next_work: slot -> what comes next there; None once there is no more.
        take: told of work, or a part of it, and what came of it.
        lost: told of a part that is given up, and why.
        should_stop: asked several times a second; then no more is begun, and what runs is to stop.
        most: at a time; None is as much as the engine has slots for.

    Returns:
        Whether it was stopped.
    """
    ended: SimpleQueue[tuple[Future[Any], int, W, int]] = SimpleQueue()
    to_repeat: deque[tuple[W, int]] = deque()  # parts of lost work, and which attempt at them is the next
    idle: list[int] = []
    slots, running, stopped = 0, 0, False

    def next_attempt(slot: int) -> tuple[W, int] | None:
        if to_repeat:
            return to_repeat.popleft()
        work = next_work(slot)
        return None if work is None else (work, 1)

    def submit(slot: int, work: W, attempt: int) -> None:
        future = engine.submit(work)
        future.add_done_callback(lambda future: ended.put((future, slot, work, attempt)))

    while True:
        if not stopped and should_stop():
            stopped = True
            engine.cancel()
        for slot in range(slots, most or engine.slots):
            idle.append(slot)
            slots += 1
        while idle and not stopped and (coming := next_attempt(idle[-1])) is not None:
            submit(idle.pop(), *coming)
            running += 1
        if not running:
            return stopped
        engine.tend()
        try:
            future, slot, work, attempt = ended.get(timeout=POLL_SECONDS)
        except Empty:
            continue
        error = None if future.cancelled() else future.exception()
        why = engine.why_lost(error) if isinstance(error, engine.lost) else None
        running -= 1
        idle.append(slot)
        if why is not None and attempt <= RETRIES and not stopped:
            log().warning("a worker was lost (%s); its work is done once more", why)
            to_repeat.extend((part, attempt + 1) for part in work.parts())
        elif why is not None and not stopped:
            lost(work, f"its worker was lost, {attempt} times ({why})")
        elif why is None and not future.cancelled():
            take(work, future.result())
