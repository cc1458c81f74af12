"""Lennard-Jones and Coulomb between all pairs, without a cutoff (paper eq 11).

A pair of distance r has the energy a / r^12 - b / r^6 + q / r, with a = 4 epsilon sigma^12,
b = 4 epsilon sigma^6 and q the product of the charges in units where Coulomb's constant is 1; excluded pairs
have zeros, 1-4 pairs numbers of their own.

Units: nm, kJ/mol.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.all_pairs import (
    by_row_blocks,
    row_energy_and_gradient,
    row_sum,
    squared_distances,
    table_energy_and_gradient,
)
from nnrep.energies.arrays import Numbers
from nnrep.energies.padding import padded_size, with_zeros
from nnrep.energies.pairwise import PairTerm

# Below every distance (1e-6 nm) that positions can resolve: excluded atoms may lie on one another, as an
# atom does on itself, and zero times r^-12 must be zero.
SMALLEST_RESOLVED_SQUARE = 1e-12


class PairTable(NamedTuple):
    """Numbers (rows, n) of the pairs of some atoms with all: a, b and q of the module's docstring."""

    repulsion: Numbers
    attraction: Numbers
    charge: Numbers


class Atoms(NamedTuple):
    """What the numbers of pairs follow from; pairs that are exceptions are listed with numbers of their own.

    Attributes:
        half_sigma: (n,) sigma / 2; sigma of a pair is the mean of both.
        root_epsilon: (n,) sqrt(4 epsilon).
        charge: (n,) in units where Coulomb's constant is 1.
        partners: (n, m) each atom's exceptions, padded with the atom itself (which is one).
        exceptions: (n, m) numbers of these pairs.
    """

    half_sigma: Numbers
    root_epsilon: Numbers
    charge: Numbers
    partners: Numbers
    exceptions: PairTable


@jax.jit
def pair_table(atoms: Atoms, rows: Array) -> PairTable:
    """The numbers (r, n) of the pairs of atoms `rows` (r,) with all."""
    partners, row = atoms.partners[rows], jnp.arange(len(rows))[:, None]
    return jax.tree.map(
        lambda values, own: values.at[row, partners].set(own[rows]), _general(atoms, rows), atoms.exceptions
    )


def _general(atoms: Atoms, rows: Numbers) -> PairTable:
    """The same as if there were no exceptions."""
    sixth = (atoms.half_sigma[rows, None] + atoms.half_sigma) ** 6
    attraction = atoms.root_epsilon[rows, None] * atoms.root_epsilon * sixth
    return PairTable(attraction * sixth, attraction, atoms.charge[rows, None] * atoms.charge)


def whole_pair_table(atoms: Atoms) -> PairTable:
    """The numbers (n, n) of all pairs, by NumPy; of NumPy arrays."""
    table = _general(atoms, np.arange(len(atoms.charge)))
    for values, own in zip(table, atoms.exceptions, strict=True):
        np.put_along_axis(values, atoms.partners, own, axis=1)
    return table


def padded_pairs(pairs: PairTable | Atoms, n: int) -> PairTable | Atoms:
    """The pairs of a molecule of n particles after padding, see `nnrep.energies.padding`; NumPy arrays."""
    if isinstance(pairs, PairTable):
        return PairTable(*(with_zeros(values, n, n) for values in pairs))
    partners, own = padded_partners(pairs.partners, n), padded_size(pairs.partners.shape[1])
    return Atoms(
        half_sigma=with_zeros(pairs.half_sigma, n),
        root_epsilon=with_zeros(pairs.root_epsilon, n),
        charge=with_zeros(pairs.charge, n),
        partners=partners,
        # Of an atom with itself, zeros.
        exceptions=PairTable(*(with_zeros(values, n, own) for values in pairs.exceptions)),
    )


def padded_partners(partners: np.ndarray, n: int) -> np.ndarray:
    """Lists (n, m) of partners, one for each particle, filled up with the particle itself."""
    before, width = partners.shape
    whole = np.repeat(np.arange(n)[:, None], padded_size(width), axis=1)
    whole[:before, :width] = partners
    return whole


def pair_terms(pairs: PairTable | Atoms) -> tuple[PairTerm, ...]:
    """All pairs as pair terms of u = r^2: a u^-6 - b u^-3 + q u^-1/2; O(n^2) of them, of NumPy arrays."""
    table = whole_pair_table(pairs) if isinstance(pairs, Atoms) else pairs
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
    inverse = 1 / jnp.maximum(squared, SMALLEST_RESOLVED_SQUARE)
    return jnp.sqrt(inverse), inverse, inverse * inverse * inverse


def pair_energies(table: PairTable, squared: Array) -> tuple[Array, Array]:
    """Lennard-Jones and Coulomb energy of pairs at squared distances, each of the table's shape."""
    inverse_r, _, sixth = inverse_powers(squared)
    return (table.repulsion * sixth - table.attraction) * sixth, table.charge * inverse_r


def _energies(table: PairTable, squared: Array) -> Array:
    lennard_jones, coulomb = pair_energies(table, squared)
    return lennard_jones + coulomb


def pair_slopes(table: PairTable, squared: Array) -> Array:
    """-(dE/dr) / r of pairs: times x_i - x_j it is the force on i."""
    inverse_r, inverse, sixth = inverse_powers(squared)
    lennard_jones = (12 * table.repulsion * sixth - 6 * table.attraction) * sixth
    return (lennard_jones + table.charge * inverse_r) * inverse


def row_energies(pairs: PairTable | Atoms, rows: Array, squared: Array) -> Array:
    """Energies (r, n) of atoms `rows` (r,) with all, at squared distances (r, n)."""
    of_rows = (
        pair_table(pairs, rows) if isinstance(pairs, Atoms) else PairTable(*(each[rows] for each in pairs))
    )
    return _energies(of_rows, squared)


def nonbonded_energies(pairs: PairTable | Atoms, coordinates: Array) -> tuple[Array, Array]:
    """Lennard-Jones and Coulomb energy of all pairs at coordinates (3, n): two scalars."""
    if isinstance(pairs, PairTable):
        parts = pair_energies(pairs, squared_distances(coordinates, coordinates))
        return 0.5 * jnp.sum(parts[0]), 0.5 * jnp.sum(parts[1])

    def of_rows(rows: Array) -> tuple[Array, ...]:
        squared = squared_distances(coordinates[:, rows], coordinates)
        return tuple(map(row_sum, pair_energies(pair_table(pairs, rows), squared)))

    lennard_jones, coulomb = by_row_blocks(of_rows, coordinates.shape[1])
    return 0.5 * jnp.sum(lennard_jones), 0.5 * jnp.sum(coulomb)


def nonbonded_energy_and_gradient(pairs: PairTable | Atoms, coordinates: Array) -> tuple[Array, Array]:
    """Energy, and its gradient (3, n), of all pairs at coordinates (3, n)."""
    if isinstance(pairs, PairTable):
        return table_energy_and_gradient(pairs, _energies, pair_slopes, coordinates)
    return row_energy_and_gradient(partial(pair_table, pairs), _energies, pair_slopes, coordinates)
