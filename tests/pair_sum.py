"""What pair terms stand for, written out: energies are checked against it."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.pairwise import PairTerm, at_positions


def squared_distances(positions: Array, pairs: np.ndarray) -> Array:
    """Squared distances (m,) of the pairs (m, 2) in positions (n, d)."""
    displacement = positions[pairs[:, 0]] - positions[pairs[:, 1]]
    return jnp.sum(displacement**2, axis=-1)


def pair_energy(terms: tuple[PairTerm, ...], positions: Array) -> Array:
    """Sum of the pair terms at positions (n, d): a scalar."""
    energy = jnp.zeros((), positions.dtype)
    for term in at_positions(terms, positions):
        squared = term.stretch * squared_distances(positions, term.pairs)
        energy += jnp.sum(term.weight * term.potential(squared))
    return energy
