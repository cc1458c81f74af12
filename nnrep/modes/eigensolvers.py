"""Lowest eigenpairs of a symmetric matrix: dense, by Lanczos, or by shift-invert."""

from enum import Enum
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.errors import UserError
from nnrep.host.memory import require_memory, total_memory
from nnrep.host.terminal import log
from nnrep.modes.lanczos import lanczos

MAX_DENSE_NODES = 1000  # up to here a dense eigensolver takes a fraction of a second
# Beyond it, shift-invert pays for up to this share of the modes of a sparse matrix. Lanczos never does where
# the matrix is at hand: it finds the lowest end of these spectra last.
SHIFT_INVERT_SHARE = 1 / 3
FULL = 0.1  # share of entries from which on a matrix is not sparse

RESIDUAL_TOLERANCE = 1e-11  # of residuals, relative to the largest eigenvalue, that Lanczos aims at
ACCEPTED = 1e-8  # that any solver must reach
MAX_PRODUCTS = 20_000
MOST_ARPACK_RESTARTS = 50  # of shift-invert, which converges in a few if it does
EQUALLY_LARGE = 1e-6  # relative difference of components that count as equal


class Solver(Enum):
    """How eigenpairs are found; auto chooses by size, sparsity and the share of the modes."""

    auto = "auto"
    dense = "dense"
    lanczos = "lanczos"
    shift_invert = "shift_invert"


