"""What is said of the shape of configurations: RMSDs to a native structure, radius of gyration; NumPy.

They are reported, and decide nothing: a search does not know the native structure.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from nnrep.errors import require
from nnrep.exploration.minima import Same
from nnrep.exploration.settings import SameConfig, usual_of
from nnrep.structures.exchanges import exchanges_of
from nnrep.structures.selection import WORDS
from nnrep.systems.measures import ANGSTROM_PER_NM, piece_by_pairs, radius_of_gyration, rmsd_to_each
from nnrep.systems.system import System

LEAST_SUPERPOSED = 3  # atoms: two always lie on one another but for their distance
SAME_RMSD = 1.0  # Angstrom, or in the own unit of a system without one
# Heavy atoms of a molecule that has this RMSD; with fewer it is in proportion, and energies differ by no more
# than the usual for each. Measured: "Minima of small molecules" in docs/fold-a-peptide.md.
SMALL = 40


class Shape(NamedTuple):
    """What is needed to say it.

    Attributes:
        groups: name -> atoms (m,) of which an RMSD to the native structure is taken; none without one.
        native: (n, d), None where there is none.
        masses: (n,) of the particles; equal ones where there are none.
        scale: lengths are multiplied by it: Angstrom a nm, or 1.
    """

    groups: Mapping[str, np.ndarray]
    native: np.ndarray | None
    masses: np.ndarray
    scale: float

    @classmethod
    def of(cls, system: System) -> "Shape":
        """That of a system's particles: RMSDs of CA, backbone and heavy atoms, as far as there are three."""
        masses = np.ones(system.n) if system.masses is None else np.asarray(system.masses, float)
        if system.molecule is None or system.reference is None:
            return cls({}, None, masses, 1.0)
        kinds = {name: WORDS[name](system.molecule.topology) for name in ("ca", "backbone", "heavy")}
        groups = {name: atoms for name, atoms in kinds.items() if len(atoms) >= LEAST_SUPERPOSED}
        native = np.asarray(system.reference, float)[: system.n]
        return cls(groups, native, masses, ANGSTROM_PER_NM)

    @property
    def names(self) -> tuple[str, ...]:
        """Of what `of_positions` gives."""
        return (*(f"rmsd_{name}" for name in self.groups), "radius_of_gyration")

    def of_positions(self, positions: np.ndarray) -> dict[str, float]:
        """RMSDs and radius of gyration of positions (n, d): in Angstrom, or in the unit that they have."""
        if not np.all(np.isfinite(positions)):
            return dict.fromkeys(self.names, np.nan)
        values = {}
        for name, atoms in self.groups.items():
            assert self.native is not None
            values[f"rmsd_{name}"] = self.scale * float(
                rmsd_to_each(positions[atoms], self.native[atoms][None])[0]
            )
        values["radius_of_gyration"] = self.scale * radius_of_gyration(positions, self.masses)
        return values


def same_minimum(system: System, config: SameConfig) -> Same:
    """When two minima of a system count as one, with what the settings leave open.

    - Of molecules by the RMSD of heavy atoms, of which some may have changed places, see `exchanges_of`; of
      small ones also by energy: their minima lie near each other, and their quenches end well in them.
    - Of other particles that have edges by the RMSD of all.
    - Of those without by energy, as alike ones may have changed places: their minima have no RMSD to each
      other, unless one is given, and masses tell them apart.

    Where particles are frozen, by the RMSD of the others, in their places.

    Raises:
        ConfigError: an RMSD of particles that are all alike.
    """
    energy, rmsd, atoms, superposed = config.energy, config.rmsd, system.free, system.frozen is None
    usual = usual_of(system.energy_unit).energy / system.mean_over
    angstrom = 1 / ANGSTROM_PER_NM if system.length_unit == "nm" else 1.0
    if has_no_bonds(system):
        alike = f"null, as the particles of {system.name} are all alike"
        require(rmsd is None or not is_of_like_particles(system), "same.rmsd", alike, rmsd)
        chosen = usual if energy is None and rmsd is None else energy
        return Same(atoms, None if rmsd is None else angstrom * rmsd, chosen, superposed)
    if system.molecule is None:
        return Same(atoms, angstrom * (SAME_RMSD if rmsd is None else rmsd), energy, superposed)
    heavy = np.intersect1d(WORDS["heavy"](system.molecule.topology), atoms)
    if len(heavy) < LEAST_SUPERPOSED:  # a small molecule, or one whose elements are not known
        heavy = atoms
    share = min(1, len(heavy) / SMALL)
    if energy is None and share < 1:
        energy = usual * len(heavy)
    within = np.isin(np.arange(system.n), heavy)
    exchanges = (each for each in exchanges_of(system.molecule.topology) if np.all(within[each] == within))
    places = tuple(np.searchsorted(heavy, each[heavy]) for each in exchanges)
    return Same(heavy, angstrom * (SAME_RMSD * share if rmsd is None else rmsd), energy, superposed, places)


def is_of_like_particles(system: System) -> bool:
    """Whether no bond, no element and no mass tells one particle from another."""
    masses = np.zeros(1) if system.masses is None else np.asarray(system.masses)
    return has_no_bonds(system) and bool(np.all(masses == masses[0]))


def has_no_bonds(system: System) -> bool:
    """Whether nothing is known that holds two of its particles together for good."""
    return system.molecule is None and len(system.edges) == 0


def may_fall_apart(system: System) -> bool:
    """Whether nothing is known that holds its particles in their places, or all of them to one another."""
    held = system.frozen is not None or system.restraints is not None
    return not held and len(np.unique(piece_by_pairs(system.edges, system.n))) > 1
