"""`system.solvent=obc2`: generalised Born (igb=5), as OpenMM's implicit/obc2.xml has it."""

from typing import TYPE_CHECKING

import numpy as np

from nnrep.energies import generalized_born
from nnrep.energies.energy import Energy
from nnrep.systems.solvents.parameters import Shape, atoms_of, born_energy
from nnrep.systems.solvents.solvent import Solvent, SolventOptions

if TYPE_CHECKING:
    import openmm

OFFSET = 0.009  # nm
ALPHA, BETA, GAMMA = 1.0, 0.8, 4.85


def _build(force: "openmm.CustomGBForce", options: SolventOptions) -> Energy:
    atoms = atoms_of(force)
    shape = Shape(*(np.full_like(atoms["or"], value) for value in (ALPHA, BETA, GAMMA)))
    return born_energy(atoms, OFFSET, shape, None, options)


CHOICE = Solvent("implicit/obc2.xml", _build, generalized_born.TERMS)
