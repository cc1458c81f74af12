"""CMAP: the energy of two torsions that share three atoms, a periodic bicubic spline through a map.

A map has energies on a grid of both angles. Its slopes at the nodes are those of periodic cubic splines along
each angle, and each cell is the bicubic polynomial of values and slopes at its corners (as in OpenMM's
CMAPTorsionForce, and A. D. MacKerell, M. Feig and C. L. Brooks, J. Comput. Chem. 25, 1400 (2004)).

Units: nm, rad, kJ/mol.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.arrays import Numbers
from nnrep.energies.bonded import torsion_angle, torsion_pull
from nnrep.energies.energy import Energy
from nnrep.energies.local import LocalTerm, local_energy
from nnrep.energies.padding import padded_terms, repeated, with_zeros
from nnrep.energies.pairwise import PairTerm

TERM = "cmap"
SHARE = 0.16  # of pairs of torsions for each particle, at most: one a residue, and glycine has seven atoms


class Cmaps(NamedTuple):
    """Pairs of torsions, each with a map.

    Attributes:
        quintuples: (m, 5) atoms i, j, k, l, m; the torsions are those of ijkl and of jklm.
        kind: (m,) the map of each.
        strength: (m,) 1, or 0 for one that is none.
        nodes: (maps, N, N, 4) of each map at (2 pi a/N, 2 pi b/N): energy, its slopes along the first and
            the second angle, and the slope along both; all per step of the grid.
    """

    quintuples: Numbers
    kind: Numbers
    strength: Numbers
    nodes: Numbers


def nodes_of(maps: np.ndarray) -> np.ndarray:
    """Nodes (maps, N, N, 4), see `Cmaps`, from the energies (maps, N, N) at angles 2 pi a/N and 2 pi b/N."""
    from scipy.interpolate import CubicSpline  # few molecules have maps

    def slopes(values: np.ndarray, axis: int) -> np.ndarray:
        first = np.take(values, [0], axis)
        whole = np.concatenate([values, first], axis)
        spline = CubicSpline(np.arange(whole.shape[axis]), whole, axis, bc_type="periodic")
        return spline(np.arange(values.shape[axis]), 1)

    along_first = slopes(maps, 1)
    return np.stack([maps, along_first, slopes(maps, 2), slopes(along_first, 2)], axis=-1)


def cmap_energy(parameters: Cmaps) -> Energy:
    """The energy of pairs of torsions (NumPy arrays)."""
    return Energy(parameters, _energy_and_gradient, _terms, _couplings, _local_terms, _padded)


def _energy_and_gradient(cmaps: Cmaps, positions: Array) -> tuple[Array, Array]:
    """The corners of each pair's cell alone are gathered."""
    x = positions[cmaps.quintuples]
    cells, steps = jax.vmap(_place, (0, None))(x, cmaps.nodes.shape[1])
    corners = _corners(cmaps.nodes, cmaps.kind[:, None, None], cells)
    energies, slopes = jax.vmap(_in_cell)(corners, steps)
    slopes *= cmaps.strength[:, None] * cmaps.nodes.shape[1] / (2 * jnp.pi)
    pulls = jax.vmap(_pull)(x, slopes)
    return jnp.sum(cmaps.strength * energies), jnp.zeros_like(positions).at[cmaps.quintuples].add(pulls)


def _terms(cmaps: Cmaps, positions: Array) -> dict[str, Array]:
    return {TERM: local_energy(_term(cmaps), positions)}


def _couplings(cmaps: Cmaps) -> tuple[PairTerm, ...]:
    return ()


def _local_terms(cmaps: Cmaps) -> tuple[LocalTerm, ...]:
    return (_term(cmaps),)


def _term(cmaps: Cmaps) -> LocalTerm:
    parameters = (cmaps.strength, cmaps.nodes[cmaps.kind])
    return LocalTerm(cmaps.quintuples, parameters, _potential, _gradient)


def _potential(x: Array, parameters: tuple[Array, Array]) -> Array:
    strength, nodes = parameters
    cell, steps = _place(x, len(nodes))
    energy, _ = _in_cell(_corners(nodes[None], 0, cell), steps)
    return strength * energy


def _gradient(x: Array, parameters: tuple[Array, Array]) -> Array:
    strength, nodes = parameters
    cell, steps = _place(x, len(nodes))
    _, slopes = _in_cell(_corners(nodes[None], 0, cell), steps)
    return _pull(x, strength * len(nodes) / (2 * jnp.pi) * slopes)


def _place(x: Array, size: int) -> tuple[Array, Array]:
    """The cell (2,) of the two torsions of five atoms (5, 3), and their places (2,) in it, from 0 to 1."""
    angles = jnp.stack([torsion_angle(x[:4]), torsion_angle(x[1:])])
    steps = angles * (size / (2 * jnp.pi))
    cell = jnp.floor(steps)
    return cell.astype(int) % size, steps - jax.lax.stop_gradient(cell)


def _corners(nodes: Array, kind: Array | int, cells: Array) -> Array:
    """Nodes (..., 2, 2, 4) at the corners of cells (..., 2)."""
    size = nodes.shape[1]
    first = (cells[..., 0, None] + jnp.arange(2)) % size
    second = (cells[..., 1, None] + jnp.arange(2)) % size
    return nodes[kind, first[..., :, None], second[..., None, :]]


def _in_cell(corners: Array, steps: Array) -> tuple[Array, Array]:
    """Energy and its slopes (2,) per step, within a cell of nodes (2, 2, 4): of cubic Hermite functions."""
    (first, first_slope), (second, second_slope) = (_hermite(step) for step in steps)
    # (of the node's energy or slope along the first angle, corner, ...) to the nodes' order of numbers
    numbers = corners.reshape(2, 2, 2, 2)  # corner, corner, slope along the second, slope along the first

    def total(one: Array, other: Array) -> Array:
        return jnp.einsum("abqp,pa,qb->", numbers, one, other)

    slopes = jnp.stack([total(first_slope, second), total(first, second_slope)])
    return total(first, second), slopes


def _hermite(t: Array) -> tuple[Array, Array]:
    """Cubic functions (2, 2) of t in [0, 1], and their slopes: of the values at 0 and 1; of the slopes."""
    values = jnp.stack([(1 + 2 * t) * (1 - t) ** 2, t**2 * (3 - 2 * t)])
    slopes = jnp.stack([t * (1 - t) ** 2, t**2 * (t - 1)])
    of_values = jnp.stack([6 * t * (t - 1), 6 * t * (1 - t)])
    of_slopes = jnp.stack([(1 - t) * (1 - 3 * t), t * (3 * t - 2)])
    return jnp.stack([values, slopes]), jnp.stack([of_values, of_slopes])


def _pull(x: Array, slopes: Array) -> Array:
    """Gradient (5, 3) of a function of both torsions, from its slopes (2,) along the angles."""
    first, second = torsion_pull(x[:4], slopes[0]), torsion_pull(x[1:], slopes[1])
    return jnp.pad(first, ((0, 1), (0, 0))) + jnp.pad(second, ((1, 0), (0, 0)))


def _padded(cmaps: Cmaps, n: int) -> Cmaps:
    count = padded_terms(len(cmaps.kind), SHARE, n)
    return Cmaps(
        repeated(cmaps.quintuples, count),
        repeated(cmaps.kind, count),
        with_zeros(cmaps.strength, count),
        cmaps.nodes,
    )
