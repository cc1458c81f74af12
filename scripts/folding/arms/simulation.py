"""OpenMM's own Langevin dynamics at one temperature, with masses, steps and friction of `nnrep explore`."""

import numpy as np
import openmm

from folding.arms.arm import Frame, Moved, Walk
from folding.problem import Problem, explore_config
from nnrep.dynamics.masses import masses_of
from nnrep.exploration.quench import Quenched
from nnrep.structures.simulation import Solvent, heat, langevin, open_context, positions_of, solvated


class Simulation:
    """OpenMM's `LangevinMiddleIntegrator` on its CPU platform, which has single precision, on one thread.

    The momentum of the centre of mass is held at zero, as ours is. All forces act in every step.
    """

    def __init__(self, problem: Problem, kelvin: float) -> None:
        self.problem, self.kelvin = problem, kelvin
        self.config = explore_config(temperatures_k=[kelvin])

    def begin(self, seed: int) -> Walk:
        return _Simulated(self, seed)

    def context(self, seed: int, positions: np.ndarray) -> openmm.Context:
        """A simulation at positions (n, 3), with velocities and noise of a seed."""
        system, config = self.problem.system, self.config
        assert system.molecule is not None
        simulated, _ = solvated(system.molecule, positions, Solvent.vacuum, False, self.problem.continuum)
        for atom, mass in enumerate(masses_of(system, config.dynamics(system)).tolist()):
            simulated.setParticleMass(atom, mass)
        simulated.addForce(openmm.CMMotionRemover())
        integrator = langevin(self.kelvin, config.friction_per_ps, config.time_step_fs, seed)
        context = open_context(simulated, integrator, "CPU", 1)
        context.setPositions(positions)
        heat(context, self.kelvin, seed)
        return context


class _Simulated:
    def __init__(self, arm: Simulation, seed: int) -> None:
        self.arm = arm
        start = arm.problem.quench(np.asarray(arm.problem.system.start(seed)))
        self.context = arm.context(seed, start.positions)

    def move(self) -> Moved:
        config = self.arm.config
        self.context.getIntegrator().step(config.quench_every)
        frame = Frame(self.arm.kelvin, positions_of(self.context))
        return Moved(config.quench_every, config.quench_every * config.time_step_ps, [frame])

    def quench(self, frame: Frame) -> Quenched:
        return self.arm.problem.quench(frame.positions)
