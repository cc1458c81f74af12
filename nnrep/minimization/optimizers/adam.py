"""`optimizer=adam`."""

from typing import Any

import optax

from nnrep.choices.settings import settings
from nnrep.minimization.optimizers.optimizer import Optimizer
from nnrep.minimization.optimizers.rates import Rate, checked_rate, scale_by_rate
from nnrep.minimization.optimizers.settings import OptimizerConfig


def adam(learning_rate: Rate = 1e-2) -> Optimizer:
    """Adam (Kingma and Ba, 2015).

    Args:
        learning_rate: a number, or one that decays, see `exponential_decay`.

    Raises:
        ConfigError: a number out of range.
    """
    return Optimizer(_build, checked_rate(learning_rate))


def _build(rate: Any) -> optax.GradientTransformation:
    return optax.chain(optax.scale_by_adam(), scale_by_rate(rate))


@settings("optimizer/adam")
class AdamConfig(OptimizerConfig):
    """`optimizer=adam`."""

    make = staticmethod(adam)


CHOICE = AdamConfig
