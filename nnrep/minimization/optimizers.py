"""Optimisers whose numbers are traced, so that a sweep over them compiles once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jax import Array

from nnrep.errors import ConfigError, require
from nnrep.minimization.fire import fire as inertial_relaxation
from nnrep.minimization.lbfgs import backtracking_lbfgs


class Optimizer(NamedTuple):
    """An optax transformation, and the numbers from which it is built inside the compiled loop.

    Attributes:
        build: hyperparameters -> transformation; static, compared by equality.
        hyperparameters: a pytree of numbers; traced.
    """

    build: Callable[[Any], optax.GradientTransformation]
    hyperparameters: Any


def adam(
    learning_rate: float = 1e-2,
    *,
    clamp: float | None = None,
    decay_rate: float = 1.0,
    decay_steps: int = 1000,
) -> Optimizer:
    """Adam on gradients clamped elementwise to [-clamp, clamp].

    The learning rate decays as ``learning_rate * decay_rate ** (step / decay_steps)``.

    Raises:
        ConfigError: a number out of range.
    """
    return Optimizer(_build_adam, _checked(learning_rate, clamp, decay_rate, decay_steps))


def sgd(
    learning_rate: float = 1e-2,
    *,
    clamp: float | None = None,
    decay_rate: float = 1.0,
    decay_steps: int = 1000,
) -> Optimizer:
    """Gradient descent; arguments as those of `adam`."""
    return Optimizer(_build_sgd, _checked(learning_rate, clamp, decay_rate, decay_steps))


def lbfgs(
    learning_rate: float = 1e-2,
    *,
    clamp: float | None = None,
    decay_rate: float = 1.0,
    decay_steps: int = 1000,
) -> Optimizer:
    """L-BFGS with backtracking, see `backtracking_lbfgs`; arguments as those of `adam`.

    The learning rate is the most that a coordinate is moved in a step. For energies that are the same at
    every step: of sampled ones, what a step has won or lost is mostly noise.
    """
    return Optimizer(_build_lbfgs, _checked(learning_rate, clamp, decay_rate, decay_steps))


def fire(
    learning_rate: float = 1e-2,
    *,
    clamp: float | None = None,
    decay_rate: float = 1.0,
    decay_steps: int = 1000,
) -> Optimizer:
    """FIRE, a particle that slides down and is stopped where it goes uphill; arguments as those of `adam`.

    The learning rate is the most that a coordinate is moved in a step; see `nnrep.minimization.fire`.
    """
    return Optimizer(_build_fire, _checked(learning_rate, clamp, decay_rate, decay_steps))


def as_optimizer(optimizer: Optimizer | optax.GradientTransformation) -> Optimizer:
    """An optimiser from any optax transformation, which is compiled as it is.

    Raises:
        ConfigError: the argument is neither.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, optax.GradientTransformation | optax.GradientTransformationExtraArgs):
        return Optimizer(_Fixed(optimizer), ())
    allowed = "nnrep.adam(...), nnrep.sgd(...), nnrep.lbfgs(...), nnrep.fire(...) or an optax transformation"
    raise ConfigError("optimizer", f"must be {allowed}, got {optimizer!r}")


def _checked(
    learning_rate: float, clamp: float | None, decay_rate: float, decay_steps: float
) -> dict[str, float]:
    require(0 < learning_rate < jnp.inf, "learning_rate", "positive", learning_rate)
    require(clamp is None or clamp > 0, "clamp", "positive, or null for none", clamp)
    require(0 < decay_rate <= 1, "decay_rate", "above 0 and at most 1", decay_rate)
    require(decay_steps >= 1, "decay_steps", "at least 1", decay_steps)
    return {
        "learning_rate": float(learning_rate),
        "clamp": float(jnp.inf if clamp is None else clamp),
        "decay_rate": float(decay_rate),
        "decay_steps": float(decay_steps),
    }


def _build_adam(numbers: dict[str, Any]) -> optax.GradientTransformation:
    return optax.chain(optax.clip(numbers["clamp"]), optax.scale_by_adam(), _scale_by_decaying_rate(numbers))


def _build_sgd(numbers: dict[str, Any]) -> optax.GradientTransformation:
    return optax.chain(optax.clip(numbers["clamp"]), _scale_by_decaying_rate(numbers))


def _build_lbfgs(numbers: dict[str, Any]) -> optax.GradientTransformation:
    return optax.chain(optax.clip(numbers["clamp"]), backtracking_lbfgs(partial(_rate, numbers)))


def _build_fire(numbers: dict[str, Any]) -> optax.GradientTransformation:
    return optax.chain(optax.clip(numbers["clamp"]), inertial_relaxation(partial(_rate, numbers)))


def _scale_by_decaying_rate(numbers: dict[str, Any]) -> optax.GradientTransformation:
    return optax.scale_by_schedule(lambda step: -_rate(numbers, step))


def _rate(numbers: dict[str, Any], step: Array) -> Array:
    return numbers["learning_rate"] * numbers["decay_rate"] ** (step / numbers["decay_steps"])


@dataclass(frozen=True)
class _Fixed:
    """Builds the one transformation it was given; equal for one and the same transformation."""

    optimizer: optax.GradientTransformation

    def __call__(self, hyperparameters: Any) -> optax.GradientTransformation:
        return self.optimizer
