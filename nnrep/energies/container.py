"""A container: a harmonic wall about the centre of mass, E = 1/2 k sum_i max(0, |x_i - c| - R)^2.

Clusters evaporate at every temperature, given time and space. Simulations hold them in a sphere about their
centre of mass (Lee, Barker, Abraham, J. Chem. Phys. 58, 3166, 1973), which may be soft (Neirotti, Calvo,
Freeman, Doll, J. Chem. Phys. 112, 10340, 2000).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.arrays import Numbers
from nnrep.energies.energy import Energy

TERM = "container"


class Container(NamedTuple):
    """A sphere.

    Attributes:
        radius: () of the space without force.
        stiffness: () k, energy per squared length.
        share: (n, 1) of each particle in the centre of mass; 0 for those that it does not hold.
    """

    radius: Numbers
    stiffness: Numbers
    share: Numbers


def container(radius: float, stiffness: float, masses: np.ndarray) -> Energy:
    """The energy of particles in a container; its one term is `container`.

    Args:
        radius: of the space without force.
        stiffness: energy per squared length.
        masses: (n,) of the particles, in any unit; 0 for those that it does not hold.
    """
    share = np.asarray(masses, float)[:, None] / np.sum(masses)
    numbers = Container(np.asarray(float(radius)), np.asarray(float(stiffness)), share)
    return Energy(numbers, _energy_and_gradient, _terms, bounded=True)


def _energy_and_gradient(parameters: Container, positions: Array) -> tuple[Array, Array]:
    radius, stiffness, share = parameters
    from_centre = positions - jnp.sum(share * positions, axis=0)
    squared = jnp.sum(from_centre**2, axis=1, keepdims=True)
    distance = jnp.sqrt(jnp.maximum(squared, (0.5 * radius) ** 2))  # at the centre it has no derivative
    beyond = jnp.where(share > 0, jnp.maximum(distance - radius, 0), 0)
    pull = stiffness * beyond / jnp.maximum(distance, radius) * from_centre
    return 0.5 * stiffness * jnp.sum(beyond**2), pull - share * jnp.sum(pull, axis=0)


def _terms(parameters: Container, positions: Array) -> dict[str, Array]:
    return {TERM: _energy_and_gradient(parameters, positions)[0]}
