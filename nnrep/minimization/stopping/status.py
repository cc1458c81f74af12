"""How a replica stands."""

from enum import IntEnum


class Status(IntEnum):
    """How a replica stands."""

    running = 0
    converged = 1
    step_limit = 2
    diverged = 3
    interrupted = 4
