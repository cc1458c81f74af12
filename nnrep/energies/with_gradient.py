"""Energies whose gradient is known in closed form."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero

from nnrep.energies.products import EXACT, with_exact_products

Energy = Callable[[Any, Array], Array]
EnergyAndGradient = Callable[[Any, Array], tuple[Array, Array]]

CLOSED_FORM = "energy_and_gradient"  # the attribute of an energy that has the function


@cache
def energy_with(energy_and_gradient: EnergyAndGradient) -> Energy:
    """The energy (parameters, positions (n, d)) -> scalar, of which JAX takes the given gradient (n, d).

    It is traced once for all programs of one shape that call it.

    The derivative of the energy is the gradient as it is given, and higher ones are derivatives of the
    gradient's own code; derivatives with respect to the parameters raise TypeError. One and the same function
    gives one and the same energy, so that programs are shared.
    """

    compiled = jax.jit(with_exact_products(energy_and_gradient))

    @jax.custom_jvp
    def energy(parameters: Any, positions: Array) -> Array:
        return compiled(parameters, positions)[0]

    def derivative(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
        of_parameters, direction = tangents
        if not all(isinstance(leaf, SymbolicZero) for leaf in jax.tree.leaves(of_parameters)):
            raise TypeError("this energy has derivatives with respect to positions only")
        value, gradient = compiled(*primals)
        if isinstance(direction, SymbolicZero):
            return value, jnp.zeros_like(value)
        return value, jnp.vdot(gradient, direction, precision=EXACT)

    energy.defjvp(derivative, symbolic_zeros=True)
    setattr(energy, CLOSED_FORM, energy_and_gradient)
    return energy


def closed_form(energy: Any) -> EnergyAndGradient | None:
    """The function that `energy_with` made an energy of; None for any other one."""
    return getattr(energy, CLOSED_FORM, None)
