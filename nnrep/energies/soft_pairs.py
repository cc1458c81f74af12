"""The softened pair potentials of the classical energy: van der Waals, hydrogen bonds, hydrophobic contacts.

A pair has an energy eps V(r / s) for each kind, V being `soft_12_6` or `soft_6_4`: finite everywhere, so that
chains can pass through one another. What a pair has of a kind is kept as 1 / s^2; zero is a pair without
it, as V(0) = 0.

Units: nm, kJ/mol.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.all_pairs import (
    by_row_blocks,
    row_energy_and_gradient,
    row_sum,
    squared_distances,
    table_energy_and_gradient,
)
from nnrep.energies.arrays import Numbers
from nnrep.energies.nonbonded import padded_partners
from nnrep.energies.padding import with_zeros
from nnrep.energies.pairwise import PairTerm, soft_6_4, soft_12_6

KINDS = ("van_der_waals", "hydrogen_bonds", "hydrophobic")


class SoftTable(NamedTuple):
    """1 / s^2 (rows, n) of the pairs of some atoms with all, for each kind; zero for pairs without it."""

    van_der_waals: Numbers
    hydrogen_bonds: Numbers
    hydrophobic: Numbers


class SoftAtoms(NamedTuple):
    """What the lengths s of pairs follow from.

    Attributes:
        radius: (n,) van der Waals radii a; s of a pair is their sum.
        donor: (n,) 1 for a hydrogen that can be given to a hydrogen bond, else 0.
        acceptor: (n,) 1 for an atom that can take one, else 0.
        hydrogen_bond_length: s of a donor with an acceptor.
        hydrophobic_radius: (n,) c; s is the sum of both, and where it is zero there is no contact.
        partners: (n, m) atoms with which an atom has no pair, itself first; padded with itself.
    """

    radius: Numbers
    donor: Numbers
    acceptor: Numbers
    hydrogen_bond_length: Numbers
    hydrophobic_radius: Numbers
    partners: Numbers


class SoftPairs(NamedTuple):
    """All pairs of a molecule.

    Attributes:
        pairs: their lengths, or what they follow from if the molecule is large.
        van_der_waals, hydrogen_bonds, hydrophobic: strengths eps.
        softening: zeta.
    """

    pairs: SoftTable | SoftAtoms
    van_der_waals: Numbers
    hydrogen_bonds: Numbers
    hydrophobic: Numbers
    softening: Numbers


@jax.jit
def soft_table(atoms: SoftAtoms, rows: Array) -> SoftTable:
    """The table (r, n) of the pairs of atoms `rows` (r,) with all."""
    row = jnp.arange(len(rows))[:, None]
    return jax.tree.map(lambda values: values.at[row, atoms.partners[rows]].set(0), _general(atoms, rows))


def _general(atoms: SoftAtoms, rows: Numbers) -> SoftTable:
    """The same as if no pairs were left out."""
    given = atoms.donor[rows, None] * atoms.acceptor + atoms.acceptor[rows, None] * atoms.donor
    contact = atoms.hydrophobic_radius[rows, None] + atoms.hydrophobic_radius
    return SoftTable(
        (atoms.radius[rows, None] + atoms.radius) ** -2,
        given * atoms.hydrogen_bond_length**-2,
        (contact > 0) / (contact + (contact <= 0)) ** 2,  # zero where there is none
    )


def whole_table(pairs: SoftTable | SoftAtoms) -> SoftTable:
    """The table (n, n) of all pairs, by NumPy; of NumPy arrays."""
    if isinstance(pairs, SoftTable):
        return pairs
    table = _general(pairs, np.arange(len(pairs.radius)))
    for values in table:
        np.put_along_axis(values, pairs.partners, 0, axis=1)
    return table


def padded_soft(soft: SoftPairs, n: int) -> SoftPairs:
    """The pairs of a molecule of n particles after padding, see `nnrep.energies.padding`; NumPy arrays."""
    pairs = soft.pairs
    if isinstance(pairs, SoftTable):
        return soft._replace(pairs=SoftTable(*(with_zeros(values, n, n) for values in pairs)))
    far = np.full(n - len(pairs.radius), np.inf)  # a length of which 1 / s^2 is zero
    return soft._replace(
        pairs=SoftAtoms(
            radius=np.concatenate([pairs.radius, far]),
            donor=with_zeros(pairs.donor, n),
            acceptor=with_zeros(pairs.acceptor, n),
            hydrogen_bond_length=pairs.hydrogen_bond_length,
            hydrophobic_radius=np.concatenate([pairs.hydrophobic_radius, far]),
            partners=padded_partners(pairs.partners, n),
        )
    )


def pair_energies(soft: SoftPairs, table: SoftTable, squared: Array) -> tuple[Array, Array, Array]:
    """Energies of the three kinds of pairs at squared distances, each of the table's shape."""
    zeta = soft.softening
    return (
        soft.van_der_waals * soft_12_6(table.van_der_waals * squared, zeta),
        soft.hydrogen_bonds * soft_6_4(table.hydrogen_bonds * squared, zeta),
        soft.hydrophobic * soft_6_4(table.hydrophobic * squared, zeta),
    )


