"""How a replica stands."""

from enum import IntEnum


class Status(IntEnum):
    """How a replica stands, or has ended.

    Checkpoints hold the numbers, tables the names. Tables that were written before there was `stalled` and
    `finished` have `converged` in the place of `stalled`, and `step_limit` in that of `finished`.

    Attributes:
        running: it has not ended.
        converged: a criterion of rest was met, `rms_force` or a rule that says so.
        stalled: the energy no longer fell, for as many checks as patience allows.
        finished: a schedule, or a simulation, of fixed length ran to its end.
        step_limit: it came to its most steps before any of these.
        diverged: particles flew apart, two atoms fell together (see `nnrep.systems.fused`), or numbers were
            no longer finite.
        interrupted: it was stopped from outside.
    """

    running = 0
    converged = 1
    step_limit = 2
    diverged = 3
    interrupted = 4
    stalled = 5
    finished = 6
