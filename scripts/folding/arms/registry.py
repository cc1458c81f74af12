"""The arms of the comparison by name."""

from collections.abc import Callable

from folding.arms.annealing import Annealing
from folding.arms.arm import Arm
from folding.arms.dynamics import Dynamics
from folding.arms.torsion_moves import TorsionMoves
from folding.problem import Problem, stages_through
from nnrep.reparam import torsion_at_start

# A mass matrix that leaves slow modes their masses and slows fast ones to 60 fs bears 10 fs.
SLOW_MODES = {"fastest_period_fs": 60.0, "time_step_fs": 10.0, "hydrogen_mass_dalton": None}


def _torsion(problem: Problem) -> Arm:
    return Dynamics(problem, stages_through(torsion_at_start(problem.system)))


ARMS: dict[str, Callable[[Problem], Arm]] = {
    "cartesian": Dynamics,
    "torsion_quenches": _torsion,
    "slow_modes": lambda problem: Dynamics(problem, **SLOW_MODES),
    "torsion_moves": TorsionMoves,
    "annealing": Annealing,
    "single_temperature": lambda problem: Dynamics(problem, temperatures_k=[351.0]),
}
