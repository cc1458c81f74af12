"""The AMBER force field in vacuum, without a cutoff (paper eqs 8-11): terms, energy, gradient.

Units: nm, rad, kJ/mol, elementary charge.
"""

from typing import NamedTuple

import jax
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
    padded_bonded,
    torsion_term,
)
from nnrep.energies.local import LocalTerm
from nnrep.energies.nonbonded import (
    Atoms,
    PairTable,
    nonbonded_energies,
    nonbonded_energy_and_gradient,
    padded_pairs,
    pair_terms,
)
from nnrep.energies.pairwise import PairTerm
from nnrep.energies.vectors import components
from nnrep.energies.with_gradient import energy_with

TERMS = ("bonds", "angles", "torsions", "lennard_jones", "coulomb")


class AmberParameters(NamedTuple):
    """A molecule's parameters, a pytree of arrays: molecules of one shape share a compilation.

    Attributes:
        bonds, angles, torsions: each bonded term.
        planes: of angles and torsions, see `planes_of`.
        pairs: numbers of all pairs, or what they follow from if the molecule is large.
    """

    bonds: Bonds
    angles: Angles
    torsions: Torsions
    planes: Planes
    pairs: PairTable | Atoms


def amber_energy_and_gradient(parameters: AmberParameters, positions: Array) -> tuple[Array, Array]:
    """Energy in kJ/mol and gradient (n, 3) in kJ/mol/nm at positions (n, 3) in nm."""
    coordinates = components(positions)
    bonded, bonded_gradient = bonded_energy_and_gradient(parameters.planes, parameters.torsions, coordinates)
    # One after the other: the small serial pieces of the bonded terms, run beside the pairs, hold up the
    # threads that share the pairs' large ones.
    coordinates, bonded_gradient = jax.lax.optimization_barrier((coordinates, bonded_gradient))
    nonbonded, nonbonded_gradient = nonbonded_energy_and_gradient(parameters.pairs, coordinates)
    return bonded + nonbonded, (bonded_gradient + nonbonded_gradient).T


# Energy in kJ/mol of (parameters, positions (n, 3) in nm), differentiable in the positions.
amber_energy = energy_with(amber_energy_and_gradient)


def amber_terms(parameters: AmberParameters, positions: Array) -> dict[str, Array]:
    """Energies in kJ/mol by term (`TERMS`) at positions (n, 3) in nm, each by its definition."""
    lennard_jones, coulomb = nonbonded_energies(parameters.pairs, components(positions))
    terms = bonded_terms(parameters.bonds, parameters.angles, parameters.torsions, positions)
    return terms | {"lennard_jones": lennard_jones, "coulomb": coulomb}


def padded(parameters: AmberParameters, n: int) -> AmberParameters:
    """The parameters of n particles, see `nnrep.energies.padding`; NumPy arrays."""
    return padded_bonded(parameters, n)._replace(pairs=padded_pairs(parameters.pairs, n))


def coupling_terms(parameters: AmberParameters) -> tuple[PairTerm, ...]:
    """The energy's terms of two atoms."""
    return bond_terms(parameters.bonds) + pair_terms(parameters.pairs)


def local_terms(parameters: AmberParameters) -> tuple[LocalTerm, ...]:
    """The energy's terms of three and four atoms."""
    return angle_term(parameters.angles), torsion_term(parameters.torsions)
