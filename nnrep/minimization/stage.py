"""`Stage`: what a minimisation is a sequence of; the paper's pair of them."""

from typing import NamedTuple

import optax

from nnrep.errors import AsCode, is_integer, require, require_kind
from nnrep.minimization.optimizers.adam import adam
from nnrep.minimization.optimizers.optimizer import Optimizer, as_optimizer
from nnrep.minimization.stopping import Stopping
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.fit import Fit
from nnrep.reparam.none import identity, is_identity

MOST_STEPS = 2**31 - 1


class Stage(NamedTuple):
    """A map, how its inputs are moved, and until when.

    Attributes:
        name: for tables and pictures.
        reparam: the map, which starts from where the stage before ended.
        optimizer: of its inputs, fresh; of nnrep or any optax transformation.
        stopping: when it has come to its end.
        max_steps: most steps; None is half of the run's, so that the stage after it has its turn.
        fit: fit the map to where it starts first; None leaves it as its `init` makes it.
    """

    name: str
    reparam: Reparametrization
    optimizer: Optimizer | optax.GradientTransformation
    stopping: Stopping
    max_steps: int | None
    fit: Fit | None = None

    @property
    def fixed_length(self) -> int:
        """Steps that it takes whatever it meets, but for divergence; `MOST_STEPS` where rules may end it."""
        rules, steps = self.stopping, self.max_steps
        if steps is None or rules.rms_force > 0 or rules.rules:
            return MOST_STEPS
        return steps if rules.patience * rules.check_every >= steps else MOST_STEPS

    def check(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the number out of range.
        """
        require_kind(self.name, str, "name", "text")
        require_kind(self.reparam, Reparametrization, "reparam", "a nnrep.reparam.Reparametrization")
        as_optimizer(self.optimizer)
        require_kind(self.stopping, Stopping, "stopping", "a nnrep.Stopping")
        self.stopping.check()
        require_kind(self.fit, Fit | None, "fit", "a nnrep.Fit, or None")
        if self.fit is not None:
            self.fit.check()
        steps = self.max_steps
        limited = steps is None or (is_integer(steps) and 0 <= steps < 2**31)
        require(limited, "max_steps", "from 0 to 2^31 - 1", steps)


def two_stages(
    reparam: Reparametrization | None = None,
    *,
    optimizer: Optimizer | optax.GradientTransformation | None = None,
    coarse_optimizer: Optimizer | optax.GradientTransformation | None = None,
    stopping: Stopping | None = None,
    coarse_stopping: Stopping | None = None,
    coarse_steps: int | None = None,
    fit: Fit | None = None,
) -> tuple[Stage, ...]:
    """The stages of the paper: over the inputs of a map, then over the positions.

    Without a map, and of the identity, there is only the second one; without a map no argument of the first
    one may be given.

    Args:
        reparam: the map; None is the identity.
        optimizer: of the fine stage; None is `adam()`.
        coarse_optimizer: of the coarse stage; None takes `optimizer`.
        stopping: rules of the fine stage; None is `Stopping()`.
        coarse_stopping: rules of the coarse stage; None takes `stopping`.
        coarse_steps: most steps of the coarse stage; None is half of the run's.
        fit: fit the map to the start before the coarse stage; None leaves it as its `init` makes it.

    Raises:
        ConfigError: a number out of range, something that is no optimiser, or of a stage that there is not.
    """
    require_kind(reparam, Reparametrization | None, "reparam", "a nnrep.reparam.Reparametrization, or None")
    of_coarse = {
        "coarse_optimizer": coarse_optimizer,
        "coarse_stopping": coarse_stopping,
        "coarse_steps": coarse_steps,
        "fit": fit,
    }
    for name, value in of_coarse.items():
        needless = reparam is None and value is not None
        require(not needless, name, "left out without a map, as it is of the coarse stage", AsCode(value))
    optimizer = as_optimizer(optimizer or adam())
    stopping = Stopping() if stopping is None else stopping
    fine = Stage("fine", identity(), optimizer, stopping, MOST_STEPS)
    fine.check()
    if reparam is None:
        return (fine,)
    coarse_optimizer = as_optimizer(coarse_optimizer or optimizer)
    coarse_stopping = stopping if coarse_stopping is None else coarse_stopping
    coarse = Stage("coarse", reparam, coarse_optimizer, coarse_stopping, coarse_steps, fit)
    coarse.check()
    return (fine,) if is_identity(reparam) else (coarse, fine)
