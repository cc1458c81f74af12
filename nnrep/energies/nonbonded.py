"""Lennard-Jones and Coulomb between all pairs, without a cutoff (paper eq 11).

A pair of distance r has the energy a / r^12 - b / r^6 + q / r, with a = 4 epsilon sigma^12,
b = 4 epsilon sigma^6 and q the product of the charges in units where Coulomb's constant is 1; excluded pairs
have zeros, 1-4 pairs numbers of their own. Small systems keep these numbers for every pair; large ones
compute them row block by row block, so that memory stays linear in the atoms.

Units: nm, kJ/mol.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.pairwise import PairTerm

# Below every distance (1e-6 nm) that positions can resolve: excluded atoms may lie on one another, as an
# atom does on itself, and zero times r^-12 must be zero.
SMALLEST_SQUARED_DISTANCE = 1e-12

MAX_TABLE_ATOMS = 2000  # tables of 48 MB in float32; beyond, the pairs' numbers are computed on the way
TABLE_BLOCK = 240
ROW_BLOCK = 64  # rows of a large system that are evaluated at a time


class PairTable(NamedTuple):
    """Numbers (rows, n) of the pairs of some atoms with all: a, b and q of the module's docstring."""

    repulsion: Array
    attraction: Array
    charge: Array


class Atoms(NamedTuple):
    """What the numbers of pairs follow from; pairs that are exceptions are listed with numbers of their own.

    Attributes:
        half_sigma: (n,) sigma / 2; sigma of a pair is the mean of both.
        root_epsilon: (n,) sqrt(4 epsilon).
        charge: (n,) in units where Coulomb's constant is 1.
        partners: (n, m) each atom's exceptions, padded with the atom itself (which is one).
        exceptions: (n, m) numbers of these pairs.
    """

    half_sigma: Array
    root_epsilon: Array
    charge: Array
    partners: Array
    exceptions: PairTable


@jax.jit
def pair_table(atoms: Atoms, rows: Array) -> PairTable:
    """The numbers (r, n) of the pairs of atoms `rows` (r,) with all."""
    sixth = (atoms.half_sigma[rows, None] + atoms.half_sigma) ** 6
    attraction = atoms.root_epsilon[rows, None] * atoms.root_epsilon * sixth
    general = PairTable(attraction * sixth, attraction, atoms.charge[rows, None] * atoms.charge)
    partners, row = atoms.partners[rows], jnp.arange(len(rows))[:, None]
    return jax.tree.map(
        lambda values, own: values.at[row, partners].set(own[rows]), general, atoms.exceptions
    )


def pair_terms(pairs: PairTable | Atoms) -> tuple[PairTerm, ...]:
    """All pairs as pair terms of u = r^2: a u^-6 - b u^-3 + q u^-1/2; O(n^2) of them."""
    table = pair_table(pairs, jnp.arange(len(pairs.charge))) if isinstance(pairs, Atoms) else pairs
    upper = np.triu_indices(len(table.charge), 1)
    indices = np.stack(upper, axis=1)
    return (
        PairTerm(indices, table.repulsion[upper], _inverse_twelfth),
        PairTerm(indices, -table.attraction[upper], _inverse_sixth),
        PairTerm(indices, table.charge[upper], _inverse),
    )


# Functions of the module: new ones at every call of `pair_terms` would compile the backbone anew.


def _inverse_twelfth(squared: Array) -> Array:
    return squared**-6


def _inverse_sixth(squared: Array) -> Array:
    return squared**-3


def _inverse(squared: Array) -> Array:
    return squared**-0.5


def inverse_powers(squared: Array) -> tuple[Array, Array, Array]:
    """r^-1, r^-2 and r^-6 from u = r^2."""
    inverse = 1 / jnp.maximum(squared, SMALLEST_SQUARED_DISTANCE)
    return jnp.sqrt(inverse), inverse, inverse * inverse * inverse


def pair_energies(table: PairTable, squared: Array) -> tuple[Array, Array]:
    """Lennard-Jones and Coulomb energy of pairs at squared distances, each of the table's shape."""
    inverse_r, _, sixth = inverse_powers(squared)
    return (table.repulsion * sixth - table.attraction) * sixth, table.charge * inverse_r


def _energies(table: PairTable, squared: Array) -> Array:
    lennard_jones, coulomb = pair_energies(table, squared)
    return lennard_jones + coulomb


def _slopes(table: PairTable, squared: Array) -> Array:
    """-(dE/dr) / r of pairs: times x_i - x_j it is the force on i."""
    inverse_r, inverse, sixth = inverse_powers(squared)
    lennard_jones = (12 * table.repulsion * sixth - 6 * table.attraction) * sixth
    return (lennard_jones + table.charge * inverse_r) * inverse


