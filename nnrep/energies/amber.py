"""The AMBER force field in vacuum (paper eqs 8-11), without a cutoff or with one: terms, energy, gradient.

Units: nm, rad, kJ/mol, elementary charge.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

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
from nnrep.energies.cutoff import (
    CutoffPairs,
    cutoff_energies,
    cutoff_energy_and_gradient,
    cutoff_pair_terms,
    cutoff_row_energies,
    padded_cutoff_pairs,
)
from nnrep.energies.energy import AllPairs, Energy
from nnrep.energies.local import LocalTerm
from nnrep.energies.nonbonded import (
    Atoms,
    PairTable,
    nonbonded_energies,
    nonbonded_energy_and_gradient,
    padded_pairs,
    pair_terms,
    row_energies,
)
from nnrep.energies.padded_bonded import padded_bonded
from nnrep.energies.pairwise import PairTerm
from nnrep.energies.vectors import components

TERMS = ("bonds", "angles", "torsions", "lennard_jones", "coulomb")


class AmberParameters(NamedTuple):
    """A molecule's parameters, a pytree of arrays: molecules of one shape share a compilation.

    Attributes:
        bonds, angles, torsions: each bonded term.
        planes: of angles and torsions, see `nnrep.energies.planes`.
        pairs: numbers of all pairs, or what they follow from if the molecule is large; or with a cutoff.
    """

    bonds: Bonds
    angles: Angles
    torsions: Torsions
    planes: Planes
    pairs: PairTable | Atoms | CutoffPairs


def amber_energy_and_gradient(parameters: AmberParameters, positions: Array) -> tuple[Array, Array]:
    """Energy in kJ/mol and gradient (n, 3) in kJ/mol/nm at positions (n, 3) in nm."""
    coordinates = components(positions)
    bonded, bonded_gradient = bonded_energy_and_gradient(parameters.planes, parameters.torsions, coordinates)
    # One after the other: the small serial pieces of the bonded terms, run beside the pairs, hold up the
    # threads that share the pairs' large ones.
    coordinates, bonded_gradient = jax.lax.optimization_barrier((coordinates, bonded_gradient))
    nonbonded, nonbonded_gradient = _of_pairs(parameters.pairs, coordinates)
    return bonded + nonbonded, (bonded_gradient + nonbonded_gradient).T


def _of_pairs(pairs: PairTable | Atoms | CutoffPairs, coordinates: Array) -> tuple[Array, Array]:
    if isinstance(pairs, CutoffPairs):
        return cutoff_energy_and_gradient(pairs, coordinates)
    return nonbonded_energy_and_gradient(pairs, coordinates)


def amber_terms(parameters: AmberParameters, positions: Array) -> dict[str, Array]:
    """Energies in kJ/mol by term (`TERMS`) at positions (n, 3) in nm, each by its definition."""
    pairs, coordinates = parameters.pairs, components(positions)
    if isinstance(pairs, CutoffPairs):
        lennard_jones, coulomb = cutoff_energies(pairs, coordinates)
    else:
        lennard_jones, coulomb = nonbonded_energies(pairs, coordinates)
    terms = bonded_terms(parameters.bonds, parameters.angles, parameters.torsions, positions)
    return terms | {"lennard_jones": lennard_jones, "coulomb": coulomb}


def padded(parameters: AmberParameters, n: int) -> AmberParameters:
    """The parameters of n particles, see `nnrep.energies.padding`; NumPy arrays."""
    pairs = parameters.pairs
    of_pairs = padded_cutoff_pairs(pairs, n) if isinstance(pairs, CutoffPairs) else padded_pairs(pairs, n)
    return padded_bonded(parameters, n)._replace(pairs=of_pairs)


def coupling_terms(parameters: AmberParameters) -> tuple[PairTerm, ...]:
    """The energy's terms of two atoms."""
    pairs = parameters.pairs
    of_pairs = cutoff_pair_terms(pairs) if isinstance(pairs, CutoffPairs) else pair_terms(pairs)
    return bonded_couplings(parameters) + of_pairs


def bonded_couplings(parameters: AmberParameters) -> tuple[PairTerm, ...]:
    """The energy's terms of two atoms without its pairs."""
    return bond_terms(parameters.bonds)


def pair_row_energies(parameters: AmberParameters, rows: Array, squared: Array) -> Array:
    """Energies (r, n) of the pairs of atoms `rows` (r,) with all, at squared distances (r, n) in nm^2."""
    pairs = parameters.pairs
    if isinstance(pairs, CutoffPairs):
        return sum(cutoff_row_energies(pairs, rows, squared), jnp.zeros_like(squared))
    return row_energies(pairs, rows, squared)


def local_terms(parameters: AmberParameters) -> tuple[LocalTerm, ...]:
    """The energy's terms of three and four atoms."""
    return angle_term(parameters.angles), torsion_term(parameters.torsions)


ALL_PAIRS = AllPairs(pair_row_energies, bonded_couplings)


def whole_energy(parameters: AmberParameters) -> Energy:
    """The energy of a molecule's parameters (NumPy arrays)."""
    return Energy(
        parameters, amber_energy_and_gradient, amber_terms, coupling_terms, local_terms, padded, ALL_PAIRS
    )
