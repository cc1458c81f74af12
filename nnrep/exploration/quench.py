"""Quenches: a minimum below a configuration, by stages that all quenches of a system share."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from nnrep.exploration.settings import QuenchConfig
from nnrep.minimization import Monitor, Optimizer, Result, Stage, Status, Stopping, minimize
from nnrep.reparam import identity
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.none import is_identity
from nnrep.systems.fused import is_no_minimum
from nnrep.systems.system import System

PATIENCE = 1_000_000  # checks: a quench ends by its force or its steps


class Quenched(NamedTuple):
    """Where a quench ended.

    Attributes:
        positions: (n, d), as the system has them, without dummies.
        energy: exact, there.
        gradient_rms: root mean square of the exact gradient's components there.
        evaluations: of energy and gradient.
    """

    positions: np.ndarray
    energy: float
    gradient_rms: float
    evaluations: int


def quench_stopping(config: QuenchConfig, energy_unit: str, mean_over: int = 1) -> Stopping:
    """The rules by which each stage of a quench ends, see `QuenchConfig.rest`."""
    return Stopping(min_delta=0, patience=PATIENCE, rms_force=config.rest(energy_unit, mean_over))


def quench_stages(
    config: QuenchConfig,
    energy_unit: str,
    optimizer: Optimizer,
    reparam: Reparametrization | None = None,
    mean_over: int = 1,
) -> tuple[Stage, ...]:
    """The stages of a quench: through a map, if there is one, then with free positions."""
    stopping = quench_stopping(config, energy_unit, mean_over)
    free = Stage("quench", identity(), optimizer, stopping, config.steps)
    if reparam is None or is_identity(reparam):
        return (free,)
    return Stage("map", reparam, optimizer, stopping, config.map_steps), free


def standing_at(system: System, positions: np.ndarray) -> System:
    """The system, every start of which is at positions (n, d), dummies included or not."""
    whole: Any = system.with_dummies(np.asarray(positions)[: system.n]).astype(system.positions.dtype)
    return replace(system, positions=whole, draw_start=None)


def descend(
    system: System,
    stages: Sequence[Stage],
    positions: np.ndarray,
    max_steps: int,
    should_stop: Callable[[], bool] | None = None,
) -> Result:
    """Minimise a system from positions (n, d), whatever its own start is."""
    return minimize(
        standing_at(system, positions), stages, max_steps=max_steps, monitor=Monitor(should_stop=should_stop)
    )


def quenched(
    system: System,
    stages: Sequence[Stage],
    positions: np.ndarray,
    max_steps: int,
    should_stop: Callable[[], bool] | None = None,
) -> Quenched | None:
    """The minimum below positions (n, d); None where the quench was to stop.

    Where it diverges, begins at positions that are not finite, or ends with two atoms in one place on an
    energy that need not be bounded below, the energy is not a number.
    """
    if not np.all(np.isfinite(positions)):
        return Quenched(np.asarray(positions)[: system.n], np.nan, np.nan, 0)
    result = descend(system, stages, positions, max_steps, should_stop)
    if result.status[0] is Status.interrupted:
        return None
    own = system.from_file_frame(result.positions[0])
    broken = result.status[0] is Status.diverged or is_no_minimum(system, own)
    energy = np.nan if broken else float(result.energy[0])
    return Quenched(own, energy, float(result.gradient_rms[0]), int(result.evaluations[0]))
