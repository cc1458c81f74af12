"""Learning rates: a number, or one that decays."""

import math
from functools import partial
from typing import Any, NamedTuple

import optax
from jax import Array

from nnrep.errors import AsCode, is_number, require


class Decay(NamedTuple):
    """The learning rate ``initial * rate ** (step / steps)``."""

    initial: float
    rate: float
    steps: float


Rate = float | Decay


def exponential_decay(initial: float, rate: float, steps: float) -> Decay:
    """A learning rate that falls as ``initial * rate ** (step / steps)``.

    Raises:
        ConfigError: a number out of range.
    """
    _require_rate(initial)
    require(is_number(rate) and 0 < rate <= 1, "decay_rate", "above 0 and at most 1", AsCode(rate))
    require(is_number(steps) and steps >= 1, "decay_steps", "at least 1", AsCode(steps))
    return Decay(float(initial), float(rate), float(steps))


def checked_rate(rate: Rate) -> Rate:
    """A learning rate as it is; raises `ConfigError` for a number out of range."""
    if isinstance(rate, Decay):
        return exponential_decay(*rate)
    _require_rate(rate)
    return float(rate)


def _require_rate(rate: object) -> None:
    positive = is_number(rate) and 0 < rate < math.inf
    require(positive, "learning_rate", "positive", AsCode(rate))


def rate_at(rate: Any, step: Array) -> Any:
    """The learning rate at a step () of its optimiser.

    That of `optax.exponential_decay`, whose numbers cannot be traced.
    """
    return rate.initial * rate.rate ** (step / rate.steps) if isinstance(rate, Decay) else rate


def scale_by_rate(rate: Any) -> optax.GradientTransformation:
    """Updates scaled by minus the learning rate."""
    return optax.scale_by_schedule(partial(_negative, rate))


def _negative(rate: Any, step: Array) -> Any:
    return -rate_at(rate, step)
