"""Energies of one's own with numbers that are traced: one program serves all values of them."""

from collections.abc import Callable
from typing import Any

from jax import Array
from jax.tree_util import Partial


def of_positions(energy: Callable[[Array, Any], Array], parameters: Any) -> Partial:
    """The energy (positions (n, d), parameters) -> scalar as one of the positions.

    Args:
        energy: a pytree, such as a `Partial`; or what this function has made, whose parameters are replaced.
        parameters: any pytree of arrays.
    """
    return Partial(_energy, without_parameters(energy), parameters)


def without_parameters(energy: Callable) -> Callable:
    """The function of which `of_positions` made the energy; any other one as it is."""
    return energy.args[0] if getattr(energy, "func", None) is _energy else energy  # type: ignore[attr-defined]


def _energy(energy: Callable[[Array, Any], Array], parameters: Any, positions: Array) -> Array:
    return energy(positions, parameters)
