"""Atoms that have fallen together, on an energy that has no lower bound."""

import numpy as np

from nnrep.structures.residues import CLOSEST_ATOMS
from nnrep.systems.measures import ANGSTROM_PER_NM
from nnrep.systems.system import System

# Of atoms, by the unit of length; the shortest bond, of H2, has 0.074 nm.
CLOSEST = {"nm": CLOSEST_ATOMS / ANGSTROM_PER_NM, "Å": CLOSEST_ATOMS}


def is_no_minimum(system: System, positions: np.ndarray) -> bool:
    """Whether atoms (n, d) have fallen together, on an energy that need not be bounded below."""
    return not system.bounded and has_fused_atoms(positions, system.length_unit)


def has_fused_atoms(positions: np.ndarray, length_unit: str) -> bool:
    """Whether two atoms (n, d) lie in one place; never in a system without a unit of length.

    The energy of point charges has no lower bound: a hydrogen that has no Lennard-Jones radius, as AMBER's
    of hydroxyl groups, falls onto an oxygen that it meets. What is found there is no minimum.
    """
    closest = CLOSEST.get(length_unit)
    if closest is None or not np.all(np.isfinite(positions)):
        return False
    # Without SciPy's trees, which take a fifth of a second to load: every run of a protein comes here.
    along = positions[np.argsort(positions[:, 0])]  # where those that are near are neighbours
    for shift in range(1, len(along)):
        apart = along[shift:] - along[:-shift]
        near = apart[:, 0] < closest
        if not near.any():
            return False
        if np.any(np.linalg.norm(apart[near], axis=1) < closest):
            return True
    return False
