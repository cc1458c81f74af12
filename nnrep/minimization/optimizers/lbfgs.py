"""`optimizer=lbfgs`: L-BFGS with backtracking, one evaluation of energy and gradient a step."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from nnrep.choices.settings import settings
from nnrep.minimization.optimizers.optimizer import Lowest, Optimizer
from nnrep.minimization.optimizers.rates import Rate, checked_rate, rate_at
from nnrep.minimization.optimizers.settings import OptimizerConfig

MEMORY = 10  # pairs of steps and changes of the gradient that are kept
ARMIJO = 1e-4  # share of the fall that the slope promises, that a step must keep
SHORTEST, LONGEST = 0.1, 0.5  # what is left of a step that went too far
ROUNDING = 8  # units in the last place by which an energy may rise unseen


class LbfgsState(NamedTuple):
    """Where the search stands: on the way from an origin along a direction.

    Attributes:
        inner: optax's memory of accepted points.
        origin: the last accepted point; its loss is infinite before the first evaluation.
        direction: the whole step from there.
        share: () of it that was taken.
        slope: () derivative of the loss along the direction.
        step: () evaluations so far.
    """

    inner: Any
    origin: Lowest
    direction: Any
    share: Array
    slope: Array
    step: Array


def scale_by_backtracking_lbfgs(
    most: Callable[[Array], Array], memory: int = MEMORY
) -> optax.GradientTransformationExtraArgs:
    """L-BFGS (Liu and Nocedal, Math. Program. 45, 503, 1989) that goes back where the loss has not fallen.

    A step that falls short of Armijo's condition is shortened by interpolation, at the next evaluation; only
    accepted points enter the memory. A direction that goes uphill gives way to the gradient.

    Args:
        most: step -> the most that a number may change in it.
        memory: of L-BFGS.

    Returns:
        A transformation whose `update` wants the loss as `value`.
    """
    inner = optax.scale_by_lbfgs(memory)

    def init(params: Any) -> LbfgsState:
        zero = jnp.zeros((), jnp.result_type(float))
        still = jax.tree.map(jnp.zeros_like, params)
        nowhere = Lowest(params, zero + jnp.inf)
        return LbfgsState(inner.init(params), nowhere, still, zero, zero, jnp.zeros((), int))

    def update(
        gradient: Any, state: LbfgsState, params: Any, *, value: Array, **more: Any
    ) -> tuple[Any, LbfgsState]:
        onward = _accepted(inner, most(state.step), gradient, state, params, value)
        back = state._replace(share=_shortened(state, value), step=state.step + 1)
        falls = ARMIJO * state.share * state.slope
        unseen = ROUNDING * jnp.finfo(value.dtype).eps * abs(value)
        fine = value <= state.origin.value + falls + unseen
        state = jax.tree.map(lambda ours, theirs: jnp.where(fine, ours, theirs), onward, back)
        target = jax.tree.map(lambda x, d: x + state.share * d, state.origin.params, state.direction)
        return jax.tree.map(jnp.subtract, target, params), state

    return optax.GradientTransformationExtraArgs(init, update)


def _accepted(
    inner: optax.GradientTransformation,
    most: Array,
    gradient: Any,
    state: LbfgsState,
    params: Any,
    value: Array,
) -> LbfgsState:
    """The state after taking the parameters for the new origin: a whole step lies ahead."""
    ascent, memory = inner.update(gradient, state.inner, params)
    uphill = ~(optax.tree.vdot(ascent, gradient) > 0)
    ascent = jax.tree.map(lambda ours, plain: jnp.where(uphill, plain, ours), ascent, gradient)
    largest = jnp.stack([jnp.max(abs(leaf)) for leaf in jax.tree.leaves(ascent)]).max()
    factor = -jnp.minimum(1, most / jnp.maximum(largest, jnp.finfo(largest.dtype).tiny))
    direction = jax.tree.map(lambda leaf: factor * leaf, ascent)
    return LbfgsState(
        inner=memory,
        origin=Lowest(params, value.astype(state.origin.value.dtype)),
        direction=direction,
        share=jnp.ones_like(state.share),
        slope=optax.tree.vdot(gradient, direction).astype(state.slope.dtype),
        step=state.step + 1,
    )


def _shortened(state: LbfgsState, value: Array) -> Array:
    """The share at the minimum of the parabola through origin, slope and value; kept within bounds."""
    promised = state.share * state.slope
    share = -promised * state.share / (2 * (value - state.origin.value - promised))
    share = jnp.clip(share, SHORTEST * state.share, LONGEST * state.share)
    return jnp.where(jnp.isfinite(share), share, SHORTEST * state.share)


def lbfgs(learning_rate: Rate = 1e-2) -> Optimizer:
    """L-BFGS with backtracking, see `scale_by_backtracking_lbfgs`.

    For energies that are the same at every step: of sampled ones, what a step wins is mostly noise.

    Args:
        learning_rate: the most that a coordinate is moved in a step; may decay, see `exponential_decay`.

    Raises:
        ConfigError: a number out of range.
    """
    return Optimizer(_build, checked_rate(learning_rate))


def _build(rate: Any) -> optax.GradientTransformation:
    return scale_by_backtracking_lbfgs(partial(rate_at, rate))


@settings("optimizer/lbfgs")
class LBFGSConfig(OptimizerConfig):
    """`optimizer=lbfgs`."""

    color, label = "#1212B2", "L-BFGS"
    make = staticmethod(lbfgs)


CHOICE = LBFGSConfig
