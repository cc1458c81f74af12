"""A molecule's OpenMM system: AMBER14 without constraints and without a cutoff."""

import copy
import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar

import openmm
from openmm import app

from nnrep.errors import ConfigError
from nnrep.structures import store
from nnrep.structures.molecule import Molecule

T = TypeVar("T")

FORCE_FIELD = "amber14-all.xml"
KIND, CONTINUUM_KIND = "vacuum", "continuum"  # in the store
VERSION = 1  # raise it where the same molecule comes to have another system
# Of OpenMM's `createSystem`: all bonds flexible, all pairs within reach.
FLEXIBLE: dict[str, Any] = {
    "nonbondedMethod": app.NoCutoff,
    "constraints": None,
    "rigidWater": False,
    "removeCMMotion": False,
}


class Continuum(NamedTuple):
    """A solvent without molecules of its own.

    Attributes:
        file: of OpenMM's that has it: "implicit/gbn2.xml".
        solute_dielectric, solvent_dielectric: constants.
        kappa: of the salt, in 1/nm; zero without any.
        surface: whether it has a term of the surface (ACE).
    """

    file: str
    solute_dielectric: float = 1.0
    solvent_dielectric: float = 78.5
    kappa: float = 0.0
    surface: bool = True

    @property
    def arguments(self) -> dict[str, Any]:
        """Of OpenMM's `createSystem`."""
        return {
            "soluteDielectric": self.solute_dielectric,
            "solventDielectric": self.solvent_dielectric,
            "implicitSolventKappa": self.kappa,
            "sasaMethod": "ACE" if self.surface else None,
        }


@cache
def force_field(*more: str) -> app.ForceField:
    """OpenMM's force field `amber14-all.xml` (proteins: ff14SB), and further files, of a solvent."""
    return app.ForceField(FORCE_FIELD, *more)


def vacuum_system(topology: app.Topology) -> openmm.System:
    """The OpenMM system of a topology in vacuum: all bonds flexible, all pairs within reach.

    Raises:
        ValueError: OpenMM's, naming a residue that the force field does not know.
    """
    return _system(topology)


def continuum_system(topology: app.Topology, continuum: Continuum) -> openmm.System:
    """The same in a solvent: with one force more, a `CustomGBForce`."""
    return _system(topology, continuum.file, **continuum.arguments)


def _system(topology: app.Topology, *more: str, **arguments: Any) -> openmm.System:
    return flexible_system(force_field(*more), topology, **arguments)


def flexible_system(field: app.ForceField, topology: app.Topology, **arguments: Any) -> openmm.System:
    """What a force field makes of a topology: all bonds flexible, all pairs within reach.

    Raises:
        ValueError: OpenMM's, naming a residue that the force field does not know.
    """
    return field.createSystem(topology, **FLEXIBLE, **arguments)


def check_by_openmm(system: openmm.System) -> None:
    """OpenMM's own checks of a system that anybody may have written: indices, parameters, expressions.

    Raises:
        OpenMMException: naming what is wrong.
    """
    openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatform("Reference"))


def stored_vacuum_system(molecule: Molecule) -> openmm.System:
    """The same of a molecule, made once and then taken from the store, which spares reading the force field.

    A molecule that comes with its parameters has its own.

    Raises:
        ValueError: as for `vacuum_system`.
    """
    if molecule.system is not None:
        return openmm.XmlSerializer.deserialize(molecule.system)
    return _stored(KIND, (VERSION, openmm.version.full_version, molecule.hash), molecule, vacuum_system)


def stored_continuum_force(molecule: Molecule, file: str) -> openmm.CustomGBForce:
    """The force that a solvent adds to a molecule's OpenMM system, made once and then taken from the store.

    Its atoms and tables are those of any dielectric constants and salt; its energy is that of the defaults.
    """
    key, plain = (VERSION, openmm.version.full_version, molecule.hash, file), Continuum(file)
    force = _stored(CONTINUUM_KIND, key, molecule, lambda topology: _continuum_force(topology, plain))
    return _with_charges_of(molecule, force)


def continuum_force(molecule: Molecule, continuum: Continuum) -> openmm.CustomGBForce:
    """The same with the constants of a solvent, made anew."""
    return _with_charges_of(molecule, _continuum_force(molecule.topology, continuum))


def _continuum_force(topology: app.Topology, continuum: Continuum) -> openmm.CustomGBForce:
    system = continuum_system(topology, continuum)
    (force,) = (force for force in system.getForces() if isinstance(force, openmm.CustomGBForce))
    return copy.copy(force)  # a force ends with its system


def _with_charges_of(molecule: Molecule, force: openmm.CustomGBForce) -> openmm.CustomGBForce:
    """A solvent's force, whose radii follow from elements and bonds, with the charges of the molecule's own
    system, if it has one."""
    if molecule.system is not None:
        _charge_as(force, stored_vacuum_system(molecule))
    return force


def _charge_as(force: openmm.CustomGBForce, system: openmm.System) -> None:
    """Give a solvent's force, whose first parameter is the charge, the charges of a system.

    Raises:
        ConfigError: it has none.
    """
    pairs = next((each for each in system.getForces() if isinstance(each, openmm.NonbondedForce)), None)
    if pairs is None:
        raise ConfigError("system.solvent", "must be vacuum, as the files of the force field have no charges")
    for index in range(force.getNumParticles()):
        charge, _, _ = pairs.getParticleParameters(index)
        _, *others = force.getParticleParameters(index)
        force.setParticleParameters(index, [charge, *others])


def _stored(kind: str, parts: tuple, molecule: Molecule, make: Callable[[app.Topology], T]) -> T:
    return openmm.XmlSerializer.deserialize(stored_xml(kind, parts, lambda: make(molecule.topology)))


def stored_xml(kind: str, parts: tuple, make: Callable[[], object]) -> str:
    """OpenMM's text of what is made once and then taken from the store.

    Args:
        kind: in the store.
        parts: what decides it.
        make: gives it.
    """
    key = hashlib.sha256(repr(parts).encode()).hexdigest()
    text = store.load(kind, key, store.XML)
    if text is None:
        text = openmm.XmlSerializer.serialize(make())
        store.save(kind, key, text, store.XML)
    return text