def _energies(soft: SoftPairs, table: SoftTable, squared: Array) -> Array:
    return sum(pair_energies(soft, table, squared), jnp.zeros_like(squared))


def _slopes(soft: SoftPairs, table: SoftTable, squared: Array) -> Array:
    """-(dE/dr) / r = -2 dE/du of pairs at u = r^2."""
    _, slope = jax.jvp(partial(_energies, soft, table), (squared,), (jnp.ones_like(squared),))
    return -2 * slope


def row_energies(soft: SoftPairs, rows: Array, squared: Array) -> Array:
    """Energies (r, n) of all kinds, of atoms `rows` (r,) with all, at squared distances (r, n)."""
    pairs = soft.pairs
    of_rows = (
        soft_table(pairs, rows)
        if isinstance(pairs, SoftAtoms)
        else SoftTable(*(each[rows] for each in pairs))
    )
    return _energies(soft, of_rows, squared)


def soft_energies(soft: SoftPairs, coordinates: Array) -> tuple[Array, ...]:
    """Energies of the three kinds at coordinates (3, n): scalars."""
    if isinstance(soft.pairs, SoftTable):
        parts = pair_energies(soft, soft.pairs, squared_distances(coordinates, coordinates))
        return tuple(0.5 * jnp.sum(part) for part in parts)
    atoms = soft.pairs

    def of_rows(rows: Array) -> tuple[Array, ...]:
        squared = squared_distances(coordinates[:, rows], coordinates)
        return tuple(map(row_sum, pair_energies(soft, soft_table(atoms, rows), squared)))

    return tuple(0.5 * jnp.sum(part) for part in by_row_blocks(of_rows, coordinates.shape[1]))


def soft_energy_and_gradient(soft: SoftPairs, coordinates: Array) -> tuple[Array, Array]:
    """Energy, and its gradient (3, n), of all pairs at coordinates (3, n)."""
    energies, slopes = partial(_energies, soft), partial(_slopes, soft)
    if isinstance(soft.pairs, SoftTable):
        return table_energy_and_gradient(soft.pairs, energies, slopes, coordinates)
    return row_energy_and_gradient(partial(soft_table, soft.pairs), energies, slopes, coordinates)


def pair_terms(soft: SoftPairs) -> tuple[PairTerm, ...]:
    """All pairs as pair terms, a kind each; O(n^2) of them."""
    table = whole_table(soft.pairs)
    upper = np.triu_indices(len(table.van_der_waals), 1)
    pairs = np.stack(upper, axis=1)
    functions = (soft_12_6, soft_6_4, soft_6_4)
    return tuple(
        PairTerm(
            pairs,
            getattr(soft, name),
            Partial(function, softening=soft.softening),
            getattr(table, name)[upper],
        )
        for name, function in zip(KINDS, functions, strict=True)
    )
