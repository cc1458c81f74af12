"""A molecule's OpenMM system: AMBER14 without constraints and without a cutoff."""

from functools import cache

import openmm
from openmm import app

FORCE_FIELD = "amber14-all.xml"


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
