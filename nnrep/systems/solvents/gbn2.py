"""`system.solvent=gbn2`: generalised Born with necks (igb=8), as OpenMM's implicit/gbn2.xml has it."""

from typing import TYPE_CHECKING

from nnrep.energies import generalized_born
from nnrep.energies.energy import Energy
from nnrep.systems.solvents.parameters import Shape, atoms_of, born_energy, neck_of
from nnrep.systems.solvents.solvent import Solvent, SolventOptions

if TYPE_CHECKING:
    import openmm

OFFSET, NECK_SCALE = 0.0195141, 0.826836  # nm; of all necks


def _build(force: "openmm.CustomGBForce", options: SolventOptions) -> Energy:
    atoms = atoms_of(force)
    shape = Shape(atoms["alpha"], atoms["beta"], atoms["gamma"])
    return born_energy(atoms, OFFSET, shape, neck_of(force, atoms["radindex"], NECK_SCALE), options)


CHOICE = Solvent("implicit/gbn2.xml", _build, generalized_born.TERMS)
