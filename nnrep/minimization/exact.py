"""The exact energy of positions, evaluated afresh; of systems that have it, in double precision.

In single precision a sum is uncertain by 1e-6 of the sizes of its terms, which is much where they cancel.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.host.compilation import QUICKLY
from nnrep.host.stored import stored
from nnrep.systems.system import System


class Exact(NamedTuple):
    """The exact energy of a configuration, and the root mean square of its gradient's components."""

    energy: np.ndarray
    gradient_rms: np.ndarray


def evaluate(system: System, positions: np.ndarray | Array) -> Exact:
    """Energy and gradient of a system at positions (n, d), dummies included: two scalars."""
    if system.exact is None:
        return Exact(*map(np.asarray, _evaluate(system.energy, positions, system.n_free)))
    with jax.enable_x64(True):
        energy, whole = system.exact_energy, np.asarray(positions, np.float64)
        return Exact(*map(np.asarray, _evaluate(energy, whole, system.n_free)))


@stored(compiler_options=QUICKLY)
def _evaluate(energy: Partial, positions: Array, particles: int) -> tuple[Array, Array]:
    value, gradient = jax.value_and_grad(energy)(positions)
    return value, rms(gradient, particles)


def rms(forces: Array, particles: Array | int) -> Array:
    """Root mean square of the components (n, d) of forces on so many particles; the others, frozen ones and
    dummies, have none."""
    return jnp.sqrt(jnp.sum(forces**2) / (particles * forces.shape[1]))
