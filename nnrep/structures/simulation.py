"""What OpenMM simulates, and how: a molecule in its solvent, Langevin dynamics, contexts."""

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import openmm
from openmm import app, unit

from nnrep.errors import require
from nnrep.structures.force_field import Continuum, continuum_force, force_field, stored_vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.structures.random_numbers import seeded_random

if TYPE_CHECKING:
    from nnrep.energies.restraints import Restraints

WATER, CONTINUUM = "amber14/tip3pfb.xml", Continuum("implicit/obc2.xml")
PADDING = CUTOFF = 1.0  # nm, of the water box and its direct space
RADIUS_OFFSET = 0.009  # nm, of implicit/obc2.xml


class Solvent(Enum):
    """What surrounds a molecule: nothing, a continuum (OBC2), or a box of water (TIP3P-FB)."""

    vacuum = "vacuum"
    implicit = "implicit"
    explicit = "explicit"


def solvated(
    molecule: Molecule,
    positions: np.ndarray,
    solvent: Solvent,
    constrained: bool,
    continuum: Continuum | None = None,
) -> tuple[openmm.System, np.ndarray]:
    """A molecule's OpenMM system in a solvent, and the positions of all particles, the molecule's first.

    Args:
        molecule: what is in the solvent.
        positions: (n, 3) of its atoms, in nm; a box of water is built around them.
        solvent: vacuum, implicit or explicit.
        constrained: hold the bonds to hydrogen at their lengths. Water is rigid always.
        continuum: what takes the place of vacuum.

    Raises:
        ConfigError: a molecule that comes with its parameters is to be in a solvent, which has none for it.
    """
    if molecule.system is not None:
        return _given(molecule, solvent, constrained, continuum), positions
    options = {"constraints": app.HBonds if constrained else None, "removeCMMotion": False}
    if solvent is Solvent.explicit:
        field = force_field(WATER)
        box = app.Modeller(molecule.topology, positions * unit.nanometer)
        with seeded_random(0):  # it says which waters give way to ions
            box.addSolvent(field, padding=PADDING * unit.nanometer)
        system = field.createSystem(
            box.topology, nonbondedMethod=app.PME, nonbondedCutoff=CUTOFF * unit.nanometer, **options
        )
        return system, np.asarray(box.positions.value_in_unit(unit.nanometer))
    if solvent is Solvent.implicit:
        continuum = CONTINUUM
    if continuum is not None:
        options |= continuum.arguments
    files = () if continuum is None else (continuum.file,)
    system = force_field(*files).createSystem(
        molecule.topology, nonbondedMethod=app.NoCutoff, rigidWater=False, **options
    )
    if continuum is not None:
        _use_compiled_continuum(system, continuum)
    return system, positions


def _given(
    molecule: Molecule, solvent: Solvent, constrained: bool, continuum: Continuum | None
) -> openmm.System:
    """The system that a molecule comes with, in a continuum if there is one."""
    allowed = "vacuum, as the molecule comes with its parameters"
    require(solvent is Solvent.vacuum, "baseline.solvent", allowed, solvent.name)
    system = stored_vacuum_system(molecule)
    if continuum is not None:
        system.addForce(continuum_force(molecule, continuum))
        _use_compiled_continuum(system, continuum)
    hydrogens = {atom.index for atom in molecule.topology.atoms() if atom.element is app.element.hydrogen}
    bonds = [force for force in system.getForces() if isinstance(force, openmm.HarmonicBondForce)]
    rows = [force.getBondParameters(index) for force in bonds for index in range(force.getNumBonds())]
    neighbours = {frozenset((one.index, other.index)) for one, other in molecule.topology.bonds()}
    for i, j, length, _ in rows:
        if constrained and (i in hydrogens or j in hydrogens) and frozenset((i, j)) in neighbours:
            system.addConstraint(i, j, length)
    return system


class Held(NamedTuple):
    """What holds a molecule's atoms.

    Attributes:
        frozen: (n,) which atoms never move; None for none.
        restraints: harmonic ones, in nm and kJ/mol/nm^2; None for none.
    """

    frozen: np.ndarray | None = None
    restraints: "Restraints | None" = None


