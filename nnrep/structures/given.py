"""From files of another engine to a molecule that can be computed, with an OpenMM system of its own."""

import hashlib
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

import numpy as np
import openmm
from openmm import app

from nnrep.errors import ConfigError
from nnrep.structures.engines.coordinates import Coordinates, check_atoms, read_coordinates
from nnrep.structures.engines.engine import Given, reading
from nnrep.structures.engines.registry import ENGINES
from nnrep.structures.force_field import check_by_openmm
from nnrep.structures.molecule import Molecule
from nnrep.structures.residues import CLOSEST_ATOMS
from nnrep.structures.units import ANGSTROM_PER_NM
from nnrep.structures.write import pdb_text

TOPOLOGY, COORDINATES = "system.topology", "system.coordinates"
# Forces of dynamics, which have no energy.
WITHOUT_ENERGY = {
    "CMMotionRemover",
    "AndersenThermostat",
    "MonteCarloBarostat",
    "MonteCarloAnisotropicBarostat",
    "MonteCarloMembraneBarostat",
    "MonteCarloFlexibleBarostat",
}
# Forces of pairs, which a box may cut.
PAIRS = (openmm.NonbondedForce, openmm.CustomNonbondedForce, openmm.GBSAOBCForce, openmm.CustomGBForce)


class Box(Enum):
    """What happens to a periodic box: the molecule is refused, or computed alone, with all pairs."""

    refuse = "refuse"
    drop = "drop"


class Constraints(Enum):
    """What happens to distances that are held: refused, or released to springs."""

    refuse = "refuse"
    release = "release"


def given_molecule(
    engine: str,
    topology: Path,
    coordinates: Path,
    parameters: Sequence[Path],
    box: Box,
    constraints: Constraints,
    stiffness: float,
) -> Molecule:
    """A molecule as the files of another engine have it.

    Args:
        engine: a name of `ENGINES`.
        topology: its file of the topology.
        coordinates: a file of positions.
        parameters: files of parameters, of an engine that has them apart.
        box: what happens to a periodic box.
        constraints: what happens to constraints.
        stiffness: of a spring in the place of a constraint, in kJ/mol/nm^2.

    Raises:
        ConfigError: naming key and file: a file cannot be read, the files do not fit one another, or there is
            something in them that is not computed.
    """
    chosen = ENGINES[engine]
    placed = read_coordinates(coordinates, COORDINATES)
    with reading(TOPOLOGY, topology, chosen.title):
        given = chosen.read(topology, parameters, placed)
    count = given.system.getNumParticles()
    if count != given.topology.getNumAtoms():
        atoms = given.topology.getNumAtoms()
        raise ConfigError(TOPOLOGY, f"{topology}: has {count} particles, {coordinates} has {atoms} atoms")
    with reading(TOPOLOGY, topology, chosen.title):
        check_by_openmm(given.system)
    check_atoms(placed, given.topology, COORDINATES, topology.name)
    _check_particles(given, topology)
    _check_overlaps(given.topology, placed, COORDINATES)
    _without_dynamics(given.system)
    _without_box(given, placed, topology, box)
    _without_constraints(given, topology, constraints, stiffness)
    named_by = topology if chosen.has_names else coordinates
    xml = openmm.XmlSerializer.serialize(given.system)
    name = named_by.name.partition(".")[0]
    text = _text(given.topology, placed.positions, xml, str(coordinates))
    return Molecule(name, f"{topology.name}, {coordinates.name}", text, given.topology, placed.positions, xml)


def positions_in(path: Path, molecule: Molecule, key: str) -> np.ndarray:
    """Positions (n, 3) in nm of a molecule's atoms in another file, in its order.

    Raises:
        ConfigError: naming the key: the file cannot be read, or is of another molecule, or two atoms are in
            one place.
    """
    coordinates = read_coordinates(path, key)
    check_atoms(coordinates, molecule.topology, key, molecule.name)
    _check_overlaps(molecule.topology, coordinates, key)
    return coordinates.positions


