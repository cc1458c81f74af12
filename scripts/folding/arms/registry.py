"""The arms of the comparison by name."""

from collections.abc import Callable
from functools import partial

import nnrep
from folding.arms.arm import Arm
from folding.arms.dynamics import Dynamics
from folding.arms.simulation import Simulation
from folding.problem import Problem, stages_through
from nnrep.exploration.settings import TEMPERATURES_K

# A mass matrix that leaves slow modes their masses and slows fast ones to 60 fs bears 10 fs.
SLOW_MODES = {"fastest_period_fs": 60.0, "time_step_fs": 10.0, "hydrogen_mass_dalton": None}


def _torsion(problem: Problem) -> Arm:
    return Dynamics(problem, stages_through(nnrep.torsion(problem.system)))


def _at_one(kelvin: float) -> Callable[[Problem], Arm]:
    return lambda problem: Dynamics(problem, temperatures_k=[kelvin])


ARMS: dict[str, Callable[[Problem], Arm]] = {
    "cartesian": Dynamics,
    "torsion_quenches": _torsion,
    "slow_modes": lambda problem: Dynamics(problem, **SLOW_MODES),
    **{f"single_temperature_{kelvin:g}": _at_one(kelvin) for kelvin in TEMPERATURES_K},
    **{f"openmm_{kelvin:g}": partial(Simulation, kelvin=kelvin) for kelvin in TEMPERATURES_K},
}
