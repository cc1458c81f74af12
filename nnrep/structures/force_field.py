"""A molecule's OpenMM system: AMBER14 without constraints and without a cutoff."""

import hashlib
from functools import cache

import openmm
from openmm import app

from nnrep.structures import store
from nnrep.structures.molecule import Molecule

FORCE_FIELD = "amber14-all.xml"
KIND = "vacuum"  # in the store
VERSION = 1  # raise it where the same molecule comes to have another system


@cache
def force_field(*more: str) -> app.ForceField:
    """OpenMM's force field `amber14-all.xml` (proteins: ff14SB), and further files, of a solvent."""
    return app.ForceField(FORCE_FIELD, *more)


def vacuum_system(topology: app.Topology) -> openmm.System:
    """The OpenMM system of a topology in vacuum: all bonds flexible, all pairs within reach.

    Raises:
        ValueError: OpenMM's, naming a residue that the force field does not know.
    """
    return force_field().createSystem(
        topology, nonbondedMethod=app.NoCutoff, constraints=None, rigidWater=False, removeCMMotion=False
    )


def stored_vacuum_system(molecule: Molecule) -> openmm.System:
    """The same of a molecule, made once and then taken from the store, which spares reading the force field.

    A molecule that comes with its parameters has its own.

    Raises:
        ValueError: as for `vacuum_system`.
    """
    if molecule.system is not None:
        return openmm.XmlSerializer.deserialize(molecule.system)
    parts = (VERSION, openmm.version.full_version, molecule.hash)
    key = hashlib.sha256(repr(parts).encode()).hexdigest()
    text = store.load(KIND, key, store.XML)
    if text is None:
        text = openmm.XmlSerializer.serialize(vacuum_system(molecule.topology))
        store.save(KIND, key, text, store.XML)
    return openmm.XmlSerializer.deserialize(text)
