"""OpenMM's own Langevin dynamics at one temperature, with masses, steps and friction of `nnrep explore`."""

import numpy as np
from openmm_dynamics import dynamics_of

from folding.arms.arm import Frame, Moved, Walk
from folding.problem import Problem, explore_config
from nnrep.baselines.simulation import energy_of
from nnrep.errors import UserError
from nnrep.exploration.driver import sampler_of
from nnrep.exploration.quench import Quenched
from nnrep.structures.simulation import positions_of

TOLERANCE = 0.5  # kJ/mol, of energies in single precision


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
        start = problem.quench(np.asarray(problem.system.start(seed)))
        self.quenches = 0
        self.context = dynamics_of(problem.system, problem.continuum, settings, seed, start.positions)
        _require_same(start.energy, energy_of(self.context))

    def move(self) -> Moved:
        config = self.arm.config
        self.context.getIntegrator().step(config.quench_every)
        frame = Frame(self.arm.kelvin, positions_of(self.context))
        return Moved(config.quench_every, config.quench_every * config.time_step_ps, [frame])

    def quench(self, frame: Frame) -> Quenched:
        """Annealed by our dynamics first, as the frames of the other arms are."""
        problem, sampler = self.arm.problem, self.arm.sampler
        steps = self.arm.config.quench.annealing(problem.system.energy_unit)
        self.quenches += 1
        start = sampler.start(self.quenches, frame.positions)
        one = problem.quench(sampler.annealed(start, steps)[0])
        return one._replace(evaluations=one.evaluations + steps)


def _require_same(ours: float, theirs: float) -> None:
    if not abs(theirs - ours) < TOLERANCE:
        raise UserError(
            f"--arms: OpenMM's dynamics have another energy than this force field ({theirs:.1f} for "
            f"{ours:.1f} kJ/mol); leave its arms out, or choose a force field that OpenMM has"
        )
