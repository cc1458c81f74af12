"""The baseline of OpenMM's Langevin dynamics: what a fold costs when time is simulated."""

import math
import time

import numpy as np
import openmm

from nnrep.baselines.openmm_settings import OpenMMConfig
from nnrep.baselines.simulation import (
    Frame,
    SeedMonitor,
    Trajectory,
    energy_of,
    open_simulation,
)
from nnrep.choices.settings import settings
from nnrep.errors import require
from nnrep.minimization.stopping import Status
from nnrep.structures.force_field import Continuum
from nnrep.structures.molecule import Molecule
from nnrep.structures.simulation import Held, blew_up, heat, hold, langevin, positions_of, solvated

LONGEST_FLEXIBLE_FS = 1.0  # timestep up to which bonds to hydrogen need no constraints


@settings("baseline/openmm_dynamics")
class DynamicsConfig(OpenMMConfig):
    """`openmm_dynamics`; see `OpenMMConfig` as well.

    Attributes:
        temperature: in K.
        timestep_fs: above 1 fs the bonds to hydrogen are held at their lengths.
        steps: of each seed.
        friction_per_ps: of the Langevin dynamics.
    """

    temperature: float
    timestep_fs: float
    steps: int
    friction_per_ps: float

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        require(0 < self.temperature < math.inf, "temperature", "positive", self.temperature)
        require(0 < self.timestep_fs < math.inf, "timestep_fs", "positive", self.timestep_fs)
        require(0 <= self.steps < 2**31, "steps", "from 0 to 2^31 - 1", self.steps)
        friction = self.friction_per_ps
        require(0 <= friction < math.inf, "friction_per_ps", "zero or positive", friction)
        self.check_machine()
        require(1 <= self.record_every < 2**31, "record_every", "from 1 to 2^31 - 1", self.record_every)

    @property
    def most_steps(self) -> int:
        """See `BaselineConfig`."""
        return self.steps

    def check_frozen(self) -> None:
        """Constraints cannot join a frozen atom to one that moves."""
        allowed = "at most 1 with system.frozen, as longer ones constrain the bonds to hydrogen"
        require(self.timestep_fs <= LONGEST_FLEXIBLE_FS, "timestep_fs", allowed, self.timestep_fs)

    def trajectory(
        self,
        molecule: Molecule,
        seed: int,
        start: np.ndarray,
        held: Held,
        monitor: SeedMonitor,
        continuum: Continuum | None = None,
    ) -> Trajectory:
        """See `simulated`."""
        return simulated(molecule, self, seed, start, held, monitor, continuum)


CHOICE = DynamicsConfig


def simulated(
    molecule: Molecule,
    config: DynamicsConfig,
    seed: int,
    start: np.ndarray,
    held: Held,
    monitor: SeedMonitor,
    continuum: Continuum | None = None,
) -> Trajectory:
    """Simulate from a start (n, 3) in nm, some atoms being held, with the velocities and noise of a seed."""
    constrained = config.timestep_fs > LONGEST_FLEXIBLE_FS
    openmm_system, positions = solvated(molecule, start, config.solvent, constrained, continuum)
    hold(openmm_system, held)
    integrator = langevin(config.temperature, config.friction_per_ps, config.timestep_fs, seed)
    context, energy, compile_s = open_simulation(
        openmm_system, integrator, config.platform, config.threads, positions
    )
    frames = [Frame(0, 0.0, start, energy)]
    try:
        heat(context, config.temperature, seed)
        while frames[-1].step < config.steps:
            frame = _next_frame(context, integrator, config, frames[-1], molecule.n)
            if not (math.isfinite(frame.energy) and np.all(np.isfinite(frame.positions))):
                return Trajectory(Status.diverged, frames, compile_s)
            frames.append(frame)
            if monitor.report(frame.step, frame.energy) and frame.step < config.steps:
                return Trajectory(Status.interrupted, frames, compile_s)
    except openmm.OpenMMException as error:
        if not blew_up(error):
            raise
        return Trajectory(Status.diverged, frames, compile_s)
    return Trajectory(Status.finished, frames, compile_s)


def _next_frame(
    context: openmm.Context, integrator: openmm.Integrator, config: DynamicsConfig, last: Frame, n: int
) -> Frame:
    """The configuration after the next piece of steps."""
    piece = min(config.record_every, config.steps - last.step)
    began = time.perf_counter()
    integrator.step(piece)
    positions = positions_of(context)[:n]  # waits for the steps where they run on a device of their own
    elapsed = time.perf_counter() - began
    return Frame(last.step + piece, last.time_s + elapsed, positions, energy_of(context))
