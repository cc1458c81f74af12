"""The arms of the comparison by name."""

from collections.abc import Callable
from functools import partial

from folding.arms.annealing import Annealing
from folding.arms.arm import Arm
from folding.arms.dynamics import Dynamics
from folding.arms.simulation import Simulation
from folding.arms.torsion_moves import TorsionMoves
from folding.problem import Problem, stages_through
from nnrep.exploration.settings import TEMPERATURES_K
from nnrep.reparam import torsion_at_start

# No vibration below 60 fs bears 10 fs. 160 fs bear 24 fs, but the chain then moves so slowly that in 183 ns
# its minima never came within 2 A of the native structure, which they do every 10 ns or so with 60 fs.
SLOW_MODES = {"fastest_period_fs": 60.0, "time_step_fs": 10.0, "hydrogen_mass_dalton": None}


def _torsion(problem: Problem) -> Arm:
    return Dynamics(problem, stages_through(torsion_at_start(problem.system)))


def _at_one(kelvin: float) -> Callable[[Problem], Arm]:
    return lambda problem: Dynamics(problem, temperatures_k=[kelvin])


ARMS: dict[str, Callable[[Problem], Arm]] = {
    "cartesian": Dynamics,
    "torsion_quenches": _torsion,
    "slow_modes": lambda problem: Dynamics(problem, **SLOW_MODES),
    "torsion_moves": TorsionMoves,
    "annealing": Annealing,
    **{f"single_temperature_{kelvin:g}": _at_one(kelvin) for kelvin in TEMPERATURES_K},
    **{f"openmm_{kelvin:g}": partial(Simulation, kelvin=kelvin) for kelvin in TEMPERATURES_K},
}
