"""Steps that a worker process takes, counted where its parent sees them while it works."""

from typing import Any

_counters: list[Any] = []


def count_in(counter: Any) -> None:
    """In a worker process, count steps in the `value` of a number that is shared with its parent."""
    _counters[:] = [counter]


def count(steps: int) -> None:
    """Count so many steps more; nothing outside of a worker process."""
    for counter in _counters:
        counter.value += steps