def nonbonded_energies(pairs: PairTable | Atoms, coordinates: Array) -> tuple[Array, Array]:
    """Lennard-Jones and Coulomb energy of all pairs at coordinates (3, n): two scalars."""
    if isinstance(pairs, PairTable):
        parts = pair_energies(pairs, _squared(coordinates, coordinates))
        return 0.5 * jnp.sum(parts[0]), 0.5 * jnp.sum(parts[1])

    def of_rows(rows: Array) -> tuple[Array, ...]:
        return _row_sums(*pair_energies(pair_table(pairs, rows), _squared(coordinates[:, rows], coordinates)))

    lennard_jones, coulomb = _by_row_blocks(of_rows, coordinates.shape[1])
    return 0.5 * jnp.sum(lennard_jones), 0.5 * jnp.sum(coulomb)


def nonbonded_energy_and_gradient(pairs: PairTable | Atoms, coordinates: Array) -> tuple[Array, Array]:
    """Energy, and its gradient (3, n), of all pairs at coordinates (3, n)."""
    if isinstance(pairs, PairTable):
        return _upper_triangle(pairs, coordinates)
    with_ones = _with_ones(coordinates)

    def of_rows(rows: Array) -> tuple[Array, Array]:
        table, squared = pair_table(pairs, rows), _squared(coordinates[:, rows], coordinates)
        energies = _row_sums(_energies(table, squared))[0]
        return energies, _slopes(table, squared) @ with_ones.T

    energies, sums = _by_row_blocks(of_rows, coordinates.shape[1])
    return 0.5 * jnp.sum(energies), _gradient(coordinates, sums.T)


def _upper_triangle(table: PairTable, coordinates: Array) -> tuple[Array, Array]:
    """Blocks of rows against the columns from their own first atom on: nearly every pair but once.

    Energies and slopes are two passes, each of which XLA fuses from coordinates to one matrix; as one
    pass it would keep half a dozen matrices. The barrier keeps XLA from merging them, and where the energy
    is not asked for its pass is left out.
    """
    n = coordinates.shape[1]
    again = jax.lax.optimization_barrier(coordinates)
    with_ones = _with_ones(coordinates)
    energy = jnp.zeros((), coordinates.dtype)
    sums = jnp.zeros_like(with_ones)
    for first in range(0, n, TABLE_BLOCK):
        last = min(first + TABLE_BLOCK, n)
        size = last - first
        block = PairTable(*(values[first:last, first:] for values in table))
        energies = _energies(block, _squared(again[:, first:last], again[:, first:]))
        # The block on the diagonal has its pairs twice.
        once = jnp.where(jnp.arange(n - first) < size, 0.5, 1.0).astype(energies.dtype)
        energy += jnp.sum(energies @ once)
        slopes = _slopes(block, _squared(coordinates[:, first:last], coordinates[:, first:]))
        on_columns = with_ones[:, first:last] @ slopes
        on_rows = (slopes[:, size:] @ with_ones[:, last:].T).T
        sums += jnp.pad(on_columns, ((0, 0), (first, 0))) + jnp.pad(on_rows, ((0, 0), (first, n - last)))
    return energy, _gradient(coordinates, sums)


def _by_row_blocks(of_rows: Callable[[Array], tuple[Array, ...]], n: int) -> tuple[Array, ...]:
    """Results (n, ...) for all rows, from a function of row indices that is given a few at a time."""
    blocks = -(-n // ROW_BLOCK)
    # The last block is filled up with the last row, whose repetitions are dropped.
    rows = jnp.minimum(jnp.arange(blocks * ROW_BLOCK), n - 1).reshape(blocks, ROW_BLOCK)
    results = jax.lax.map(of_rows, rows)
    return jax.tree.map(lambda values: values.reshape(-1, *values.shape[2:])[:n], results)


def _squared(rows: Array, columns: Array) -> Array:
    """Squared distances (r, c) between coordinates (3, r) and (3, c)."""
    x, y, z = (rows[k][:, None] - columns[k] for k in range(3))
    return x * x + y * y + z * z


def _with_ones(coordinates: Array) -> Array:
    """Coordinates (3, n) and a row of ones: times slopes, sums over partners j of slope x_j and of slope."""
    return jnp.concatenate([coordinates, jnp.ones((1, coordinates.shape[1]), coordinates.dtype)])


def _gradient(coordinates: Array, sums: Array) -> Array:
    """-sum_j slope_ij (x_i - x_j), from the sums (4, n) over j of slope x_j and of slope."""
    return sums[:3] - coordinates * sums[3]


def _row_sums(*parts: Array) -> tuple[Array, ...]:
    """Sums over columns, as products with ones: XLA sums the operand of a fused jnp.sum one by one."""
    return tuple(part @ jnp.ones(part.shape[1], part.dtype) for part in parts)