def hold(system: openmm.System, held: Held) -> None:
    """Give frozen atoms no mass, so that OpenMM's minimiser and integrators leave them where they are, and
    add the force of the restraints. A molecule's atoms are the first of a system."""
    if held.frozen is not None:
        for atom in np.flatnonzero(held.frozen).tolist():
            system.setParticleMass(atom, 0.0)
    if held.restraints is not None:
        system.addForce(restraining_force(held.restraints))


def restraining_force(restraints: "Restraints") -> openmm.CustomExternalForce:
    """1/2 k |x - x0|^2 of every restrained atom."""
    force = openmm.CustomExternalForce("0.5*k*((x-x0)^2+(y-y0)^2+(z-z0)^2)")
    for name in ("k", "x0", "y0", "z0"):
        force.addPerParticleParameter(name)
    strength, reference = np.asarray(restraints.strength, float), np.asarray(restraints.reference, float)
    for atom in np.flatnonzero(strength).tolist():
        force.addParticle(atom, [strength[atom], *reference[atom]])
    return force


def _use_compiled_continuum(system: openmm.System, continuum: Continuum) -> None:
    """Replace a `CustomGBForce` of OBC2 without salt by OpenMM's own force of it, five times as fast.

    It differs where an atom lies within the sphere of another.
    """
    if continuum.file != CONTINUUM.file or continuum.kappa > 0:
        return
    for index in range(system.getNumForces()):
        custom = system.getForce(index)
        if not isinstance(custom, openmm.CustomGBForce):
            continue
        compiled = openmm.GBSAOBCForce()
        compiled.setSoluteDielectric(continuum.solute_dielectric)
        compiled.setSolventDielectric(continuum.solvent_dielectric)
        if not continuum.surface:
            compiled.setSurfaceAreaEnergy(0)
        for particle in range(custom.getNumParticles()):
            charge, radius, scaled = custom.getParticleParameters(particle)  # the radius less its offset
            compiled.addParticle(charge, radius + RADIUS_OFFSET, scaled / radius)
        system.removeForce(index)
        system.addForce(compiled)
        return


def langevin(
    temperature: float, friction_per_ps: float, timestep_fs: float, seed: int
) -> openmm.LangevinMiddleIntegrator:
    """Langevin dynamics whose noise follows from a seed."""
    integrator = openmm.LangevinMiddleIntegrator(temperature, friction_per_ps, timestep_fs / 1000)
    integrator.setRandomNumberSeed(_openmm_seeds(seed)[0])
    return integrator


def heat(context: openmm.Context, temperature: float, seed: int) -> None:
    """Put positions on their constraints, and draw velocities of a temperature, in K, by a seed."""
    context.applyConstraints(1e-6)
    context.setVelocitiesToTemperature(temperature, _openmm_seeds(seed)[1])


def open_context(
    system: openmm.System, integrator: openmm.Integrator, platform: str, threads: int | None
) -> openmm.Context:
    """A context on a platform by name; of its threads, None takes all there are."""
    chosen = openmm.Platform.getPlatformByName(platform)
    wanted = {"DeterministicForces": "true"}
    if threads is not None:
        wanted["Threads"] = str(threads)
    known = chosen.getPropertyNames()
    return openmm.Context(
        system, integrator, chosen, {name: wanted[name] for name in wanted if name in known}
    )


def blew_up(error: openmm.OpenMMException) -> bool:
    """Whether OpenMM complains of positions that are no numbers, and not of its machine."""
    return "NaN" in str(error)


def positions_of(context: openmm.Context) -> np.ndarray:
    """Positions of all particles, in nm; molecules are whole, whatever box they have left."""
    positions = context.getState(getPositions=True).getPositions(asNumpy=True)
    return np.asarray(positions.value_in_unit(unit.nanometer), float)


def _openmm_seeds(seed: int) -> tuple[int, int]:
    """Two seeds for OpenMM, to which 0 would mean a seed of its own choice."""
    first, second = np.random.SeedSequence(seed).generate_state(2)
    return int(first) % (2**31 - 1) + 1, int(second) % (2**31 - 1) + 1
