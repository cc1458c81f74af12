"""How many programs are compiled, for tests of what is shared."""

from collections.abc import Iterator
from contextlib import contextmanager

from jax import monitoring


@contextmanager
def counted() -> Iterator[list[str]]:
    """A list with an entry for each program that is compiled inside, or taken from a cache of files."""
    events: list[str] = []

    def listen(event: str, seconds: float, **others: object) -> None:
        if "backend_compile" in event:
            events.append(event)

    monitoring.register_event_duration_secs_listener(listen)
    try:
        yield events
    finally:
        monitoring.unregister_event_duration_listener(listen)
