"""nnrep: minimise molecular energies through slow modes and graph neural networks.

The names below are loaded on first use, so that the command line answers before JAX is imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnrep import reparam
    from nnrep.energies.energy import Energy
    from nnrep.exploration import Exploration, explore
    from nnrep.minimization import (
        Fit,
        Monitor,
        Optimizer,
        Restarts,
        Result,
        Stage,
        Status,
        Stopping,
        adam,
        chain,
        clamp,
        exponential_decay,
        fire,
        lbfgs,
        minimize,
        minimize_many,
        sgd,
        two_stages,
    )
    from nnrep.modes import SlowModes, slow_modes
    from nnrep.systems import System, load_system

__version__ = "0.1.0"

_HOMES = {
    "Energy": "nnrep.energies.energy",
    "Exploration": "nnrep.exploration",
    "explore": "nnrep.exploration",
    "System": "nnrep.systems",
    "load_system": "nnrep.systems",
    "SlowModes": "nnrep.modes",
    "slow_modes": "nnrep.modes",
    **dict.fromkeys(
        (
            "Fit",
            "Monitor",
            "Optimizer",
            "Restarts",
            "Result",
            "Stage",
            "Status",
            "Stopping",
            "adam",
            "chain",
            "clamp",
            "exponential_decay",
            "fire",
            "hopping",
            "lbfgs",
            "minimize",
            "minimize_many",
            "sgd",
            "two_stages",
        ),
        "nnrep.minimization",
    ),
}

__all__ = [
    "Energy",
    "Exploration",
    "Fit",
    "Monitor",
    "Optimizer",
    "Restarts",
    "Result",
    "SlowModes",
    "Stage",
    "Status",
    "Stopping",
    "System",
    "adam",
    "chain",
    "clamp",
    "explore",
    "exponential_decay",
    "fire",
    "hopping",
    "lbfgs",
    "load_system",
    "minimize",
    "minimize_many",
    "reparam",
    "sgd",
    "slow_modes",
    "two_stages",
]


def __getattr__(name: str) -> Any:
    if name in ("ase", "reparam"):
        return import_module(f"nnrep.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nnrep' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
