"""How long JAX has been tracing and compiling."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import jax

# For programs that run a few times only: XLA compiles them in half the time, and they run a little slower.
# JAX 0.11 refuses the option.
QUICKLY: dict[str, bool | int] = (
    {"xla_cpu_use_fusion_emitters": False} if jax.__version_info__ < (0, 11) else {}
)
# For programs that run long: of vectors of 512 bits, where the processor has them, XLA uses half; all of it
# takes a fifth off the time of a solvent's pairs.
WIDELY: dict[str, bool | int] = {"xla_cpu_prefer_vector_width": 512}


class CompilationClock:
    """The time that JAX spends on tracing and compiling; parts that lie inside each other count once."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._spans: list[tuple[float, float]] = []

    def note(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        """Hear of an event that has just ended."""
        if event.startswith("/jax/core/compile/"):
            now = time.perf_counter()
            self._spans.append((now - duration_secs, now))

    def seconds(self) -> float:
        """Seconds so far."""
        total, reached = 0.0, float("-inf")
        for start, end in sorted(self._spans):
            total += max(0.0, end - max(start, reached))
            reached = max(reached, end)
        return total


@contextmanager
def compilation_clock() -> Iterator[CompilationClock]:
    """While entered, hears of all that is traced and compiled."""
    clock = CompilationClock()
    jax.monitoring.register_event_duration_secs_listener(clock.note)
    try:
        yield clock
    finally:
        jax.monitoring.unregister_event_duration_listener(clock.note)
