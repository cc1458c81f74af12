"""Lowest modes of a graph Laplacian."""

from typing import NamedTuple

import numpy as np
import scipy  # loads its parts as they are used
from jax import Array

from nnrep.energies.arrays import on_device
from nnrep.energies.padding import padded_size, with_zeros
from nnrep.host.memory import require_memory
from nnrep.modes.eigensolvers import (
    FULL,
    MAX_DENSE_NODES,
    MAX_PRODUCTS,
    Eigenpairs,
    Matrix,
    Solver,
    largest_eigenvalue,
    lowest_eigenpairs,
)
from nnrep.modes.lapack import ROWS_AT_ONCE, lowest_in_place
from nnrep.systems.system import System


class SlowModes(NamedTuple):
    """The slow directions of a system (paper, definition 2.1).

    Attributes:
        values: (k,) eigenvalues of the Laplacian of the backbone F, ascending; or of the Hessian.
        vectors: (n, k) orthonormal eigenvectors psi; of the Hessian (n d, k), coordinates of one particle
            beside each other.
        weights: (k,) psi^T F psi, the expectation of the backbone; of the Hessian its eigenvalues.
        residuals: (k,) of the eigenpairs, relative to the matrix's norm; None if not known.
        solver: that found them ("dense", "lanczos", "shift_invert").
        backbone_error: of an estimated backbone, measured on some of its columns, see `Estimate`; zero
            where it is exact.
        of: "backbone", "graph" or "hessian"; "particles" of `over_particles`, which are not orthonormal.
    """

    values: Array
    vectors: Array
    weights: Array
    residuals: Array | None = None
    solver: str = ""
    backbone_error: float = 0.0
    of: str = "backbone"


def padded_modes(modes: SlowModes, system: System) -> SlowModes:
    """The modes for a map of all positions of a system: without a part in its dummies, if it has any.

    Further modes without any part fill up their number, so that maps of nearly as many modes share programs.
    """
    if system.dummies == 0:
        return modes
    dim = len(modes.vectors) // system.n
    rows, count = len(system.positions) * dim, padded_size(modes.values.size)
    vectors = with_zeros(np.asarray(modes.vectors), rows, count)
    values, weights = (with_zeros(np.asarray(each), count) for each in (modes.values, modes.weights))
    values, vectors, weights = on_device((values, vectors, weights))
    return modes._replace(values=values, vectors=vectors, weights=weights)


def laplacian(backbone: "np.ndarray | scipy.sparse.sparray") -> Matrix:
    """Lap(A) = D - A (paper eq 6) of a symmetric matrix (n, n), in float64; its diagonal cancels.

    Of a full array of more than `MAX_DENSE_NODES` particles it is an array.

    Raises:
        UserError: it does not fit into memory.
    """
    large = isinstance(backbone, np.ndarray) and len(backbone) > MAX_DENSE_NODES
    if large and np.count_nonzero(backbone) > FULL * len(backbone) ** 2:
        return _full_laplacian(backbone)
    adjacency = scipy.sparse.csr_array(backbone, dtype=np.float64)
    adjacency = (adjacency + adjacency.T) / 2  # as float32 had it, it may be symmetric but for rounding
    return scipy.sparse.csr_array(scipy.sparse.diags_array(adjacency.sum(axis=1)) - adjacency)


def _full_laplacian(backbone: np.ndarray) -> np.ndarray:
    n = len(backbone)
    what = f"the Laplacian of all pairs of {n} particles"
    require_memory(8 * n**2, "modes.of", what, "graph, whose matrix is sparse")
    matrix = np.empty((n, n))
    for first in range(0, n, ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        matrix[rows] = backbone[rows]
        matrix[rows] += backbone[:, rows].T
        matrix[rows] *= -0.5
    nodes = np.arange(n)
    matrix[nodes, nodes] = 0
    matrix[nodes, nodes] = -matrix.sum(axis=1)
    return matrix


def slow_modes_of(
    backbone: "np.ndarray | scipy.sparse.sparray",
    count: int,
    solver: Solver = Solver.auto,
    max_products: int = MAX_PRODUCTS,
) -> SlowModes:
    """The `count` lowest modes of a backbone F (n, n); see `lowest_eigenpairs`."""
    pairs = lowest_eigenpairs(laplacian(backbone), count, solver, max_products)
    return as_modes(pairs, _weights(backbone, pairs.vectors))


def _weights(backbone: "np.ndarray | scipy.sparse.sparray", vectors: np.ndarray) -> np.ndarray:
    """psi^T F psi (k,) of modes (n, k)."""
    if not isinstance(backbone, np.ndarray):
        return np.sum(vectors * (backbone @ vectors), axis=0)
    weights = np.zeros(vectors.shape[1])
    for first in range(0, len(backbone), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        weights += np.sum(vectors[rows] * (backbone[rows].astype(float) @ vectors), axis=0)
    return weights


def as_modes(pairs: Eigenpairs, weights: np.ndarray) -> SlowModes:
    """Eigenpairs and their weights (k,) as JAX arrays."""
    arrays = (pairs.values, pairs.vectors, weights, pairs.residuals)
    values, vectors, kappa, residuals = on_device(arrays)
    return SlowModes(values, vectors, kappa, residuals, pairs.solver.value)


def number_below(values: np.ndarray, epsilon: float, largest: float) -> int:
    """Number of values with |lambda| < epsilon^2 max lambda, at least 1."""
    return max(1, int(np.sum(abs(values) < epsilon**2 * largest)))


def count_below(
    matrix: Matrix,
    epsilon: float,
    solver: Solver = Solver.auto,
    max_products: int = MAX_PRODUCTS,
) -> int:
    """Number of eigenvalues with |lambda| < epsilon^2 max lambda (paper, definition 2.1), at least 1."""
    most = max(1, matrix.shape[0] - 1)  # the largest is never below its own bound
    largest = largest_eigenvalue(matrix)
    if isinstance(matrix, np.ndarray):
        return number_below(lowest_in_place(matrix, most, vectors=False)[0], epsilon, largest)
    count = 64
    while True:
        count = min(count, most)
        values = lowest_eigenpairs(matrix, count, solver, max_products).values
        below = number_below(values, epsilon, largest)
        if below < count or count == most:
            return below
        count *= 4