def _text(topology: app.Topology, positions: np.ndarray, xml: str, where: str) -> str:
    """The structure as PDB text, which knows all that the molecule is made from by a hash."""
    content = hashlib.sha256(xml.encode() + np.ascontiguousarray(positions).tobytes()).hexdigest()
    return f"REMARK   positions and forces: sha256 {content}\n" + pdb_text(topology, positions, where)


def _check_overlaps(topology: app.Topology, placed: Coordinates, key: str) -> None:
    from scipy.spatial import cKDTree  # NumPy alone is quick to load

    pairs = cKDTree(ANGSTROM_PER_NM * placed.positions).query_pairs(CLOSEST_ATOMS)
    if pairs:
        atoms = list(topology.atoms())
        one, other = (f"{_called(atoms[index])}" for index in min(pairs))
        reason = f"{placed.path}: {one} and {other} are on top of each other; mend the file"
        raise ConfigError(key, reason)


def _called(atom: app.topology.Atom) -> str:
    return f"atom {atom.index + 1} ({atom.name} of {atom.residue.name} {atom.residue.id})"


def _check_particles(given: Given, where: Path) -> None:
    """No virtual sites, and no particles without mass, which OpenMM holds where they are."""
    atoms = list(given.topology.atoms())
    for index, atom in enumerate(atoms):
        if given.system.isVirtualSite(index):
            what = "is a virtual site, which is not computed; take a model without such sites"
            raise ConfigError(TOPOLOGY, f"{where}: {_called(atom)} {what}")
        if given.system.getParticleMass(index)._value == 0:
            what = "has no mass, by which OpenMM holds it in its place; give it its mass"
            raise ConfigError(TOPOLOGY, f"{where}: {_called(atom)} {what}")


def _without_dynamics(system: openmm.System) -> None:
    for index in reversed(range(system.getNumForces())):
        if type(system.getForce(index)).__name__ in WITHOUT_ENERGY:
            system.removeForce(index)


def _without_box(given: Given, placed: Coordinates, where: Path, box: Box) -> None:
    """Compute all pairs of the molecule alone."""
    periodic = given.box or (f"{placed.path.name} has a periodic box" if placed.box else "")
    if periodic and box is Box.refuse:
        reason = (
            f"must be drop, as {periodic}: the molecule is then computed alone, with all pairs; got refuse"
        )
        raise ConfigError("system.box", f"{reason} ({where})")
    for force in given.system.getForces():
        for kind in PAIRS:
            if isinstance(force, kind) and force.getNonbondedMethod() in (kind.CutoffPeriodic, *_ewald(kind)):
                force.setNonbondedMethod(kind.NoCutoff)
        if hasattr(force, "setUsesPeriodicBoundaryConditions"):
            force.setUsesPeriodicBoundaryConditions(False)


def _ewald(kind: type) -> tuple[int, ...]:
    names = ("Ewald", "PME", "LJPME")
    return tuple(getattr(kind, name) for name in names if hasattr(kind, name))


def _without_constraints(given: Given, where: Path, constraints: Constraints, stiffness: float) -> None:
    """Release constraints: a bond that is there already stays, a spring takes the place of others."""
    system = given.system
    count = system.getNumConstraints()
    if count == 0:
        return
    atoms = list(given.topology.atoms())
    i, j, _ = system.getConstraintParameters(0)
    if constraints is Constraints.refuse:
        first = f"{_called(atoms[i])} and {_called(atoms[j])}"
        reason = f"{where} holds {count} distances, the first of {first}"
        raise ConfigError("system.constraints", f"must be release, as {reason}; got refuse")
    bonded = _bonded(system)
    springs = openmm.HarmonicBondForce()
    springs.setName("ReleasedConstraints")
    for index in reversed(range(count)):
        i, j, length = system.getConstraintParameters(index)
        if frozenset((i, j)) not in bonded:
            springs.addBond(i, j, length, stiffness)
        system.removeConstraint(index)
    if springs.getNumBonds():
        system.addForce(springs)


def _bonded(system: openmm.System) -> set[frozenset[int]]:
    forces = [force for force in system.getForces() if isinstance(force, openmm.HarmonicBondForce)]
    rows = [force.getBondParameters(index) for force in forces for index in range(force.getNumBonds())]
    return {frozenset((i, j)) for i, j, _, stiffness in rows if stiffness._value > 0}
