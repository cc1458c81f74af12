"""`Stage`: what a minimisation is a sequence of."""

from typing import NamedTuple

from nnrep.minimization.fit import Fit
from nnrep.minimization.optimizers import Optimizer
from nnrep.minimization.stopping import Stopping
from nnrep.reparam.base import Reparametrization


class Stage(NamedTuple):
    """A map, how its inputs are moved, and until when.

    Attributes:
        name: for tables and pictures.
        reparam: the map, which starts from where the stage before ended.
        optimizer: of its inputs, fresh.
        stopping: when it has come to its end.
        max_steps: most steps.
        fit: fit the map to where it starts first; None leaves it as its `init` makes it.
    """

    name: str
    reparam: Reparametrization
    optimizer: Optimizer
    stopping: Stopping
    max_steps: int
    fit: Fit | None = None
