"""The energy of a molecule in a generalised Born solvent, of the force that OpenMM has for it."""

from typing import TYPE_CHECKING

import numpy as np

from nnrep.energies import generalized_born
from nnrep.energies.born_radii import Spheres
from nnrep.energies.energy import Energy
from nnrep.energies.generalized_born import BornParameters, Dielectric
from nnrep.systems.solvents.parameters import Born, born_of
from nnrep.systems.solvents.solvent import SolventOptions, Surface

if TYPE_CHECKING:
    import openmm


def with_options(force: "openmm.CustomGBForce", options: SolventOptions) -> Energy:
    """The energy of a force with other dielectric constants, salt and surface than its own."""
    born = born_of(force)
    assert born is not None
    changed = born._replace(
        solute=options.solute_dielectric,
        solvent=options.solvent_dielectric,
        kappa=options.kappa,
        tension=born.tension if options.surface is Surface.ace else 0.0,
    )
    return born_energy(changed)


def born_energy(born: Born) -> Energy:
    """The energy of a solvent, with NumPy arrays."""
    radius = born.inner + born.offset
    parameters = BornParameters(
        charge=np.sqrt(born.coulomb) * born.charge,
        surface=born.tension * (radius + born.probe) ** 2 * radius**6,
        dielectric=Dielectric(
            np.asarray(1 / born.solute),
            np.asarray(1 / born.solvent),
            np.asarray(born.kappa) if born.kappa > 0 else None,
        ),
        spheres=Spheres(
            radius,
            born.inner,
            born.reach,
            *born.shape,
            neck=born.neck,
            within=np.asarray(1.0) if born.within else None,
        ),
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
