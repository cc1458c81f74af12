"""The baseline of OpenMM's `LocalEnergyMinimizer`: L-BFGS on all coordinates."""

import math
import time
from collections.abc import Mapping

import numpy as np
import openmm

from nnrep.baselines.openmm_settings import OpenMMConfig
from nnrep.baselines.simulation import (
    Frame,
    SeedMonitor,
    Trajectory,
    energy_of,
    open_simulation,
    rms_force_of,
)
from nnrep.choices.settings import settings
from nnrep.errors import require
from nnrep.minimization.stopping import Status
from nnrep.structures.force_field import Continuum
from nnrep.structures.molecule import Molecule
from nnrep.structures.simulation import Held, Solvent, blew_up, hold, positions_of, solvated


@settings("baseline/openmm_minimizer")
class MinimizerConfig(OpenMMConfig):
    """`openmm_minimizer`; its solvent is not explicit; see `OpenMMConfig` as well.

    Attributes:
        tolerance: root mean square of the forces on the atoms, in kJ/mol/nm, at which it has converged.
        max_iterations: of L-BFGS, 0 for no limit.
    """

    tolerance: float
    max_iterations: int

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        require(0 < self.tolerance < math.inf, "tolerance", "positive", self.tolerance)
        limited = 0 <= self.max_iterations < 2**31
        require(limited, "max_iterations", "from 0 (no limit) to 2^31 - 1", self.max_iterations)
        require(self.record_every >= 1, "record_every", "at least 1", self.record_every)
        self.check_machine()
        allowed = "vacuum or implicit, as the minimum of a box of water is that of the water"
        require(self.solvent is not Solvent.explicit, "solvent", allowed, self.solvent.name)

    @property
    def most_steps(self) -> int:
        """See `BaselineConfig`."""
        return self.max_iterations

    def trajectory(
        self,
        molecule: Molecule,
        seed: int,
        start: np.ndarray,
        held: Held,
        monitor: SeedMonitor,
        continuum: Continuum | None = None,
    ) -> Trajectory:
        """See `minimized`."""
        return minimized(molecule, self, start, held, monitor, continuum)


CHOICE = MinimizerConfig


def minimized(
    molecule: Molecule,
    config: MinimizerConfig,
    start: np.ndarray,
    held: Held,
    monitor: SeedMonitor,
    continuum: Continuum | None = None,
) -> Trajectory:
    """Minimise from a start (n, 3) in nm, some atoms being held; there is nothing to draw.

    Where OpenMM ends by itself it has converged at the tolerance, and stalled where its platform's precision
    does not let the energy fall any further (on CPU, near 1 kJ/mol/nm).
    """
    openmm_system, positions = solvated(
        molecule, start, config.solvent, constrained=False, continuum=continuum
    )
    hold(openmm_system, held)
    integrator = openmm.VerletIntegrator(0.001)  # never used
    context, energy, compile_s = open_simulation(
        openmm_system, integrator, config.platform, config.threads, positions
    )
    reporter = _Reporter(config.record_every, monitor, Frame(0, 0.0, start, energy))
    at_rest = False
    try:
        openmm.LocalEnergyMinimizer.minimize(context, config.tolerance, config.max_iterations, reporter)
        reporter.record_end(positions_of(context), energy_of(context))
        at_rest = rms_force_of(context, held.frozen) <= config.tolerance
    except openmm.OpenMMException as error:
        if not blew_up(error):
            raise
        reporter.broken = True
    return Trajectory(_outcome(config, reporter, monitor, at_rest), reporter.frames, compile_s)


def _outcome(config: MinimizerConfig, reporter: "_Reporter", monitor: SeedMonitor, at_rest: bool) -> Status:
    if reporter.broken:
        return Status.diverged
    if 0 < config.max_iterations <= reporter.iterations:
        return Status.step_limit
    if monitor.stopped:
        return Status.interrupted
    return Status.converged if at_rest else Status.stalled


class _Reporter(openmm.MinimizationReporter):
    """Keeps every k-th iterate, and ends the minimisation where it is asked to or leads nowhere."""

    def __init__(self, every: int, monitor: SeedMonitor, start: Frame) -> None:
        """Begin to measure the time."""
        super().__init__()
        self._every, self._monitor = every, monitor
        self.frames = [start]
        self.iterations = 0
        self.broken = False
        self._began = time.perf_counter()
        self._spent_s = 0.0  # here, which is none of OpenMM's work

    def report(self, iteration: int, x: tuple, grad: tuple, args: Mapping[str, float]) -> bool:
        """Called after each iteration; True ends the minimisation."""
        self.iterations += 1
        energy = args["system energy"]
        if not math.isfinite(energy):
            self.broken = True  # platform Reference would go on for ever
            return True
        if self.iterations % self._every:
            return False
        now = time.perf_counter()
        self._record(np.reshape(x, (-1, 3)), energy, now)
        stop = self._monitor.report(self.iterations, energy)
        self._spent_s += time.perf_counter() - now
        return stop

    def record_end(self, positions: np.ndarray, energy: float) -> None:
        """Keep the last configuration."""
        if not (math.isfinite(energy) and np.all(np.isfinite(positions))):
            self.broken = True
            return
        if self.frames[-1].step == self.iterations > 0:
            self.frames.pop()
        self._record(positions, energy, time.perf_counter())

    def _record(self, positions: np.ndarray, energy: float, now: float) -> None:
        seconds = now - self._began - self._spent_s
        self.frames.append(Frame(self.iterations, seconds, positions, energy))
