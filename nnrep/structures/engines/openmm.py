"""OpenMM's own system, as `XmlSerializer` writes it; atoms, residues and names are those of the positions."""

from collections.abc import Sequence
from pathlib import Path

import openmm
from openmm import app

from nnrep.errors import ConfigError
from nnrep.structures.engines.coordinates import Coordinates
from nnrep.structures.engines.engine import Engine, Given
from nnrep.structures.force_field import check_by_openmm


def _read(topology: Path, parameters: Sequence[Path], coordinates: Coordinates) -> Given:
    system = openmm.XmlSerializer.deserialize(topology.read_text())
    if not isinstance(system, openmm.System):
        raise ValueError(f"holds a {type(system).__name__}, and must hold a System")
    atoms = coordinates.topology
    if atoms is None:
        reason = f"must be a structure with names (.pdb, .cif) beside {topology.name}, got {coordinates.path}"
        raise ConfigError("system.coordinates", reason)
    if system.getNumParticles() == atoms.getNumAtoms():
        check_by_openmm(system)  # before its indices are taken for atoms
        _add_bonds(atoms, system)
    box = f"{topology.name} has a periodic box" if system.usesPeriodicBoundaryConditions() else ""
    return Given(atoms, system, box)


def _add_bonds(topology: app.Topology, system: openmm.System) -> None:
    """The bonds of the forces, which a structure has of common residues only.

    Bonds of atoms that an angle has at its outer are left out, as Urey-Bradley terms, but in rings of three.
    """
    angles = [
        force.getAngleParameters(index)[:3]
        for force in system.getForces()
        if isinstance(force, openmm.HarmonicAngleForce)
        for index in range(force.getNumAngles())
    ]
    outer = {frozenset((i, k)) for i, _, k in angles}
    in_rings = {frozenset((i, k)) for i, j, k in angles if {frozenset((i, j)), frozenset((j, k))} <= outer}
    outer -= in_rings
    held = [system.getConstraintParameters(index)[:2] for index in range(system.getNumConstraints())]
    for force in system.getForces():
        if isinstance(force, openmm.HarmonicBondForce):
            held += [force.getBondParameters(index)[:2] for index in range(force.getNumBonds())]
    atoms = list(topology.atoms())
    known = outer | {frozenset((one.index, other.index)) for one, other in topology.bonds()}
    for i, j in held:
        if (pair := frozenset((i, j))) not in known:
            known.add(pair)
            topology.addBond(atoms[i], atoms[j])


CHOICE = Engine((".xml",), "OpenMM's system", _read, has_names=False)
