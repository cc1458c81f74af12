"""What one wants to know of positions beside their energy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.structures.units import ANGSTROM_PER_NM
from nnrep.systems.system import Contacts, System

PIECE_REACH = 1.5  # particles nearer than this many ideal contact distances hang together
TANGLED = 0.5  # of its ideal length: a coupled pair nearer than that is tangled
MIN_CONTACT_FRACTION = 0.5  # of a success
MOST_NEIGHBOURS = 100  # of a particle, on average, whose pairs are listed


def satisfied_fraction(contacts: Contacts | None, positions: np.ndarray, tolerance: float = 0.1) -> float:
    """Share of contacts whose distance is within a tolerance (10 %) of its ideal; NaN if there are none.

    Args:
        contacts: pairs and their ideal distance.
        positions: (n, d).
        tolerance: relative to the ideal distance.
    """
    if contacts is None or len(contacts.pairs) == 0:
        return float("nan")
    distances = distances_of(contacts.pairs, positions)
    return float(np.mean(abs(distances - contacts.length) <= tolerance * contacts.length))


def distances_of(pairs: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Distances (m,) of pairs (m, 2) in positions (n, d)."""
    first, second = pairs.T
    return np.linalg.norm(positions[first] - positions[second], axis=1)


def pieces_of(positions: np.ndarray, reach: float) -> np.ndarray:
    """Sizes of the connected pieces of a cloud of particles, the largest first; see `piece_of_each`."""
    return np.sort(np.bincount(piece_of_each(positions, reach)))[::-1]


def piece_of_each(positions: np.ndarray, reach: float) -> np.ndarray:
    """Number (n,) of the connected piece that each particle belongs to, counted from 0.

    Two particles hang together if they are within reach of each other.

    Args:
        positions: (n, d).
        reach: a distance.
    """
    from scipy.spatial import KDTree  # SciPy takes a third of a second to load, and no step needs it

    n, tree = len(positions), KDTree(positions)
    if tree.count_neighbors(tree, reach) > MOST_NEIGHBOURS * n:
        return _piece_of_each_in_crowd(positions, reach)
    return piece_by_pairs(tree.query_pairs(reach, output_type="ndarray"), n)


def piece_by_pairs(pairs: np.ndarray, n: int) -> np.ndarray:
    """Number (n,) of the piece that each of n particles belongs to, which pairs (m, 2) join."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def _piece_of_each_in_crowd(positions: np.ndarray, reach: float) -> np.ndarray:
    """The same where pairs in reach are too many to list, as in a collapsed chain: each piece from within."""
    from scipy.spatial import KDTree

    piece, count = np.empty(len(positions), int), 0
    left = np.arange(len(positions))
    while len(left):
        shell, left = left[:1], left[1:]
        while len(shell):
            piece[shell] = count
            tree = KDTree(positions[shell])
            distance, _ = tree.query(positions[left], distance_upper_bound=np.nextafter(reach, np.inf))
            in_reach = distance <= reach
            shell, left = left[in_reach], left[~in_reach]
        count += 1
    return piece


def has_failed(
    system: System, positions: np.ndarray, min_contact_fraction: float = MIN_CONTACT_FRACTION
) -> bool:
    """Whether positions (n, d) are none that a minimisation of a chain should end in.

    That is: they are not finite, too few contacts are satisfied, a piece is apart, or a coupled pair is
    tangled: its particles overlap, and no descent separates them.
    """
    if not np.all(np.isfinite(positions)):
        return True
    tangled = any(
        np.any(distances_of(kind.pairs, positions) < TANGLED * kind.length)
        for kind in (system.bonds, system.contacts)
        if kind is not None
    )
    few = satisfied_fraction(system.contacts, positions) < min_contact_fraction
    apart = (
        system.contacts is not None and len(pieces_of(positions, PIECE_REACH * system.contacts.length)) > 1
    )
    return bool(tangled or few or apart)


def rmsd(positions: Array, reference: Array, weights: Array | None = None) -> Array:
    """Root mean square distance after the best superposition by rotation and translation: a scalar.

    The positions are turned and compared, rather than the closed form taken, which cancels in float32.

    Args:
        positions: (n, 3).
        reference: (n, 3), in the same unit.
        weights: (n,) of the particles; None for equal ones.
    """
    return _distance(jnp, superposed(positions, reference, weights), reference, weights)


def rmsd_to_each(positions: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The same (k,) of positions (n, d) to each of k references (k, n, d), by NumPy in double precision."""
    x, y = np.asarray(positions, float), np.asarray(references, float)
    return _distance(np, _superposed(np, x, y, None), y, None)


