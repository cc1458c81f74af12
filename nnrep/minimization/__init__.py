"""The minimisation loop: on the device, in stages, every replica by its own stopping rule."""

from nnrep.minimization.attempts import Restarts
from nnrep.minimization.basin_hopping import hopping
from nnrep.minimization.many import minimize_many
from nnrep.minimization.minimizer import minimize
from nnrep.minimization.monitor import Monitor
from nnrep.minimization.optimizers.adam import adam
from nnrep.minimization.optimizers.fire import fire
from nnrep.minimization.optimizers.lbfgs import lbfgs
from nnrep.minimization.optimizers.optimizer import Optimizer, chain, clamp
from nnrep.minimization.optimizers.rates import exponential_decay
from nnrep.minimization.optimizers.sgd import sgd
from nnrep.minimization.result import Result
from nnrep.minimization.stage import Stage, two_stages
from nnrep.minimization.stopping import Status, Stopping
from nnrep.reparam.fit import Fit

__all__ = [
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
]
