"""nnrep: minimise molecular energies through slow modes and graph neural networks.

The names below are loaded on first use, so that the command line answers before JAX is imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names, for type checkers, which run nothing
    from nnrep import reparam as reparam
    from nnrep.energies.energy import Energy as Energy
    from nnrep.exploration import Exploration as Exploration
    from nnrep.exploration import explore as explore
    from nnrep.minimization import Fit as Fit
    from nnrep.minimization import Monitor as Monitor
    from nnrep.minimization import Optimizer as Optimizer
    from nnrep.minimization import Restarts as Restarts
    from nnrep.minimization import Result as Result
    from nnrep.minimization import Stage as Stage
    from nnrep.minimization import Status as Status
    from nnrep.minimization import Stopping as Stopping
    from nnrep.minimization import adam as adam
    from nnrep.minimization import chain as chain
    from nnrep.minimization import clamp as clamp
    from nnrep.minimization import exponential_decay as exponential_decay
    from nnrep.minimization import fire as fire
    from nnrep.minimization import hopping as hopping
    from nnrep.minimization import lbfgs as lbfgs
    from nnrep.minimization import minimize as minimize
    from nnrep.minimization import minimize_many as minimize_many
    from nnrep.minimization import sgd as sgd
    from nnrep.minimization import two_stages as two_stages
    from nnrep.modes import SlowModes as SlowModes
    from nnrep.modes import slow_modes as slow_modes
    from nnrep.systems import System as System
    from nnrep.systems import load_system as load_system

__version__ = "0.1.0"

# Module -> the public names that it has.
_PUBLIC = {
    "nnrep.energies.energy": ("Energy",),
    "nnrep.exploration": ("Exploration", "explore"),
    "nnrep.minimization": (
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
    "nnrep.modes": ("SlowModes", "slow_modes"),
    "nnrep.systems": ("System", "load_system"),
}
_HOMES = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = sorted([*_HOMES, "reparam"])


def __getattr__(name: str) -> Any:
    if name in ("ase", "reparam"):
        return import_module(f"nnrep.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nnrep' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
