"""The minimisation loop: on the device, in stages, every replica by its own stopping rule."""

from nnrep.minimization.fit import Fit
from nnrep.minimization.minimize import minimize
from nnrep.minimization.optimizers import Optimizer, adam, fire, lbfgs, sgd
from nnrep.minimization.result import Result
from nnrep.minimization.stages import Stage
from nnrep.minimization.stopping import Status, Stopping

__all__ = [
    "Fit",
    "Optimizer",
    "Result",
    "Stage",
    "Status",
    "Stopping",
    "adam",
    "fire",
    "lbfgs",
    "minimize",
    "sgd",
]
