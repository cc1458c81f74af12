"""Langevin dynamics of a ladder of replicas, of one as well: what `nnrep explore` does."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from folding.arms.arm import Frame, Moved, Walk
from folding.problem import Problem, explore_config
from nnrep.exploration.driver import sampler_of
from nnrep.exploration.quench import Quenched
from nnrep.minimization import Stage


class Dynamics:
    """Ladders with some settings of `nnrep explore`."""

    def __init__(self, problem: Problem, stages: Sequence[Stage] | None = None, **explore: Any) -> None:
        """Quench through stages, if given, else with free positions."""
        self.problem, self.stages, self.config = problem, stages, explore_config(**explore)
        self.sampler = sampler_of(problem.system, self.config)

    def begin(self, seed: int) -> Walk:
        return _Ladder(self, seed)


class _Ladder:
    def __init__(self, arm: Dynamics, seed: int) -> None:
        self.arm = arm
        system = arm.problem.system
        start = arm.problem.quench(np.asarray(system.start(seed)), arm.stages)
        self.state = arm.sampler.start(seed, start.positions)

    def move(self) -> Moved:
        config, sampler = self.arm.config, self.arm.sampler
        self.state, frames = sampler.advance(self.state, config.quench_every)
        steps = config.quench_every * len(sampler.temperatures)
        annealing = config.quench.annealing(self.arm.problem.system.energy_unit)
        met = [
            Frame(sampler.temperatures[int(rung)], positions)
            for rung, positions in zip(frames.rung, sampler.annealed(self.state, annealing), strict=True)
        ]
        return Moved(steps + annealing * len(sampler.temperatures), steps * config.time_step_ps, met)

    def quench(self, frame: Frame) -> Quenched:
        return self.arm.problem.quench(frame.positions, self.arm.stages)
