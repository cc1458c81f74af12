"""Lowest modes of a graph Laplacian."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from jax import Array

# Up to here a dense eigensolver is fast and fits anywhere; beyond it, shift-invert on the sparse matrix.
MAX_DENSE_NODES = 2000


class SlowModes(NamedTuple):
    """The slow directions of a system (paper, definition 2.1).

    Attributes:
        values: (k,) eigenvalues of the Laplacian of the backbone F, ascending.
        vectors: (n, k) orthonormal eigenvectors psi.
        weights: (k,) psi^T F psi, the expectation of the backbone.
    """

    values: Array
    vectors: Array
    weights: Array


def laplacian(backbone: np.ndarray | scipy.sparse.sparray) -> scipy.sparse.csr_array:
    """Lap(A) = D - A (paper eq 6) of a symmetric matrix (n, n), in float64; its diagonal cancels."""
    adjacency = scipy.sparse.csr_array(backbone, dtype=np.float64)
    return scipy.sparse.csr_array(scipy.sparse.diags_array(adjacency.sum(axis=1)) - adjacency)


def slow_modes_of(backbone: np.ndarray | scipy.sparse.sparray, count: int) -> SlowModes:
    """The `count` lowest modes of a backbone F (n, n)."""
    values, vectors = lowest_modes(laplacian(backbone), count)
    weights = np.sum(vectors * (backbone @ vectors), axis=0)
    return SlowModes(*(jnp.asarray(array, dtype=float) for array in (values, vectors, weights)))


def count_below(matrix: scipy.sparse.csr_array, epsilon: float) -> int:
    """Number of eigenvalues with |lambda| < epsilon^2 max lambda (paper, definition 2.1), at least 1."""
    n = matrix.shape[0]
    if n <= MAX_DENSE_NODES:
        values = scipy.linalg.eigvalsh(matrix.toarray())
        return max(1, int(np.sum(abs(values) < epsilon**2 * values[-1])))
    start = _start_vector(n)
    largest = scipy.sparse.linalg.eigsh(matrix, 1, which="LA", v0=start, return_eigenvectors=False)[0]
    count = 16
    while True:
        values, _ = lowest_modes(matrix, min(count, n))
        below = int(np.sum(abs(values) < epsilon**2 * largest))
        if below < count or count >= n:
            return max(1, below)
        count *= 2


def lowest_modes(matrix: scipy.sparse.csr_array, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest eigenpairs of a positive semi-definite matrix (n, n).

    Signs are fixed: the component of largest magnitude is positive.

    Returns:
        Values (count,) ascending, vectors (n, count).
    """
    n = matrix.shape[0]
    # Shift-invert pays while few of the modes are asked for, of a matrix that is sparse.
    full = matrix.nnz > n * n // 10
    if n <= MAX_DENSE_NODES or full or count > n // 3:
        values, vectors = scipy.linalg.eigh(matrix.toarray(), subset_by_index=[0, count - 1])
    else:
        # Just below the spectrum, so that the factorised matrix is definite.
        shift = -1e-6 * matrix.diagonal().max()
        values, vectors = scipy.sparse.linalg.eigsh(
            matrix.tocsc(), count, sigma=shift, which="LM", v0=_start_vector(n)
        )
        order = np.argsort(values)
        values, vectors = values[order], vectors[:, order]
    largest = np.argmax(abs(vectors), axis=0)
    return values, vectors * np.sign(vectors[largest, np.arange(count)])


def _start_vector(n: int) -> np.ndarray:
    """A fixed start for ARPACK, which would otherwise draw its own."""
    return np.random.default_rng(0).standard_normal(n)
