"""Energies whose minima are known, for the tests of optimisers."""

import jax.numpy as jnp
import numpy as np

SCALES = jnp.asarray(10.0 ** np.linspace(-2, 2, 12)).reshape(4, 3)  # a condition of 10^4


def valley(x):
    """A quadratic of widely different curvatures; minimum -3 at 1."""
    return jnp.sum(SCALES * (x - 1) ** 2) - 3


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def well(x):
    """Not convex: the curvature is negative at the start."""
    return jnp.sum(-jnp.exp(-(x**2) / 2) + 1e-3 * x**2)


ENERGIES = {"valley": (valley, -3.0, 0.0), "rosenbrock": (rosenbrock, 0.0, -0.5), "well": (well, -12.0, 2.0)}
