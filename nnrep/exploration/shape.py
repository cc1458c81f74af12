"""What is said of the shape of configurations: RMSDs to a native structure, radius of gyration; NumPy.

They are reported, and decide nothing: a search does not know the native structure.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from nnrep.exploration.minima import Same
from nnrep.exploration.settings import SAME_ENERGY, SameConfig
from nnrep.structures.exchanges import exchanges_of
from nnrep.structures.selection import WORDS
from nnrep.systems.measures import ANGSTROM_PER_NM, radius_of_gyration, rmsd_to_each
from nnrep.systems.system import System

LEAST_SUPERPOSED = 3  # atoms: two always lie on one another but for their distance


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
    """When two minima of a system count as one.

    Particles that are all alike may have changed places: such minima have no RMSD to each other. Of a chain
    the atoms of a ring that has turned over may have, and others, see `exchanges_of`.
    """
    energy, rmsd = config.energy, config.rmsd
    if is_of_like_particles(system):
        return Same(np.arange(system.n), None, SAME_ENERGY if energy is None else energy)
    if system.molecule is None:
        return Same(np.arange(system.n), rmsd, energy)
    heavy = WORDS["heavy"](system.molecule.topology)
    if len(heavy) < LEAST_SUPERPOSED:  # a small molecule, or one whose elements are not known
        heavy = np.arange(system.n)
    exchanges = exchanges_of(system.molecule.topology)
    alike = tuple(np.searchsorted(heavy, each[heavy]) for each in exchanges)
    return Same(heavy, None if rmsd is None else rmsd / ANGSTROM_PER_NM, energy, alike)


def is_of_like_particles(system: System) -> bool:
    """Whether no bond and no element tells one particle from another."""
    return system.molecule is None and len(system.edges) == 0
