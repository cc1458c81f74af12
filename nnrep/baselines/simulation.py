"""What the baselines share: frames of a trajectory, how it is followed, and OpenMM's contexts."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import openmm
from openmm import unit

from nnrep.errors import require
from nnrep.host.progress import Progress
from nnrep.minimization.stopping import Status
from nnrep.structures.simulation import open_context

STAGE = "openmm"


class Frame(NamedTuple):
    """A configuration on the way.

    Attributes:
        step: steps or iterations until then.
        time_s: seconds that OpenMM has worked until then.
        positions: (n, 3) of the molecule, in nm.
        energy: OpenMM's potential energy in kJ/mol, of the water too where there is any.
    """

    step: int
    time_s: float
    positions: np.ndarray
    energy: float


class Trajectory(NamedTuple):
    """What OpenMM made of one seed.

    Attributes:
        status: how it ended.
        frames: from the start, step 0, to the last finite configuration.
        compile_s: seconds until OpenMM was ready.
    """

    status: Status
    frames: list[Frame]
    compile_s: float


class SeedMonitor:
    """Follows a baseline seed by seed: progress, and requests to stop."""

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None,
        should_stop: Callable[[], bool] | None,
        seeds: int,
        steps: int,
    ) -> None:
        """Nothing has been done of `seeds` seeds of at most `steps` steps each, 0 for no limit."""
        self._on_progress, self._should_stop = on_progress, should_stop
        self._steps_limit = seeds * steps
        self.running = seeds
        self.steps_before = 0  # of seeds that have ended
        self.stopped = False

    def report(self, step: int, energy: float) -> bool:
        """Report a seed's step and energy, in kJ/mol; whether it is to stop."""
        if self._on_progress is not None:
            steps, most = self.steps_before + step, self._steps_limit
            self._on_progress(Progress(STAGE, steps, most, steps, most, self.running, energy))
        self.stopped = self.stopped or (self._should_stop is not None and self._should_stop())
        return self.stopped

    def end_seed(self, steps: int) -> None:
        """Count a seed that has ended."""
        self.steps_before += steps
        self.running -= 1


def check_machine(platform: str, threads: int | None) -> None:
    """Check where OpenMM is to run.

    Raises:
        ConfigError: OpenMM has no such platform here, or the number of threads is out of range.
    """
    names = [
        openmm.Platform.getPlatform(index).getName() for index in range(openmm.Platform.getNumPlatforms())
    ]
    require(platform in names, "platform", f"one of {', '.join(names)}", platform)
    require(threads is None or 1 <= threads < 2**15, "threads", "at least 1, or null for all", threads)


def open_simulation(
    openmm_system: openmm.System,
    integrator: openmm.Integrator,
    platform: str,
    threads: int | None,
    positions: np.ndarray,
) -> tuple[openmm.Context, float, float]:
    """A context at its start, its potential energy there in kJ/mol, and the seconds until it had that."""
    began = time.perf_counter()
    context = open_context(openmm_system, integrator, platform, threads)
    context.setPositions(positions)
    energy = energy_of(context)
    return context, energy, time.perf_counter() - began


def rms_force_of(context: openmm.Context, frozen: np.ndarray | None = None) -> float:
    """Root mean square of the components of all forces, in kJ/mol/nm, those on frozen atoms (n,) left out."""
    forces = context.getState(getForces=True).getForces(asNumpy=True)
    values = forces.value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
    moving = values if frozen is None else values[: len(frozen)][~frozen]
    return float(np.sqrt(np.mean(np.square(moving))))


def energy_of(context: openmm.Context) -> float:
    """Potential energy in kJ/mol."""
    energy = context.getState(getEnergy=True).getPotentialEnergy()
    return float(energy.value_in_unit(unit.kilojoule_per_mole))
