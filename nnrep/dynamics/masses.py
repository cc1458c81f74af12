"""The masses of a system's particles as dynamics takes them; NumPy."""

from typing import Any, NamedTuple

import numpy as np
from jax import Array

from nnrep.dynamics.settings import DynamicsSettings, MassRule
from nnrep.dynamics.units import FS_PER_PS, units_of
from nnrep.energies.arrays import Numbers
from nnrep.errors import require
from nnrep.modes.backbone import Backbone, term_backbone
from nnrep.modes.slow import backbone_of, sampling_of
from nnrep.modes.spectrum import laplacian
from nnrep.systems.frozen import released
from nnrep.systems.system import System, summands

HEAVIEST_HYDROGEN = 3.5  # dalton: deuterium and tritium are hydrogens, too
MOST_IN_MATRIX = 2000  # particles
LIGHTEST = 1.0  # dalton that repartitioning may leave an atom


class Particles(NamedTuple):
    """What moves, a pytree of arrays of all particles, dummies included.

    Masses are in energy ps^2 / length^2. What does not move, frozen particles and dummies, has zeros
    everywhere. Masses of particles are columns (n, 1); a mass matrix M is one for each dimension, (n, n).

    Attributes:
        mass: (n, 1) or (n, n).
        inverse: (n, 1) or (n, n), the inverse.
        root: (n, 1) or (n, n), R with R R' the inverse.
        share: (n, 1) of each particle in the centre of mass.
        held: () 1 if the momentum of the centre of mass is held at zero, else 0.
        freedom: () number of degrees of freedom.
    """

    mass: Numbers
    inverse: Numbers
    root: Numbers
    share: Numbers
    held: Numbers
    freedom: Numbers

    def times(self, factor: Array, vectors: Array) -> Array:
        """One of the first three times vectors (n, d)."""
        return factor * vectors if factor.shape[1] == 1 else factor @ vectors

    @property
    def moves(self) -> Array:
        """Whether each particle does (n, 1)."""
        return self.share > 0


def particles_of(system: System, settings: DynamicsSettings) -> Particles:
    """Those of a system, as NumPy arrays; the degrees of freedom are those without constraints.

    Raises:
        ConfigError: hydrogens are to be heavier than what they are bonded to can give.
    """
    free, whole = system.free, len(system.positions)
    dalton = masses_of(system, settings)[free]
    held = holds_centre(system, settings)
    freedom = system.positions.shape[1] * (system.n_free - held)
    rest = np.asarray(float(held)), np.asarray(float(freedom))
    own = dalton * units_of(system).mass
    column = np.zeros((whole, 1))
    column[free, 0] = own
    share = column / column.sum()
    if settings.fastest_period_fs is None:
        inverse = np.divide(1, column, out=np.zeros_like(column), where=column > 0)
        return Particles(column, inverse, np.sqrt(inverse), share, *rest)
    matrix = mass_matrix(system, own, settings.fastest_period_fs / FS_PER_PS)
    inverse = np.linalg.inv(matrix)
    mass, inverse, root = (
        _of_all(part, free, whole) for part in (matrix, inverse, np.linalg.cholesky(inverse))
    )
    return Particles(mass, inverse, root, share, *rest)


def mass_matrix(system: System, masses: np.ndarray, period: float) -> np.ndarray:
    """A mass matrix (m, m) of the particles that move, m of them, with which no vibration is fast.

    M = diag(masses) + (period / 2 pi)^2 L, L being the Laplacian of the Hessian's backbone (paper eq 6) at
    the system's positions: slow modes keep the masses of their atoms, and those whose stiffness would make
    them faster than the period get as heavy as makes them that slow. As M is constant, positions have the
    same distribution with it as with any other masses (Bennett, J. Comput. Phys. 19, 267, 1975).

    Args:
        system: whose.
        masses: (m,) of the particles that move, in energy ps^2 / length^2.
        period: in ps.

    Raises:
        ConfigError: there are more particles than a full matrix is sensible for.
    """
    most, allowed = MOST_IN_MATRIX, f"null for more than {MOST_IN_MATRIX} particles"
    require(len(masses) <= most, "fastest_period_fs", allowed, FS_PER_PS * period)
    stiffness = laplacian(_backbone(system))
    full = stiffness if isinstance(stiffness, np.ndarray) else stiffness.toarray()
    return np.diag(masses) + (period / (2 * np.pi)) ** 2 * full[np.ix_(system.free, system.free)]


def _backbone(system: System) -> Any:
    """That at the system's positions (n, n), without pairs of all with all where these are known apart.

    Such pairs are soft but where atoms clash, which is gone after a few steps.
    """
    here = sampling_of(system, samples=1, noise=0.0, seed=0, backbone=Backbone.mean_norm)
    if system.pair_rows is None:
        return backbone_of(system, here)[0]
    return term_backbone(system.pair_rows.others, system.local_terms, here)[: system.n, : system.n]


def _of_all(matrix: np.ndarray, free: np.ndarray, whole: int) -> np.ndarray:
    """A matrix (m, m) of the particles that move as one of all (n, n)."""
    padded = np.zeros((whole, whole))
    padded[np.ix_(free, free)] = matrix
    return padded


def holds_centre(system: System, settings: DynamicsSettings) -> bool:
    """Whether the centre of mass is held; unless told, where a molecule is free to move as a whole.

    An energy that was added to its own, of a place or a wall, may hold it elsewhere.
    """
    if settings.hold_centre is not None:
        return settings.hold_centre and system.n_free > 1
    single = len(summands(released(system.energy))) == 1
    free = system.frozen is None and system.restraints is None and single
    return system.molecule is not None and free and system.n > 1


def masses_of(system: System, settings: DynamicsSettings) -> np.ndarray:
    """Masses (n,) in dalton of the particles without dummies; 1 each where a system names none.

    Every hydrogen has the mass that is given. With `MassRule.repartitioned`, as with `hydrogenMass` of
    OpenMM's `createSystem`, it takes what it gains from the heavy atom that it is bonded to, so that the mass
    of the whole stays, and one that is bonded to none keeps its own.

    Raises:
        ConfigError: there are no masses, no bonds are known to take mass along, or a heavy atom would have
            less than `LIGHTEST`.
    """
    given = settings.hydrogen_mass_dalton
    if system.masses is None:
        require(given is None, "hydrogen_mass_dalton", "null without masses", "one")
        return np.ones(system.n)
    masses = np.array(system.masses, float)
    if given is None:
        return masses
    if settings.mass_rule is MassRule.added:
        return np.where(masses < HEAVIEST_HYDROGEN, given, masses)
    require(len(system.edges) > 0, "mass_rule", "added for a system without bonds", settings.mass_rule.value)
    hydrogens, heavy = hydrogen_bonds(system)
    gain = given - masses[hydrogens]
    masses[hydrogens] += gain
    np.subtract.at(masses, heavy, gain)
    least = float(masses.min())
    allowed = f"small enough to leave each heavy atom {LIGHTEST:g} dalton, or mass_rule added"
    require(least >= LIGHTEST, "hydrogen_mass_dalton", allowed, f"{given:g}, which leaves {least:.2f}")
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
