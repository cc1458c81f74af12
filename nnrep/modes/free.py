"""Modes of the particles that may move: frozen ones are in none, see `System.frozen`."""

from typing import TypeVar

import numpy as np
import scipy  # loads its parts as they are used

from nnrep.energies.arrays import on_device
from nnrep.modes.spectrum import SlowModes
from nnrep.systems.system import System

M = TypeVar("M", "np.ndarray", "scipy.sparse.csr_array")


def free_part(matrix: M, system: System) -> M:
    """Rows and columns (m, m) of the particles that may move, of a matrix (n, n)."""
    return matrix if system.frozen is None else matrix[system.free][:, system.free]


def without_frozen(matrix: "scipy.sparse.csr_array", system: System) -> "scipy.sparse.csr_array":
    """A matrix (n, n) in which frozen particles are coupled to nothing."""
    if system.frozen is None:
        return matrix
    may_move = scipy.sparse.diags_array((~system.frozen).astype(float))
    return scipy.sparse.csr_array(may_move @ matrix @ may_move)


def free_coordinates(system: System) -> np.ndarray:
    """Indices (m d,) of the coordinates of the particles that may move, among all of them."""
    dim = system.positions.shape[1]
    return (dim * system.free[:, None] + np.arange(dim)).ravel()


def of_all_particles(modes: SlowModes, system: System) -> SlowModes:
    """Modes (m, k) of the particles that may move, of the Hessian (m d, k), as modes of all n particles."""
    if system.frozen is None:
        return modes
    flat = modes.of == "hessian"
    rows = free_coordinates(system) if flat else system.free
    size = system.n * system.positions.shape[1] if flat else system.n
    vectors = np.zeros((size, modes.values.size), modes.vectors.dtype)
    vectors[rows] = np.asarray(modes.vectors)
    return modes._replace(vectors=on_device(vectors))
