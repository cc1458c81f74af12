"""A molecule's parameters in a generalised Born solvent, read from OpenMM's force into NumPy arrays."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnrep.energies import generalized_born
from nnrep.energies.all_pairs import MAX_TABLE_ATOMS
from nnrep.energies.born_radii import NeckKinds, NeckTable, Spheres
from nnrep.energies.energy import Energy
from nnrep.energies.generalized_born import BornParameters, Dielectric
from nnrep.systems.solvents.solvent import SolventOptions, Surface

if TYPE_CHECKING:
    import openmm

# Coulomb's constant in kJ nm / mol / e^2, as OpenMM's formulas of these solvents have it.
COULOMB = 138.935485
# Of ACE's term of the surface, 4 pi sigma (rho + probe)^2 (rho / B)^6: 4 pi sigma in kJ/mol/nm^2, and the
# probe's radius in nm.
TENSION, PROBE = 28.3919551, 0.14


class Shape(NamedTuple):
    """How a Born radius follows from the sum over other atoms, see `Spheres`: each (n,)."""

    alpha: np.ndarray
    beta: np.ndarray
    gamma: np.ndarray


def atoms_of(force: "openmm.CustomGBForce") -> dict[str, np.ndarray]:
    """The atoms' parameters (n,) by their names in OpenMM's formulas."""
    rows = [force.getParticleParameters(index) for index in range(force.getNumParticles())]
    names = [force.getPerParticleParameterName(index) for index in range(force.getNumPerParticleParameters())]
    return dict(zip(names, np.array(rows, float).reshape(-1, len(names)).T, strict=True))


def neck_of(force: "openmm.CustomGBForce", kind: np.ndarray, scale: float) -> NeckTable | NeckKinds:
    """The necks of a force that has their tables.

    Args:
        force: with the functions `getm0` and `getd0` of two kinds of atoms.
        kind: (n,) of the atoms.
        scale: of all necks.
    """
    tables = {}
    for index in range(force.getNumTabulatedFunctions()):
        width, height, values = force.getTabulatedFunction(index).getFunctionParameters()
        # The first kind counts fastest.
        tables[force.getTabulatedFunctionName(index)] = np.array(values).reshape(height, width).T
    depth, distance = scale * tables["getm0"], tables["getd0"]
    kind = kind.astype(int)
    if len(kind) > MAX_TABLE_ATOMS:
        return NeckKinds(depth, distance, kind)
    pairs = np.ix_(kind, kind)
    return NeckTable(depth[pairs], distance[pairs])


def born_energy(
    atoms: dict[str, np.ndarray],
    offset: float,
    shape: Shape,
    neck: NeckTable | NeckKinds | None,
    options: SolventOptions,
) -> Energy:
    """The energy of a solvent.

    Args:
        atoms: charge in e, inner radius `or` and reach `sr` in nm, each (n,).
        offset: of the inner radius from the radius, in nm.
        shape: of the Born radii.
        neck: the necks; None for a model without.
        options: dielectric constants, salt and surface.
    """
    radius = atoms["or"] + offset
    surface = TENSION * (radius + PROBE) ** 2 * radius**6
    parameters = BornParameters(
        charge=np.sqrt(COULOMB) * atoms["charge"],
        surface=surface if options.surface is Surface.ace else np.zeros_like(surface),
        dielectric=Dielectric(
            np.asarray(1 / options.solute_dielectric),
            np.asarray(1 / options.solvent_dielectric),
            np.asarray(options.kappa) if options.kappa > 0 else None,
        ),
        spheres=Spheres(radius, atoms["or"], atoms["sr"], shape.alpha, shape.beta, shape.gamma, neck),
    )
    return Energy(
        parameters,
        generalized_born.born_energy_and_gradient,
        generalized_born.born_terms,
        generalized_born.coupling_terms,
        generalized_born.local_terms,
        generalized_born.padded,
        generalized_born.ALL_PAIRS,
    )
