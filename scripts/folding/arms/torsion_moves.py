"""Basin hopping in torsion angles: random turns of the last accepted minimum, a quench, Metropolis's choice.

Monte Carlo with minimisation (Li, Scheraga, PNAS 84, 6611, 1987), with moves and quenches through
`reparam=torsion`.
"""

import jax
import numpy as np
from jax import Array

from folding.arms.arm import Frame, Moved, Walk
from folding.problem import Problem, stages_through
from nnrep.dynamics.units import units_of
from nnrep.exploration.quench import Quenched
from nnrep.reparam import torsion_at_start
from nnrep.reparam.base import Anchored

KT = 5.0  # kJ/mol, of the choice
TURNED = 3.0  # torsions of a move, on average
SIZE = 1.0  # rad, standard deviation of a turn


class TorsionMoves:
    """Basin hopping in torsions."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.reparam = torsion_at_start(problem.system)
        self.stages = stages_through(self.reparam)
        inputs = jax.eval_shape(self.reparam.init, jax.random.key(0), problem.system.positions).moved
        self.inputs = len(inputs)
        self.kelvin = KT / units_of(problem.system).boltzmann
        self.turned = jax.jit(self._turned)

    def begin(self, seed: int) -> Walk:
        return _Walk(self, seed)

    def _turned(self, positions: Array, turns: Array) -> Array:
        """Positions (n, 3) of which each body is turned by an angle in rad."""
        held = self.reparam.init(jax.random.key(0), positions).held
        return self.reparam.decode(Anchored(turns, held))


class _Walk:
    def __init__(self, arm: TorsionMoves, seed: int) -> None:
        system = arm.problem.system
        self.arm, self.random = arm, np.random.default_rng(seed)
        self.accepted = arm.problem.quench(np.asarray(system.start(seed)), arm.stages)

    def move(self) -> Moved:
        start = self.arm.problem.system.with_dummies(self.accepted.positions)
        turns = np.zeros(self.arm.inputs)
        chosen = self.random.random(len(turns)) < TURNED / len(turns)
        chosen[self.random.integers(len(turns))] = True  # one at least
        turns[chosen] = self.random.normal(0, SIZE, np.sum(chosen))
        turned = self.arm.turned(np.asarray(start, np.float32), np.asarray(turns, np.float32))
        return Moved(0, 0.0, [Frame(self.arm.kelvin, np.asarray(turned))])

    def quench(self, frame: Frame) -> Quenched:
        one = self.arm.problem.quench(frame.positions, self.arm.stages)
        rise = one.energy - self.accepted.energy
        if np.isfinite(rise) and rise <= -KT * np.log(self.random.random()):
            self.accepted = one
        return one
