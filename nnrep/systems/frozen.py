"""Particles that never move: functions of positions see them where they stand, and maps leave them there.

An energy that is pinned in this way has no forces on them, and its Hessian neither rows nor columns.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial


class Pins(NamedTuple):
    """Which particles stand where.

    Attributes:
        frozen: (n, 1) whether a particle is frozen.
        positions: (n, d) where the frozen ones stand; others are of no interest.
    """

    frozen: Array
    positions: Array


def placed(pins: Pins, positions: Array) -> Array:
    """Positions (n, d) with the frozen particles where they stand."""
    return jnp.where(pins.frozen, pins.positions, positions)


def pinned_input(function: Callable, pins: Pins | None) -> Partial:
    """A function of positions first of all, which sees the frozen particles in their places."""
    own: Partial = released(function)
    return own if pins is None else Partial(_of_placed, own, pins)


def pinned_output(function: Callable, pins: Pins | None) -> Partial:
    """A function that gives positions, with the frozen particles put in their places."""
    own: Partial = released(function)
    return own if pins is None else Partial(_placed_output, own, pins)


def released(function: Any) -> Any:
    """The function that was pinned; any other one, or None, as it is."""
    return function.args[0] if getattr(function, "func", None) in (_of_placed, _placed_output) else function


def _of_placed(function: Partial, pins: Pins, positions: Array, *more: Any) -> Any:
    return function(placed(pins, positions), *more)


def _placed_output(function: Partial, pins: Pins, *arguments: Any) -> Array:
    return placed(pins, function(*arguments))
