"""The exact energy of positions, evaluated afresh."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from nnrep.host.compilation import QUICKLY
from nnrep.host.stored import stored


@stored(compiler_options=QUICKLY)
def evaluate(energy: Partial, positions: Array, particles: int) -> tuple[Array, Array]:
    """Exact energy and RMS gradient component at positions (n, d), of so many particles: two scalars."""
    value, gradient = jax.value_and_grad(energy)(positions)
    return value, rms(gradient, particles)


def rms(forces: Array, particles: Array | int) -> Array:
    """Root mean square of the components (n, d) of forces on so many particles; dummies have none."""
    return jnp.sqrt(jnp.sum(forces**2) / (particles * forces.shape[1]))