class Eigenpairs(NamedTuple):
    """Lowest eigenpairs.

    Attributes:
        values: (k,) ascending.
        vectors: (n, k) orthonormal; the first of the components of largest magnitude is positive.
        residuals: (k,) |A v - lambda v|, relative to the matrix's norm (largest sum of a row).
        solver: that found them.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    solver: Solver


def lowest_eigenpairs(
    matrix: "scipy.sparse.csr_array",
    count: int,
    solver: Solver = Solver.auto,
    max_products: int = MAX_PRODUCTS,
) -> Eigenpairs:
    """The lowest eigenpairs of a symmetric matrix (n, n), in float64.

    Args:
        matrix: sparse or not; shift-invert takes it to be positive semi-definite, as a Laplacian is.
        count: k, from 1 to n.
        solver: see `Solver`.
        max_products: most products of Lanczos with the matrix.

    Raises:
        UserError: not converged, or too large for a dense solver; says what to change.
    """
    chosen = choose_solver(matrix, count, solver)
    if solver is Solver.auto and chosen is Solver.shift_invert:
        try:
            return lowest_eigenpairs(matrix, count, chosen)
        except UserError as error:
            if dense_bytes(matrix.shape[0]) > (total_memory() or np.inf):
                raise
            log().info("%s: auto takes dense", error)
            chosen = Solver.dense
    if chosen is Solver.dense:
        values, vectors = _dense(matrix, count)
    elif chosen is Solver.shift_invert:
        values, vectors = _shift_invert(matrix, count)
    else:
        with jax.enable_x64(True):
            found = lanczos(
                _product_with(matrix),
                matrix.shape[0],
                count,
                tolerance=RESIDUAL_TOLERANCE,
                max_products=max_products,
            )
        values, vectors = found.values, found.vectors
    scale = abs(matrix).sum(axis=1).max()  # Gershgorin
    return checked(values, vectors, matrix @ vectors, float(scale), chosen)


def checked(
    values: np.ndarray, vectors: np.ndarray, images: np.ndarray, scale: float, solver: Solver
) -> Eigenpairs:
    """Eigenpairs in order and with their signs fixed, once their residuals are known to be small.

    Args:
        values: (k,).
        vectors: (n, k).
        images: (n, k) the matrix times the vectors.
        scale: that residuals are compared to.
        solver: that found them.

    Raises:
        UserError: a residual is too large.
    """
    residuals = np.linalg.norm(images - vectors * values, axis=0) / (scale or 1.0)
    if not np.all(residuals <= ACCEPTED):
        raise UserError(
            f"modes.solver: residuals of {solver.value} are up to {np.max(residuals):.1e} of the matrix's "
            f"norm, and should be {ACCEPTED:.0e}; ask for fewer modes or choose another modes.solver"
        )
    order = np.argsort(values, kind="stable")
    values, vectors, residuals = values[order], vectors[:, order], residuals[order]
    sizes = abs(vectors)
    # In symmetric systems two components are equally large: the first of those decides, not rounding.
    largest = np.argmax(sizes >= (1 - EQUALLY_LARGE) * sizes.max(axis=0), axis=0)
    signs = np.sign(vectors[largest, np.arange(len(values))])
    return Eigenpairs(values, vectors * signs, residuals, solver)


def choose_solver(matrix: "scipy.sparse.csr_array", count: int, solver: Solver) -> Solver:
    """What auto stands for: dense for small matrices and large shares of the modes."""
    n = matrix.shape[0]
    if solver is not Solver.auto:
        return solver
    full = matrix.nnz > FULL * n * n
    dense = n <= MAX_DENSE_NODES or full or count > SHIFT_INVERT_SHARE * n
    return Solver.dense if dense else Solver.shift_invert


def require_dense_memory(n: int) -> None:
    """Refuse a dense eigenproblem (n, n) that does not fit.

    Raises:
        UserError: naming its size.
    """
    require_memory(dense_bytes(n), f"a dense eigensolver of {n} dimensions (modes.solver)")


def dense_bytes(n: int) -> int:
    """Memory that a dense eigensolver of so many dimensions takes."""
    return 3 * 8 * n**2


def _dense(matrix: "scipy.sparse.csr_array", count: int) -> tuple[np.ndarray, np.ndarray]:
    require_dense_memory(matrix.shape[0])
    return scipy.linalg.eigh(matrix.toarray(), subset_by_index=[0, count - 1])


def _shift_invert(matrix: "scipy.sparse.csr_array", count: int) -> tuple[np.ndarray, np.ndarray]:
    n = matrix.shape[0]
    if count >= n:  # ARPACK's basis must be larger than what is asked
        raise UserError(f"modes.solver: shift_invert finds at most n - 1 = {n - 1} modes; choose dense")
    require_memory(8 * n * (4 * count + 2), f"shift_invert of {count} modes of {n} particles")
    # Just below the spectrum, so that the factorised matrix is definite.
    shift = -1e-7 * (matrix.diagonal().max() or 1.0)
    try:
        return scipy.sparse.linalg.eigsh(
            matrix.tocsc(),
            count,
            sigma=shift,
            which="LM",
            v0=np.random.default_rng(0).standard_normal(n),
            maxiter=MOST_ARPACK_RESTARTS,
        )
    except RuntimeError as error:  # not converged, or the matrix is singular to rounding
        reason = str(error).splitlines()[0]
        raise UserError(f"modes.solver: shift_invert failed ({reason}); choose dense or lanczos") from error


def _product_with(matrix: "scipy.sparse.csr_array") -> Partial:
    n = matrix.shape[0]
    if matrix.nnz > FULL * n * n:
        return Partial(jnp.matmul, on_device(matrix.toarray()))
    entries = matrix.tocoo()
    return Partial(partial(_sparse_product, n), *on_device((entries.row, entries.col, entries.data)))


def _sparse_product(n: int, rows: Array, columns: Array, values: Array, vector: Array) -> Array:
    return jax.ops.segment_sum(values * vector[columns], rows, n, indices_are_sorted=True)


def largest_eigenvalue(matrix: "scipy.sparse.csr_array") -> float:
    """The largest eigenvalue of a symmetric matrix (n, n)."""
    n = matrix.shape[0]
    if n <= MAX_DENSE_NODES:
        return float(scipy.linalg.eigvalsh(matrix.toarray(), subset_by_index=[n - 1, n - 1])[0])
    if abs(matrix).max() == 0:
        return 0.0
    start = np.random.default_rng(0).standard_normal(n)
    return float(scipy.sparse.linalg.eigsh(matrix, 1, which="LA", v0=start, return_eigenvectors=False)[0])
