"""OpenMM's own Langevin dynamics at one temperature, with masses, steps and friction of `nnrep explore`."""

import numpy as np
from openmm_dynamics import dynamics_of

from folding.arms.arm import Frame, Moved, Walk
from folding.problem import Problem, explore_config
from nnrep.exploration.driver import sampler_of
from nnrep.exploration.quench import Quenched
from nnrep.structures.simulation import positions_of


class Simulation:
    """See `dynamics_of`."""

    def __init__(self, problem: Problem, kelvin: float) -> None:
        self.problem, self.kelvin = problem, kelvin
        self.config = explore_config(temperatures_k=[kelvin])
        self.sampler = sampler_of(problem.system, self.config)

    def begin(self, seed: int) -> Walk:
        return _Simulated(self, seed)


class _Simulated:
    def __init__(self, arm: Simulation, seed: int) -> None:
        self.arm = arm
        problem, settings = arm.problem, arm.config.dynamics(arm.problem.system)
        start = problem.quench(np.asarray(problem.system.start(seed))).positions
        self.context = dynamics_of(problem.system, problem.continuum, settings, seed, start)

    def move(self) -> Moved:
        config, sampler = self.arm.config, self.arm.sampler
        self.context.getIntegrator().step(config.quench_every)
        self.moves += 1
        annealing = config.quench.annealing(self.arm.problem.system.energy_unit)
        # Annealed by our dynamics, as the frames of the other arms are.
        start = sampler.start(self.moves, positions_of(self.context))
        frame = Frame(self.arm.kelvin, sampler.annealed(start, annealing)[0])
        steps = config.quench_every
        return Moved(steps + annealing, steps * config.time_step_ps, [frame])

    def quench(self, frame: Frame) -> Quenched:
        return self.arm.problem.quench(frame.positions)
