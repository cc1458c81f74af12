"""`Optimizer`: an optax transformation whose numbers are traced, so that a sweep over them compiles once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from nnrep.errors import AsCode, ConfigError, is_number, require


class Optimizer(NamedTuple):
    """An optax transformation, and the numbers from which it is built inside the compiled loop.

    Attributes:
        build: hyperparameters -> transformation; static, compared by equality.
        hyperparameters: a pytree of numbers; traced.
    """

    build: Callable[[Any], optax.GradientTransformation]
    hyperparameters: Any


class Lowest(NamedTuple):
    """A point and its loss. As a part of an optimiser's state, its stage ends there rather than higher.

    Attributes:
        params: what is moved.
        value: () the loss there.
    """

    params: Any
    value: Array


def lowest_of(state: Any) -> Lowest | None:
    """The lowest point that an optimiser's state remembers, the outermost optimiser's first; None of most."""
    leaves = jax.tree.leaves(state, is_leaf=lambda leaf: isinstance(leaf, Lowest))
    return next((leaf for leaf in leaves if isinstance(leaf, Lowest)), None)


def chain(*optimizers: Optimizer) -> Optimizer:
    """Optimisers one after the other, as `optax.chain` has them: ``chain(clamp(0.1), adam(1e-2))``."""
    allowed = "one or several of nnrep's optimisers; optax.chain takes those of optax"
    usable = optimizers and all(isinstance(each, Optimizer) for each in optimizers)
    require(bool(usable), "chain", allowed, AsCode(optimizers))
    builds = tuple(optimizer.build for optimizer in optimizers)
    return Optimizer(_Chain(builds), tuple(optimizer.hyperparameters for optimizer in optimizers))


def clamp(limit: float) -> Optimizer:
    """Gradients clamped elementwise to [-limit, limit]; infinity leaves them as they are.

    Raises:
        ConfigError: the limit is not positive.
    """
    require(is_number(limit) and limit > 0, "clamp", "positive, or null for none", AsCode(limit))
    return Optimizer(_clip, float(limit))


def as_optimizer(optimizer: Optimizer | optax.GradientTransformation) -> Optimizer:
    """An optimiser from any optax transformation, which is compiled as it is.

    Raises:
        ConfigError: the argument is neither.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, optax.GradientTransformation | optax.GradientTransformationExtraArgs):
        return Optimizer(_Fixed(optimizer), ())
    allowed = "an optimiser of nnrep, such as nnrep.adam(1e-2), or an optax transformation"
    raise ConfigError("optimizer", f"must be {allowed}, got {AsCode(optimizer)}")


def _clip(limit: Any) -> optax.GradientTransformation:
    return optax.clip(limit)


@dataclass(frozen=True)
class _Chain:
    """Builds several transformations; equal for the same ones."""

    builds: tuple[Callable[[Any], optax.GradientTransformation], ...]

    def __call__(self, hyperparameters: tuple[Any, ...]) -> optax.GradientTransformation:
        parts = (build(own) for build, own in zip(self.builds, hyperparameters, strict=True))
        return optax.chain(*parts)


@dataclass(frozen=True)
class _Fixed:
    """Builds the one transformation it was given; equal for one and the same transformation."""

    optimizer: optax.GradientTransformation

    def __call__(self, hyperparameters: Any) -> optax.GradientTransformation:
        return self.optimizer


def no_clamp() -> float:
    """The limit that clamps nothing."""
    return float(jnp.inf)
