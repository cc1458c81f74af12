"""Simulated annealing of one replica, from where the chain comes to through slow modes of the Hessian.

Each cycle cools the replica from `HOT` to `COLD` evenly on a log scale (Kirkpatrick, Gelatt, Vecchi, Science
220, 671, 1983); the next one heats it at once.
"""

from dataclasses import replace

import numpy as np

from folding.arms.arm import Frame, Moved, Walk
from folding.problem import Problem, explore_config, stages_through
from nnrep.dynamics.replica_exchange import advance, annealed, start_ladder
from nnrep.exploration.quench import Quenched, standing_at
from nnrep.reparam import spectral_at_start

HOT, COLD = 600.0, 300.0  # K
COOLING = 50  # quenches of a cycle
SHIFT, POWER = 0.03, 2.0  # of the filter, which leaves little but slow modes


class Annealing:
    """Cycles of annealing, with the time step and masses of `nnrep explore`."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.config = problem, explore_config(temperatures_k=[HOT])
        self.settings = self.config.dynamics(problem.system)
        self.smooth = stages_through(spectral_at_start(problem.system, SHIFT, POWER))

    def begin(self, seed: int) -> Walk:
        return _Cooled(self, seed)


class _Cooled:
    def __init__(self, arm: Annealing, seed: int) -> None:
        system = arm.problem.system
        start = arm.problem.quench(np.asarray(system.start(seed)), arm.smooth)
        self.arm, self.count = arm, 0
        self.state = start_ladder(standing_at(system, start.positions), arm.settings, seed)

    def move(self) -> Moved:
        share = self.count % COOLING / (COOLING - 1)
        kelvin = HOT * (COLD / HOT) ** share
        settings = replace(self.arm.settings, temperatures_k=(kelvin,))
        config, system = self.arm.config, self.arm.problem.system
        steps = config.quench_every
        self.state, _ = advance(system, settings, self.state, steps)
        self.count += 1
        annealing = config.quench.annealing(system.energy_unit)
        frame = Frame(kelvin, annealed(system, settings, self.state, annealing)[0])
        return Moved(steps + annealing, steps * config.time_step_ps, [frame])

    def quench(self, frame: Frame) -> Quenched:
        return self.arm.problem.quench(frame.positions)
