"""Structures of a protein on paper: its CA trace, superposed on the native one; lengths in Angstrom."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import to_rgba_array

from nnrep.records.chains import Tube, along, draw_tube, main_part, smooth_tube, to_scale
from nnrep.records.palette import NATIVE
from nnrep.structures.molecule import Molecule
from nnrep.systems import System
from nnrep.systems.measures import ANGSTROM_PER_NM, rmsd_to_each, superposed_on_host

SHORTEST = 3  # CA atoms of a trace; a smaller molecule is drawn by all of its atoms
KEY = "Grey: native structure, superposed on {atoms}. Colours: {colors}."
CHAIN, ATOMS = "along the chain, dark at the N terminus", "in the order of the atoms, dark at the first"
THICKNESS, NATIVE_THICKNESS = 0.9, 0.6  # Angstrom, of tubes


class Native(NamedTuple):
    """A native structure, and how structures are drawn on it.

    Attributes:
        positions: (m, 3) of the drawn atoms about their centre, in Angstrom.
        chosen: (m,) which atoms of the molecule these are.
        links: (k, 2) of the drawn atoms.
        is_trace: whether they are CA atoms.
    """

    positions: np.ndarray
    chosen: np.ndarray
    links: np.ndarray
    is_trace: bool

    @property
    def atoms(self) -> str:
        """What is drawn and superposed, in words."""
        return "CA atoms" if self.is_trace else "all atoms"

    @property
    def key(self) -> str:
        """What colours mean."""
        return KEY.format(atoms=self.atoms, colors=CHAIN if self.is_trace else ATOMS)

    def on_it(self, positions: np.ndarray) -> np.ndarray:
        """The drawn atoms (m, 3) of positions (n, 3) in nm, superposed on the native ones, in Angstrom."""
        return superposed_on_host(ANGSTROM_PER_NM * positions[self.chosen], self.positions)

    def with_others(self, moved: np.ndarray) -> np.ndarray:
        """What a window is to hold: the native positions, and those of a structure (m, 3) that lies on it."""
        return np.concatenate([self.positions, moved[main_part(moved)]])

    def tube(self, points: np.ndarray, colors: np.ndarray) -> Tube:
        """The drawn atoms at points (m, 3) in colours (m, 4): a smooth line through CA atoms, or bonds."""
        if self.is_trace:
            return smooth_tube(points, self.links[:, 0], colors)
        return Tube(points, self.links, colors[self.links[:, 0]])

    def rmsd(self, positions: np.ndarray) -> float:
        """Of the drawn atoms of positions (n, 3) in nm, in Angstrom."""
        return float(rmsd_to_each(ANGSTROM_PER_NM * positions[self.chosen], self.positions[None])[0])


def native_of(system: System) -> Native | None:
    """The native structure of a protein; None of another system."""
    if system.molecule is None:
        return None
    chosen, links = _drawn(system.molecule, system.trace)
    native = ANGSTROM_PER_NM * system.molecule.positions[chosen]
    is_trace = len(chosen) < system.molecule.n
    return Native(native - native.mean(axis=0), chosen, links, is_trace)


def draw_on_native(axes: Any, native: Native, positions: np.ndarray, view: np.ndarray) -> None:
    """A structure, coloured along the chain, on the native one in grey.

    Args:
        axes: of two dimensions; they get the scale of both structures, and neither ticks nor a frame.
        native: see `native_of`.
        positions: (n, 3) in nm, of all atoms.
        view: (3, 3) a rotation, see `side_view`.
    """
    moved = native.on_it(positions)
    to_scale(axes, native.with_others(moved) @ view.T)
    axes.set_frame_on(False)
    grey = to_rgba_array([NATIVE] * len(native.positions))
    draw_tube(axes, native.tube(native.positions @ view.T, grey), NATIVE_THICKNESS, zorder=2)
    draw_tube(axes, native.tube(moved @ view.T, along(len(moved))), THICKNESS, zorder=3)


def _drawn(molecule: Molecule, trace: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Which atoms (m,) are drawn, and their links (k, 2): CA atoms, or all atoms of a small molecule."""
    bonds = [(one, other) for one, other in molecule.topology.bonds()]
    if trace is None or len(trace) < SHORTEST:
        pairs = [(one.index, other.index) for one, other in bonds]
        return np.arange(molecule.n), np.array(pairs, int).reshape(-1, 2)
    residues = [atom.residue.index for atom in molecule.topology.atoms()]
    bonded = {frozenset((one.residue.index, other.residue.index)) for one, other in bonds}
    first = [
        place
        for place, (one, other) in enumerate(pairwise(trace))
        if frozenset((residues[one], residues[other])) in bonded
    ]
    return trace, np.add.outer(np.array(first, int), (0, 1))
