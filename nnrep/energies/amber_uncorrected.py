"""The energy that the paper's public code sums in place of the AMBER force field.

It shares the force field's bonded terms. Its Lennard-Jones sum runs over all ordered pairs: each pair counts
twice, bonded neighbours are not excluded, 1-4 pairs not scaled, and the potential is capped at r = 0. Its
published total (99245.4 kJ/mol for 2JOF) is that of bonded terms and Lennard-Jones alone, to its last digit:
its Coulomb sum, with charges and Coulomb's constant in other units, adds nothing that shows (in kJ/mol
it would be -41605), and so is zero here. Its torsion angles have no sign, which changes nothing for
phases of 0 and pi, all there are in this force field.

Units: nm, rad, kJ/mol.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.all_pairs import (
    MAX_TABLE_ATOMS,
    by_row_blocks,
    row_energy_and_gradient,
    row_sum,
    squared_distances,
)
from nnrep.energies.arrays import Numbers
from nnrep.energies.bonded import (
    Angles,
    Bonds,
    Planes,
    Torsions,
    angle_term,
    bond_terms,
    bonded_energy_and_gradient,
    bonded_terms,
    torsion_term,
)
from nnrep.energies.energy import AllPairs
from nnrep.energies.local import LocalTerm
from nnrep.energies.padded_bonded import padded_bonded
from nnrep.energies.padding import repeated, with_zeros
from nnrep.energies.pairwise import PairTerm, capped_lennard_jones
from nnrep.energies.vectors import components

CAP = 0.01


class UncorrectedParameters(NamedTuple):
    """Parameters of the energy: bonded terms as in `AmberParameters`, and of each atom.

    Attributes:
        bonds, angles, torsions, planes: as in `AmberParameters`.
        half_sigma: (n,) sigma / 2 in nm.
        root_epsilon: (n,) sqrt(4 epsilon).
    """

    bonds: Bonds
    angles: Angles
    torsions: Torsions
    planes: Planes
    half_sigma: Numbers
    root_epsilon: Numbers


def uncorrected_terms(parameters: UncorrectedParameters, positions: Array) -> dict[str, Array]:
    """Energies in kJ/mol by term at positions (n, 3) in nm."""
    terms = bonded_terms(parameters.bonds, parameters.angles, parameters.torsions, positions)
    coordinates = components(positions)
    if len(positions) <= MAX_TABLE_ATOMS:
        lennard_jones = _lennard_jones(parameters, coordinates)
    else:
        lennard_jones = _lennard_jones_by_rows(parameters, coordinates)
    return terms | {"lennard_jones": lennard_jones, "coulomb": jnp.zeros_like(lennard_jones)}


def uncorrected_energy_and_gradient(
    parameters: UncorrectedParameters, positions: Array
) -> tuple[Array, Array]:
    """Energy in kJ/mol and gradient (n, 3) in kJ/mol/nm at positions (n, 3) in nm."""
    coordinates = components(positions)
    bonded, gradient = bonded_energy_and_gradient(parameters.planes, parameters.torsions, coordinates)
    if len(positions) <= MAX_TABLE_ATOMS:
        pairs, pairs_gradient = jax.value_and_grad(_lennard_jones, argnums=1)(parameters, coordinates)
    else:
        table = partial(_table, parameters)
        pairs, pairs_gradient = row_energy_and_gradient(table, _energies, _slopes, coordinates)
    return bonded + pairs, (gradient + pairs_gradient).T


def padded(parameters: UncorrectedParameters, n: int) -> UncorrectedParameters:
    """The parameters of n particles, see `nnrep.energies.padding`; NumPy arrays."""
    return padded_bonded(parameters, n)._replace(
        half_sigma=repeated(parameters.half_sigma, n), root_epsilon=with_zeros(parameters.root_epsilon, n)
    )


def coupling_terms(parameters: UncorrectedParameters) -> tuple[PairTerm, ...]:
    """The energy's terms of two atoms."""
    upper = np.triu_indices(len(parameters.half_sigma), 1)
    sigma, strength = _of_pairs(parameters)
    capped = Partial(capped_lennard_jones, cap=CAP)
    pairs = PairTerm(np.stack(upper, axis=1), 2 * strength[upper], capped, sigma[upper] ** -2)
    return (*bond_terms(parameters.bonds), pairs)


def local_terms(parameters: UncorrectedParameters) -> tuple[LocalTerm, ...]:
    """The energy's terms of three and four atoms."""
    return angle_term(parameters.angles), torsion_term(parameters.torsions)


def bonded_couplings(parameters: UncorrectedParameters) -> tuple[PairTerm, ...]:
    """The energy's terms of two atoms without its pairs."""
    return bond_terms(parameters.bonds)


def pair_row_energies(parameters: UncorrectedParameters, rows: Array, squared: Array) -> Array:
    """Energies (r, n) of the pairs of atoms `rows` (r,) with all, at squared distances (r, n) in nm^2."""
    return _energies(_table(parameters, rows), squared)


class _Table(NamedTuple):
    """Of pairs (r, n): 1 / sigma^2 in nm^-2, and 8 epsilon in kJ/mol, as each counts twice."""

    stretch: Array
    strength: Array


def _table(parameters: UncorrectedParameters, rows: Array) -> _Table:
    half_sigma, root_epsilon = parameters.half_sigma, parameters.root_epsilon
    others = rows[:, None] != jnp.arange(len(half_sigma))  # an atom is no partner of its own
    strength = jnp.where(others, 2 * root_epsilon[rows, None] * root_epsilon, 0)
    return _Table((half_sigma[rows, None] + half_sigma) ** -2, strength)


def _energies(table: _Table, squared: Array) -> Array:
    return table.strength * capped_lennard_jones(squared * table.stretch, CAP)


def _slopes(table: _Table, squared: Array) -> Array:
    """-(dE/dr) / r = -2 dE/du of pairs at u = r^2."""
    return -2 * jax.jvp(partial(_energies, table), (squared,), (jnp.ones_like(squared),))[1]


def _lennard_jones_by_rows(parameters: UncorrectedParameters, coordinates: Array) -> Array:
    def of_rows(rows: Array) -> tuple[Array]:
        squared = squared_distances(coordinates[:, rows], coordinates)
        return (row_sum(_energies(_table(parameters, rows), squared)),)

    return 0.5 * jnp.sum(by_row_blocks(of_rows, coordinates.shape[1])[0])


def _lennard_jones(parameters: UncorrectedParameters, coordinates: Array) -> Array:
    squared = sum((row[:, None] - row) ** 2 for row in coordinates)
    sigma, strength = _of_pairs(parameters)
    # An atom is no partner of its own.
    strength *= 1 - jnp.eye(coordinates.shape[1], dtype=strength.dtype)
    return jnp.sum(strength * capped_lennard_jones(squared / sigma**2, CAP))


def _of_pairs(parameters: UncorrectedParameters) -> tuple[Array, Array]:
    """Sigma (n, n) in nm and 4 epsilon (n, n) in kJ/mol."""
    sigma = parameters.half_sigma[:, None] + parameters.half_sigma
    return sigma, parameters.root_epsilon[:, None] * parameters.root_epsilon


ALL_PAIRS = AllPairs(pair_row_energies, bonded_couplings)
