"""Radial pair potentials, each a function of the squared distance u = r^2.

Written in u, a smooth potential has no singularity of its derivatives at r = 0, and the block of a
pair's Hessian (paper eq 20) needs no division by r. All quantities are dimensionless.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

# Below every distance that float32 or float64 positions can resolve: it keeps the gradient of sqrt
# finite (zero) for two particles in one place.
SMALLEST_SQUARED_DISTANCE = 1e-30


class PairTerm(NamedTuple):
    """The energy ``sum_p weight_p f(stretch_p |x_i - x_j|^2)`` over pairs p = (i, j).

    Attributes:
        pairs: (m, 2) particle indices, each pair once, i != j.
        weight: scalar or (m,) coefficients.
        potential: f, of the squared distance.
        stretch: scalar or (m,), for a potential in units of each pair's own length.
        at: positions (n, d) -> the term there, where weights, potential and stretches follow from the
            positions of all particles; in its derivatives they are fixed. None: they are those above.
    """

    pairs: np.ndarray
    weight: float | Array
    potential: Callable[[Array], Array]
    stretch: float | Array = 1.0
    at: "Callable[[Array], PairTerm] | None" = None


def at_positions(terms: "tuple[PairTerm, ...]", positions: Array) -> "tuple[PairTerm, ...]":
    """The terms with the numbers that they have at positions (n, d)."""
    return tuple(term if term.at is None else term.at(positions) for term in terms)


def distance(squared: Array) -> Array:
    """r from u = r^2, with gradient zero at u = 0."""
    return jnp.sqrt(jnp.maximum(squared, SMALLEST_SQUARED_DISTANCE))


def harmonic(squared: Array, length: float | Array = 1.0) -> Array:
    """(r - length)^2."""
    return (distance(squared) - length) ** 2


def capped_lennard_jones(squared: Array, cap: float | Array) -> Array:
    """1 / (r^12 + cap) - 1 / (r^6 + 6 cap): Lennard-Jones made finite at r = 0 (paper, appendix)."""
    sixth = squared**3
    return 1 / (sixth**2 + cap) - 1 / (sixth + 6 * cap)


def soft_coulomb(squared: Array, cap: float | Array) -> Array:
    """1 / (r + cap): the weak repulsion between particles without a coupling."""
    return 1 / (distance(squared) + cap)


def soft_12_6(squared: Array, softening: float | Array) -> Array:
    """1 / (x^12 + zeta) - 1 / (x^6 + zeta) of u = x^2: zero at x = 0 and 1, lowest beyond (paper, app. A)."""
    sixth = squared**3
    return 1 / (sixth**2 + softening) - 1 / (sixth + softening)


def soft_6_4(squared: Array, softening: float | Array) -> Array:
    """1 / (x^6 + zeta) - 1 / (x^4 + zeta) of u = x^2: zero at x = 0 and 1, lowest beyond (paper, app. A)."""
    fourth = squared**2
    return 1 / (fourth * squared + softening) - 1 / (fourth + softening)


def capped_lennard_jones_minimum(cap: float) -> tuple[float, float]:
    """Distance and energy of the minimum of `capped_lennard_jones`: 1.1322 and -0.23672 at cap 0.01.

    With s = r^6 the derivative vanishes where (s^2 + cap)^2 = 2 s (s + 6 cap)^2, a quartic in s.
    """
    roots = np.roots([1.0, -2.0, -22.0 * cap, -72.0 * cap**2, cap**2])
    s = roots[(abs(roots.imag) < 1e-9) & (roots.real > 1e-9)].real
    energies = 1 / (s**2 + cap) - 1 / (s + 6 * cap)
    best = np.argmin(energies)
    return float(s[best] ** (1 / 6)), float(energies[best])
