"""The Lennard-Jones energy of a cluster, in reduced units: sum over pairs of 4 (r^-12 - r^-6)."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.pairwise import PairTerm

# r^2 below which the pair energy goes on as a straight line in r^2: no minimum has particles as near
# (r = 0.63; the nearest ones of a minimum are 1.0 apart), and random starts stay finite in float32.
CORE = 0.4


def cluster_energy_and_gradient(parameters: tuple[()], positions: Array) -> tuple[Array, Array]:
    """Energy and gradient (n, d) at positions (n, d), all pairs.

    Args:
        parameters: none; energies have parameters.
        positions: in units of sigma; the energy is in units of epsilon.
    """
    # By component: XLA takes the pairs of a row as vectors.
    displacement = [x[:, None] - x[None] for x in positions.T]
    energies, slopes = _pair(sum(x**2 for x in displacement))
    other = ~jnp.eye(len(positions), dtype=bool)
    energies, slopes = jnp.where(other, energies, 0), jnp.where(other, slopes, 0)
    gradient = [2 * jnp.sum(slopes * x, axis=1) for x in displacement]
    return 0.5 * jnp.sum(energies), jnp.stack(gradient, axis=1)


def cluster_terms(parameters: tuple[()], positions: Array) -> dict[str, Array]:
    """The energy by term, of which there is one."""
    return {"lennard_jones": cluster_energy_and_gradient(parameters, positions)[0]}


def cluster_pairs(n: int) -> tuple[PairTerm, ...]:
    """The energy as explicit pairs, n (n - 1) / 2 of them."""
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    return (PairTerm(pairs, 1.0, Partial(lennard_jones)),)


def lennard_jones(squared: Array) -> Array:
    """4 (r^-12 - r^-6) of u = r^2; below `CORE` the tangent there."""
    return _pair(squared)[0]


def _pair(squared: Array) -> tuple[Array, Array]:
    """The pair energy, and its derivative with respect to r^2."""
    u = jnp.maximum(squared, CORE)
    third = 1 / u**3
    slope = -4 * third * (6 * third - 3) / u
    return 4 * third * (third - 1) + jnp.minimum(squared - CORE, 0) * slope, slope
