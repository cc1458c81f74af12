"""The masses of a system's particles as dynamics takes them; NumPy."""

from typing import NamedTuple

import numpy as np

from nnrep.dynamics.settings import DynamicsSettings, MassRule
from nnrep.dynamics.units import units_of
from nnrep.energies.arrays import Numbers
from nnrep.errors import require
from nnrep.systems.system import System

HEAVIEST_HYDROGEN = 3.5  # dalton: deuterium and tritium are hydrogens, too
LIGHTEST = 1.0  # dalton that repartitioning may leave an atom


class Particles(NamedTuple):
    """What moves, a pytree of arrays of all particles, dummies included.

    Attributes:
        mass: (n, 1) in energy ps^2 / length^2; zero for what does not move: frozen particles, dummies.
        inverse: (n, 1) its inverse, zero for the same.
        held: () 1 if the momentum of the centre of mass is held at zero, else 0.
        freedom: () number of degrees of freedom.
    """

    mass: Numbers
    inverse: Numbers
    held: Numbers
    freedom: Numbers


def particles_of(system: System, settings: DynamicsSettings) -> Particles:
    """Those of a system, as NumPy arrays; the degrees of freedom are those without constraints.

    Raises:
        ConfigError: hydrogens are to be heavier than what they are bonded to can give.
    """
    moves = np.zeros(len(system.positions), bool)
    moves[system.free] = True
    dalton = np.ones(len(moves))
    dalton[: system.n] = masses_of(system, settings)
    mass = np.where(moves, dalton * units_of(system).mass, 0.0)[:, None]
    inverse = np.divide(1, mass, out=np.zeros_like(mass), where=mass > 0)
    held = holds_centre(system, settings)
    dimensions = system.positions.shape[1]
    freedom = dimensions * (system.n_free - held)
    return Particles(mass, inverse, np.asarray(float(held)), np.asarray(float(freedom)))


def holds_centre(system: System, settings: DynamicsSettings) -> bool:
    """Whether the centre of mass is held; unless told, where a molecule is free to move as a whole."""
    if settings.hold_centre is not None:
        return settings.hold_centre and system.n_free > 1
    free = system.frozen is None and system.restraints is None
    return system.molecule is not None and free and system.n > 1


def masses_of(system: System, settings: DynamicsSettings) -> np.ndarray:
    """Masses (n,) in dalton of the particles without dummies; 1 each where a system names none.

    As with `hydrogenMass` of OpenMM's `createSystem`, a hydrogen takes what it gains from the heavy atom that
    it is bonded to, so that the mass of the whole stays; with `MassRule.added` from nowhere.

    Raises:
        ConfigError: a heavy atom would have less than `LIGHTEST`.
    """
    if system.masses is None:
        require(settings.hydrogen_mass_dalton is None, "hydrogen_mass_dalton", "null without masses", "one")
        return np.ones(system.n)
    masses = np.array(system.masses, float)
    if settings.hydrogen_mass_dalton is None:
        return masses
    hydrogens, heavy = hydrogen_bonds(system)
    gain = settings.hydrogen_mass_dalton - masses[hydrogens]
    masses[hydrogens] += gain
    if settings.mass_rule is MassRule.repartitioned:
        np.subtract.at(masses, heavy, gain)
        least = float(masses.min())
        allowed = f"small enough to leave each heavy atom {LIGHTEST:g} dalton, or mass_rule added"
        given = f"{settings.hydrogen_mass_dalton:g}, which leaves {least:.2f}"
        require(least >= LIGHTEST, "hydrogen_mass_dalton", allowed, given)
    return masses


def hydrogen_bonds(system: System) -> tuple[np.ndarray, np.ndarray]:
    """Hydrogens (m,) that are bonded to a heavy atom, each once, and these atoms (m,)."""
    if system.masses is None or len(system.edges) == 0:
        return np.zeros(0, int), np.zeros(0, int)
    is_hydrogen = np.asarray(system.masses) < HEAVIEST_HYDROGEN
    both = np.concatenate([system.edges, system.edges[:, ::-1]])
    bonds = both[is_hydrogen[both[:, 0]] & ~is_hydrogen[both[:, 1]]]
    hydrogens, first = np.unique(bonds[:, 0], return_index=True)
    return hydrogens, bonds[first, 1]
