"""The end of a search: the lowest minima, and the native structure, minimised by a schedule."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from nnrep.exploration.minima import Met, Minima, Minimum
from nnrep.exploration.quench import descend
from nnrep.minimization import Result, Stage, Status
from nnrep.systems.fused import is_no_minimum
from nnrep.systems.system import System

NOWHERE = Met(0, 0, 0.0, 0, np.nan)  # of a structure that the search has not met


class Finish(NamedTuple):
    """How the lowest minima are minimised.

    Attributes:
        stages: in order.
        max_steps: most steps of all of them.
    """

    stages: Sequence[Stage]
    max_steps: int


def finished(
    minima: Minima,
    most: int,
    native: np.ndarray | None,
    system: System,
    finish: Finish,
    should_stop: Callable[[], bool],
    on_done: Callable[[int, int], None],
) -> tuple[Minima, Minimum | None]:
    """The minima with the lowest ones minimised, and the native structure.

    Args:
        minima: of the search.
        most: how many are minimised; those that then count as one are one.
        native: (n, d), None where there is none.
        system: whose minima they are.
        finish: how they are minimised.
        should_stop: True leaves the rest as they are, and the native structure out.
        on_done: called with how many are minimised, and how many are to be.
    """
    chosen, rest = minima.all[:most], minima.all[most:]
    total = len(chosen) + (native is not None)
    whole = minima.of(rest)
    for done, minimum in enumerate(chosen, start=1):
        whole.add(minimum if should_stop() else _finished(minimum, system, finish, should_stop))
        on_done(done, total)
    if native is None or should_stop():
        return whole, None
    unmet = Minimum(np.inf, np.inf, native, NOWHERE, 0)
    end = _finished(unmet, system, finish, should_stop)
    return whole, None if end is unmet else end


def _finished(minimum: Minimum, system: System, finish: Finish, should_stop: Callable[[], bool]) -> Minimum:
    """The minimum that the schedule ends in; the same one where that is none, was to stop or ends higher."""
    result = descend(system, finish.stages, minimum.positions, finish.max_steps, should_stop)
    if result.status[0] in (Status.interrupted, Status.diverged) or not _is_better(result, minimum):
        return minimum
    positions = system.from_file_frame(result.positions[0])
    if is_no_minimum(system, positions):
        return minimum
    return minimum._replace(
        energy=float(result.energy[0]),
        gradient_rms=float(result.gradient_rms[0]),
        positions=positions,
        result=result,
    )


def _is_better(result: Result, minimum: Minimum) -> bool:
    """Whether it lies lower, or is more at rest; the stages are the caller's, and need not go down."""
    lower = result.energy[0] <= minimum.energy
    return bool(lower or result.gradient_rms[0] < minimum.gradient_rms)