def _distance(xp: Any, turned: Any, reference: Any, weights: Any) -> Any:
    """Root mean square distance of positions that are superposed to a reference, wherever that lies."""
    centred = reference - _centre(xp, reference, weights)
    squared = xp.sum((turned - centred) ** 2, axis=-1)
    return xp.sqrt(xp.average(squared, axis=-1, weights=weights))


@jax.jit
def superposed(positions: Array, reference: Array, weights: Array | None = None) -> Array:
    """Positions (n, 3), moved to the origin and turned to lie on a reference (n, 3) as well as can be.

    Kabsch, Acta Cryst. A 32, 922 (1976). Reflections are not allowed: mirror images do not superpose.
    Weights (n,) are those of the particles.
    """
    return _superposed(jnp, positions, reference, weights)


def superposed_on_host(
    positions: np.ndarray, reference: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """The same by NumPy, which compiles nothing."""
    return _superposed(np, positions, reference, weights)


def spread_of(positions: np.ndarray) -> float:
    """Standard deviation of coordinates (n, d) about their centre, wherever that lies."""
    return float(np.sqrt(np.mean((positions - positions.mean(axis=0)) ** 2)))


def rmsd_in_place(positions: np.ndarray, references: np.ndarray) -> np.ndarray:
    """RMSD (k,) of positions (m, d) to each of k references (k, m, d), as they are."""
    return np.sqrt(np.mean(np.sum((references - positions) ** 2, axis=2), axis=1))


def laid_on(positions: np.ndarray, reference: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Positions (n, 3), moved and turned so that some of the particles (n,) lie on a reference (n, 3)."""
    weights = which.astype(float)
    return superposed_on_host(positions, reference, weights) + _centre(np, reference, weights)


def _superposed(xp: Any, positions: Any, reference: Any, weights: Any) -> Any:
    """Positions (n, d) laid on a reference (..., n, d), each of any number of them."""
    x = positions - _centre(xp, positions, weights)
    y = reference - _centre(xp, reference, weights)
    u, _, vt = xp.linalg.svd((x if weights is None else weights[:, None] * x).T @ y)
    handedness = xp.where(xp.linalg.det(u) * xp.linalg.det(vt) < 0, -1.0, 1.0)
    one = xp.ones_like(handedness)
    signs = xp.stack([*[one] * (x.shape[-1] - 1), handedness], axis=-1)
    return x @ (u * signs[..., None, :]) @ vt


def _centre(xp: Any, positions: Any, weights: Any) -> Any:
    return xp.average(positions, axis=-2, weights=weights)[..., None, :]


def rmsd_measure(groups: Mapping[str, np.ndarray], reference: Array) -> Partial:
    """positions (n, 3) in nm -> "rmsd_GROUP" -> RMSD in Angstrom, each group of atoms superposed for itself.

    Args:
        groups: name -> atom indices (m,).
        reference: (n, 3) in nm.
    """
    # 1 for the atoms of each group, 0 for others: of one shape whatever the group.
    weights = np.array([np.isin(np.arange(len(reference)), group) for group in groups.values()], float)
    return Partial(_RmsdByGroup(tuple(groups)), on_device(weights), reference)


@dataclass(frozen=True)
class _RmsdByGroup:
    """A dataclass, not a closure: equal ones are one function to JAX, and share a compilation."""

    names: tuple[str, ...]

    def __call__(self, weights: Array, reference: Array, positions: Array) -> dict[str, Array]:
        values = _rmsds(weights, reference, positions)
        return {f"rmsd_{name}": value for name, value in zip(self.names, values, strict=True)}


@jax.jit
def _rmsds(weights: Array, reference: Array, positions: Array) -> list[Array]:
    values = jax.vmap(lambda group: rmsd(positions, reference, group))(weights)
    return [ANGSTROM_PER_NM * values[k] for k in range(len(weights))]


def radius_of_gyration(positions: np.ndarray, masses: np.ndarray) -> float:
    """Root mean square distance from the centre of mass of positions (n, 3), by masses (n,)."""
    centred = positions - np.average(positions, axis=0, weights=masses)
    return float(np.sqrt(np.average(np.sum(centred**2, axis=1), weights=masses)))
