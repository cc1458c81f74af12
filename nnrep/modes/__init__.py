"""Which directions are slow: the Hessian's backbone and the lowest modes of its Laplacian."""

from nnrep.modes.slow import Backbone, ModesOf, Solver, slow_modes
from nnrep.modes.spectrum import SlowModes

__all__ = ["Backbone", "ModesOf", "SlowModes", "Solver", "slow_modes"]
