"""The classical energy of the paper's appendix A (figures 7 to 9), after Ceci et al. (2007).

E = k_b sum (r - r0)^2 + k_a sum (theta - theta0)^2 + eps_vdW sum V_12,6(r / s_vdW) + eps_H sum V_6,4(r / s_H)
+ eps_hp sum V_6,4(r / s_hp), with V_p,q(x) = 1 / (x^p + zeta) - 1 / (x^q + zeta). There are no torsions and
no charges.

Units: nm, rad, kJ/mol.
"""

from typing import NamedTuple

import jax
import numpy as np
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
)
from nnrep.energies.energy import AllPairs
from nnrep.energies.local import LocalTerm
from nnrep.energies.padded_bonded import padded_bonded
from nnrep.energies.pairwise import PairTerm
from nnrep.energies.soft_pairs import (
    KINDS,
    SoftPairs,
    padded_soft,
    pair_terms,
    row_energies,
    soft_energies,
    soft_energy_and_gradient,
)
from nnrep.energies.vectors import components

TERMS = ("bonds", "angles", *KINDS)


class ClassicalParameters(NamedTuple):
    """A molecule's parameters, a pytree of arrays: molecules of one shape share a compilation.

    Attributes:
        bonds, angles: each bonded term; their stiffness is twice the strength, k_b or k_a.
        planes: of the angles, see `nnrep.energies.planes`.
        soft: the pairs.
    """

    bonds: Bonds
    angles: Angles
    planes: Planes
    soft: SoftPairs


def no_torsions(bonds: Bonds) -> Torsions:
    """For the bonded terms of a molecule without any, in the precision of its bonds."""
    dtype = bonds.length.dtype
    nothing = np.zeros((1, 0), dtype)
    return Torsions(np.zeros((0, 4), np.int32), np.zeros(0, dtype), nothing, nothing)


def classical_energy_and_gradient(parameters: ClassicalParameters, positions: Array) -> tuple[Array, Array]:
    """Energy in kJ/mol and gradient (n, 3) in kJ/mol/nm at positions (n, 3) in nm."""
    coordinates = components(positions)
    torsions = no_torsions(parameters.bonds)
    bonded, bonded_gradient = bonded_energy_and_gradient(parameters.planes, torsions, coordinates)
    # As in `amber_energy_and_gradient`.
    coordinates, bonded_gradient = jax.lax.optimization_barrier((coordinates, bonded_gradient))
    soft, soft_gradient = soft_energy_and_gradient(parameters.soft, coordinates)
    return bonded + soft, (bonded_gradient + soft_gradient).T


def classical_terms(parameters: ClassicalParameters, positions: Array) -> dict[str, Array]:
    """Energies in kJ/mol by term (`TERMS`) at positions (n, 3) in nm, each by its definition."""
    bonds, angles = parameters.bonds, parameters.angles
    terms = bonded_terms(bonds, angles, no_torsions(bonds), positions)
    pairs = soft_energies(parameters.soft, components(positions))
    return {name: terms[name] for name in ("bonds", "angles")} | dict(zip(KINDS, pairs, strict=True))


def padded(parameters: ClassicalParameters, n: int) -> ClassicalParameters:
    """The parameters of n particles, see `nnrep.energies.padding`; NumPy arrays."""
    return padded_bonded(parameters, n)._replace(soft=padded_soft(parameters.soft, n))


def pair_row_energies(parameters: ClassicalParameters, rows: Array, squared: Array) -> Array:
    """Energies (r, n) of the pairs of atoms `rows` (r,) with all, at squared distances (r, n) in nm^2."""
    return row_energies(parameters.soft, rows, squared)


def bonded_couplings(parameters: ClassicalParameters) -> tuple[PairTerm, ...]:
    """The energy's terms of two atoms without its pairs."""
    return bond_terms(parameters.bonds)


def coupling_terms(parameters: ClassicalParameters) -> tuple[PairTerm, ...]:
    """The energy's terms of two atoms."""
    return bond_terms(parameters.bonds) + pair_terms(parameters.soft)


def local_terms(parameters: ClassicalParameters) -> tuple[LocalTerm, ...]:
    """The energy's terms of three atoms."""
    return (angle_term(parameters.angles),)


ALL_PAIRS = AllPairs(pair_row_energies, bonded_couplings)
