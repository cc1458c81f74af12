"""`optimizer=fire`: FIRE, the fast inertial relaxation engine, as an optax transformation."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from nnrep.choices.settings import settings
from nnrep.minimization.optimizers.optimizer import Optimizer
from nnrep.minimization.optimizers.rates import Rate, checked_rate, rate_at
from nnrep.minimization.optimizers.settings import OptimizerConfig

N_MIN = 5  # steps downhill before the time step grows
F_INC, F_DEC = 1.1, 0.5  # of the time step, downhill and when stopped
ALPHA_START, F_ALPHA = 0.1, 0.99  # how far the velocity is turned to the gradient, and what is left of that
FIRST = 0.1  # what the first step changes, of the most that a number may change
STIFFEST = 0.3  # square of the time step times curvature up to which it grows; a step is unstable from 4 on
FADING = 0.995  # what is left, a step on, of the largest curvature seen


class FireState(NamedTuple):
    """A particle of unit mass on its way; velocity and time step only as products that need no unit of time.

    Attributes:
        move: velocity times time step: the last change of the parameters.
        gradient: the one before that change.
        rate: () square of the time step; zero before the first gradient other than zero.
        curvature: () largest change of the gradient over that of the parameters; fades.
        alpha: () how far the velocity is turned to the gradient.
        downhill: () steps since the particle was stopped.
        step: () steps so far.
    """

    move: Any
    gradient: Any
    rate: Array
    curvature: Array
    alpha: Array
    downhill: Array
    step: Array


def scale_by_fire(most: Callable[[Array], Array]) -> optax.GradientTransformation:
    """FIRE (Bitzek et al., Phys. Rev. Lett. 97, 170201, 2006), whose time step knows no unit.

    A particle slides down the loss, by semi-implicit Euler, its velocity turned towards the gradient; it is
    stopped where it goes uphill. The first time step follows from the first gradient. In place of the paper's
    largest time step, which a user would have to know, it grows only while the curvature allows: that which
    the last steps have met, from changes of the gradient.

    Args:
        most: step -> the most that a number may change in it; a step is cut to it, and the velocity with it.
    """

    def init(params: Any) -> FireState:
        zero = jnp.zeros((), jnp.result_type(float))
        still = jax.tree.map(jnp.zeros_like, params)
        none = jnp.zeros((), int)
        return FireState(still, still, zero, zero, zero + ALPHA_START, none, none)

    def update(gradient: Any, state: FireState, params: Any = None) -> tuple[Any, FireState]:
        moved = _advanced(gradient, state, most(state.step))
        # Every type is explicit: a loop must be given what it gives back.
        moved = jax.tree.map(lambda old, new: new.astype(old.dtype), state, moved)
        return moved.move, moved

    return optax.GradientTransformation(init, update)


def _advanced(gradient: Any, state: FireState, most: Array) -> FireState:
    """The state after a step."""
    largest, length = _largest(gradient), _length(gradient)
    rate = jnp.where(state.rate > 0, state.rate, FIRST * _ratio(most, largest))
    curvature = jnp.maximum(FADING * state.curvature, _curvature(gradient, state))
    uphill = ~(optax.tree.vdot(_scaled(state.move), _scaled(gradient)) < 0)
    downhill = jnp.where(uphill, 0, state.downhill + 1)
    alpha = jnp.where(downhill > N_MIN, F_ALPHA * state.alpha, state.alpha)
    alpha = jnp.where(uphill, ALPHA_START, alpha)
    grows = (downhill > N_MIN) & (F_INC**2 * rate * curvature < STIFFEST)
    stopped = uphill & (_largest(state.move) > 0)
    factor = jnp.where(grows, F_INC, jnp.where(stopped, F_DEC, 1))
    kept = jnp.where(uphill, 0, factor)
    move = jax.tree.map(lambda u, g: kept * u - factor**2 * rate * g, state.move, gradient)
    turn = alpha * _ratio(_length(move), length)
    move = jax.tree.map(lambda u, g: (1 - alpha) * u - turn * g, move, gradient)
    share = jnp.minimum(1, most / jnp.maximum(_largest(move), jnp.finfo(rate.dtype).tiny))
    # Where steps are cut, a longer time step would win nothing.
    factor = jnp.where(share < 1, jnp.minimum(factor, 1), factor)
    return FireState(
        move=jax.tree.map(lambda u: share * u, move),
        gradient=gradient,
        rate=factor**2 * rate,
        curvature=curvature,
        alpha=alpha,
        downhill=downhill,
        step=state.step + 1,
    )


def _curvature(gradient: Any, state: FireState) -> Array:
    """How much the gradient has changed along the last move, for each unit of it."""
    change = _length(jax.tree.map(jnp.subtract, gradient, state.gradient))
    curvature = _ratio(change, _length(state.move))
    return jnp.where(jnp.isfinite(curvature), curvature, 0)


def _length(tree: Any) -> Array:
    """Euclidean norm, without squares of large or small numbers."""
    return _largest(tree) * optax.tree.norm(_scaled(tree))


def _scaled(tree: Any) -> Any:
    """The tree with 1 for its largest number; zeros stay."""
    largest = _largest(tree)
    return jax.tree.map(lambda leaf: _ratio(leaf, largest), tree)


def _largest(tree: Any) -> Array:
    return jnp.stack([jnp.max(abs(leaf)) for leaf in jax.tree.leaves(tree)]).max()


def _ratio(numerator: Array, denominator: Array) -> Array:
    """A quotient; zero where the denominator is."""
    return jnp.where(denominator > 0, numerator / jnp.where(denominator > 0, denominator, 1), 0)


def fire(learning_rate: Rate = 1e-2) -> Optimizer:
    """FIRE, a particle that slides down and is stopped where it goes uphill; see `scale_by_fire`.

    Args:
        learning_rate: the most that a coordinate is moved in a step; may decay, see `exponential_decay`.

    Raises:
        ConfigError: a number out of range.
    """
    return Optimizer(_build, checked_rate(learning_rate))


def _build(rate: Any) -> optax.GradientTransformation:
    return scale_by_fire(partial(rate_at, rate))


@settings("optimizer/fire")
class FIREConfig(OptimizerConfig):
    """`optimizer=fire`."""

    color, label = "#B21212", "FIRE"
    make = staticmethod(fire)


CHOICE = FIREConfig
