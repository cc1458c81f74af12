"""Lowest eigenpairs of a symmetric matrix: dense, by Lanczos, or by shift-invert."""

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.errors import UserError
from nnrep.host.memory import fits, most_that_fit, require_memory
from nnrep.host.terminal import log
from nnrep.modes.lanczos import lanczos
from nnrep.modes.lapack import lowest_in_place

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
COLUMNS_AT_ONCE = 256  # of eigenvectors, where residuals are taken

# A symmetric matrix (n, n): by its entries or, large and full as that of all pairs of atoms, as an array.
Matrix: TypeAlias = "scipy.sparse.csr_array | np.ndarray"


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
    matrix: Matrix,
    count: int,
    solver: Solver = Solver.auto,
    max_products: int = MAX_PRODUCTS,
) -> Eigenpairs:
    """The lowest eigenpairs of a symmetric matrix (n, n), in float64.

    Args:
        matrix: sparse, or a full array, which is used up on the way and is at the end as it was.
            Shift-invert takes it to be positive semi-definite, as a Laplacian is.
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
            if not fits(dense_bytes(matrix.shape[0])):
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
    return checked(values, vectors, lambda some: matrix @ some, _norm(matrix), chosen)


def _norm(matrix: Matrix) -> float:
    """The largest sum of a row (Gershgorin)."""
    if isinstance(matrix, np.ndarray):
        return max(float(np.sum(abs(row))) for row in matrix)
    return float(abs(matrix).sum(axis=1).max())


def checked(
    values: np.ndarray,
    vectors: np.ndarray,
    product: Callable[[np.ndarray], np.ndarray],
    scale: float,
    solver: Solver,
) -> Eigenpairs:
    """Eigenpairs in order and with their signs fixed, once their residuals are known to be small.

    Args:
        values: (k,).
        vectors: (n, k).
        product: vectors (n, m) -> the matrix times them.
        scale: that residuals are compared to.
        solver: that found them.

    Raises:
        UserError: a residual is too large.
    """
    residuals = np.empty(len(values))
    for first in range(0, len(values), COLUMNS_AT_ONCE):
        some = slice(first, first + COLUMNS_AT_ONCE)
        remainder = product(vectors[:, some]) - vectors[:, some] * values[some]
        residuals[some] = np.linalg.norm(remainder, axis=0) / (scale or 1.0)
    if not np.all(residuals <= ACCEPTED):
        raise UserError(
            f"modes.solver: residuals of {solver.value} are up to {np.max(residuals):.1e} of the matrix's "
            f"norm, and should be {ACCEPTED:.0e}; ask for fewer modes or choose another modes.solver"
        )
    order = np.argsort(values, kind="stable")
    values, vectors, residuals = values[order], vectors[:, order], residuals[order]
    for column in vectors.T:
        sizes = abs(column)
        # In symmetric systems two components are equally large: the first of those decides, not rounding.
        column *= np.sign(column[np.argmax(sizes >= (1 - EQUALLY_LARGE) * sizes.max())])
    return Eigenpairs(values, vectors, residuals, solver)


def choose_solver(matrix: Matrix, count: int, solver: Solver) -> Solver:
    """What auto stands for: dense for small matrices and large shares of the modes.

    Raises:
        UserError: a solver of sparse matrices, for a large one that is full.
    """
    n = matrix.shape[0]
    if isinstance(matrix, np.ndarray):
        if solver is Solver.shift_invert:
            raise UserError(
                "modes.solver: shift_invert is for sparse matrices, and all pairs are coupled; choose dense"
            )
        return Solver.dense if solver is Solver.auto else solver
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
    few = f"lanczos, or at most {most_that_fit(dense_bytes(1), power=2)} dimensions"
    require_memory(dense_bytes(n), "modes.solver", f"a dense eigensolver of {n} dimensions", few)


def dense_bytes(n: int) -> int:
    """Memory that a dense eigensolver of so many dimensions takes."""
    return 3 * 8 * n**2


def _dense(matrix: Matrix, count: int) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(matrix, np.ndarray):
        n = len(matrix)
        each = 3 * 8 * n  # as they are found, in order, and for those who asked
        fewer = f"at most {most_that_fit(each)}, or modes.of=graph"
        require_memory(each * count, "reparam.modes", f"{count} slow modes of {n} particles", fewer)
        return lowest_in_place(matrix, count)
    require_dense_memory(matrix.shape[0])
    return scipy.linalg.eigh(matrix.toarray(), subset_by_index=[0, count - 1])


def _shift_invert(matrix: "scipy.sparse.csr_array", count: int) -> tuple[np.ndarray, np.ndarray]:
    n = matrix.shape[0]
    if count >= n:  # ARPACK's basis must be larger than what is asked
        raise UserError(f"modes.solver: shift_invert finds at most n - 1 = {n - 1} modes; choose dense")
    each = 4 * 8 * n  # ARPACK's basis, twice as many as are wanted, and the modes with a copy
    fewer = f"at most {most_that_fit(each)}"
    require_memory(each * count, "reparam.modes", f"{count} slow modes of {n} particles", fewer)
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


def _product_with(matrix: Matrix) -> Partial:
    n = matrix.shape[0]
    if isinstance(matrix, np.ndarray):
        return Partial(jnp.matmul, on_device(matrix))
    if matrix.nnz > FULL * n * n:
        return Partial(jnp.matmul, on_device(matrix.toarray()))
    entries = matrix.tocoo()
    return Partial(partial(_sparse_product, n), *on_device((entries.row, entries.col, entries.data)))


def _sparse_product(n: int, rows: Array, columns: Array, values: Array, vector: Array) -> Array:
    return jax.ops.segment_sum(values * vector[columns], rows, n, indices_are_sorted=True)


def largest_eigenvalue(matrix: Matrix) -> float:
    """The largest eigenvalue of a symmetric matrix (n, n)."""
    n = matrix.shape[0]
    if n <= MAX_DENSE_NODES and not isinstance(matrix, np.ndarray):
        return float(scipy.linalg.eigvalsh(matrix.toarray(), subset_by_index=[n - 1, n - 1])[0])
    if abs(matrix).max() == 0:
        return 0.0
    start = np.random.default_rng(0).standard_normal(n)
    return float(scipy.sparse.linalg.eigsh(matrix, 1, which="LA", v0=start, return_eigenvectors=False)[0])
