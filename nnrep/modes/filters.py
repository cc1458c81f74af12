"""Functions of a graph Laplacian, S = (L / lambda_max + shift)^(-power), as linear maps of positions.

Where the matrix is small, S is formed from all eigenvectors. Beyond, it is a Chebyshev series in L, as exact
as the precision of the process, which costs as many products with L as it has terms: no eigenvectors.
"""

from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.errors import require
from nnrep.modes.eigensolvers import MAX_DENSE_NODES, largest_eigenvalue

# By scripts/bench_beyond: up to here one product with a dense matrix is faster than the series.
MAX_DENSE_FILTER = 1000
MAX_DEGREE = 2000  # of a series
BEYOND = 1.002  # of the largest eigenvalue, to which a series reaches: outside it grows at once
MAX_DIAGONALS = 16  # of a matrix that is kept by its diagonals: a chain's has few, and slices need no indices


class Filter(NamedTuple):
    """S and its inverse: pytrees, functions of (n, d) arrays.

    Attributes:
        forward: X -> S X.
        backward: X -> S^-1 X, to rounding.
        degree: of the series; 0 where S is a dense matrix.
    """

    forward: Partial
    backward: Partial
    degree: int


def spectral_filter(
    laplacian: "scipy.sparse.csr_array",
    shift: float,
    power: float,
    dense: bool | None = None,
    key: str = "reparam.shift",
) -> Filter:
    """S = (L / lambda_max + shift)^(-power) of a Laplacian L (n, n), and its inverse.

    Args:
        laplacian: symmetric, positive semi-definite.
        shift: positive.
        power: any.
        dense: whether S is formed; None goes by size.
        key: which errors name.

    Raises:
        ConfigError: the shift is so small that a series would be longer than `MAX_DEGREE`.
    """
    if dense or (dense is None and laplacian.shape[0] <= MAX_DENSE_FILTER):
        matrix = np.asarray(laplacian.toarray(), float)
        values, vectors = _decomposed(len(matrix), matrix.tobytes())
        scales = filter_values(values / (values[-1] or 1.0), shift, power)
        return dense_filter(vectors, scales)
    product = _product_with(laplacian / (BEYOND * (largest_of(laplacian) or 1.0)))
    series = [chebyshev_series(shift, p, key) for p in (power, -power)]
    operators = [Partial(_clenshaw, product, on_device(coefficients)) for coefficients in series]
    forward, backward = (Partial(symmetric, operator) for operator in operators)
    return Filter(forward, backward, max(map(len, series)) - 1)


@lru_cache(maxsize=1)
def _decomposed(n: int, matrix: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of a matrix (n, n): several filters of one matrix take them once."""
    values, vectors = scipy.linalg.eigh(np.frombuffer(matrix).reshape(n, n))
    return values, vectors


def dense_filter(vectors: np.ndarray, scales: np.ndarray | Array) -> Filter:
    """Psi diag(S_i) Psi^T and its inverse as matrices, of all modes Psi (n, n) and their scales (n,)."""
    both = [on_device((vectors * s) @ vectors.T) for s in (scales, 1 / scales)]
    forward, backward = (Partial(symmetric, Partial(jnp.matmul, matrix)) for matrix in both)
    return Filter(forward, backward, 0)


def largest_of(laplacian: "scipy.sparse.csr_array") -> float:
    """The largest eigenvalue; of large matrices, whose spectra are dense there, up to a thousandth less."""
    n = laplacian.shape[0]
    if n <= MAX_DENSE_NODES:
        return largest_eigenvalue(laplacian)
    start = np.random.default_rng(0).standard_normal(n)
    top = scipy.sparse.linalg.eigsh(laplacian, 1, which="LA", tol=1e-3, v0=start, return_eigenvectors=False)
    return float(top[0])


def filter_values(relative: np.ndarray, shift: float, power: float) -> np.ndarray:
    """S_i of eigenvalues relative to the largest; those below zero, by rounding, count as zero."""
    return (np.maximum(relative, 0.0) + shift) ** -power


def chebyshev_series(shift: float, power: float, key: str = "reparam.shift") -> np.ndarray:
    """Coefficients of (x + shift)^(-power), in T_k(2 x / b - 1) on [0, b], up to the process's precision.

    b is `BEYOND`.

    They fall the faster the farther the singularity, at -shift, is away (Trefethen, Approximation Theory and
    Approximation Practice, 2013, chapter 8).

    Raises:
        ConfigError: they do not fall fast enough.
    """
    # At Chebyshev's points, whose cosine transform gives the coefficients.
    angles = np.pi * (np.arange(MAX_DEGREE) + 0.5) / MAX_DEGREE
    seen = (BEYOND * (np.cos(angles) + 1) / 2 + shift) ** -power
    all_of_them = scipy.fft.dct(seen) / MAX_DEGREE
    all_of_them[0] /= 2
    eps = float(jnp.finfo(jnp.result_type(float)).eps)
    needed = 1 + int(np.flatnonzero(abs(all_of_them) > eps * abs(all_of_them).max())[-1])
    require(needed <= MAX_DEGREE // 2, key, "so large that a series can follow it", shift)
    return all_of_them[: max(needed, 2)]


@jax.custom_vjp
def symmetric(operator: Partial, positions: Array) -> Array:
    """A symmetric linear map of positions (n, d): gradients go through the map itself, not its transpose."""
    return operator(positions)


def _symmetric_forward(operator: Partial, positions: Array) -> tuple[Array, Partial]:
    return operator(positions), operator


def _symmetric_backward(operator: Partial, cotangent: Array) -> tuple[None, Array]:
    return None, operator(cotangent)


symmetric.defvjp(_symmetric_forward, _symmetric_backward)


def _clenshaw(product: Partial, series: Array, positions: Array) -> Array:
    """The series in t = 2 A - 1 of a matrix A, applied to positions (n, d) by Clenshaw's recurrence."""
    columns = positions.T  # contiguous along the particles

    def shifted(x: Array) -> Array:
        return 2 * product(x) - x

    def down(carry: tuple[Array, Array], coefficient: Array) -> tuple[tuple[Array, Array], None]:
        one, two = carry
        return (coefficient * columns + 2 * shifted(one) - two, one), None

    nothing = jnp.zeros_like(columns)
    (one, two), _ = jax.lax.scan(down, (nothing, nothing), series[:0:-1], unroll=4)
    return (series[0] * columns + shifted(one) - two).T


def _product_with(matrix: "scipy.sparse.csr_array") -> Partial:
    """x (d, n) -> x A of a symmetric matrix A (n, n), by its diagonals if they are few, else its entries."""
    entries = matrix.tocoo()
    offsets = np.union1d(entries.col - entries.row, [0])
    if len(offsets) > MAX_DIAGONALS:
        arrays = on_device((entries.row, entries.col, entries.data))
        return Partial(partial(_by_entries, matrix.shape[0]), *arrays)
    diagonals = np.zeros((len(offsets), matrix.shape[0]))
    diagonals[np.searchsorted(offsets, entries.col - entries.row), entries.row] = entries.data
    return Partial(partial(_by_diagonals, tuple(map(int, offsets))), on_device(diagonals))


def _by_entries(n: int, rows: Array, columns: Array, values: Array, x: Array) -> Array:
    return jax.ops.segment_sum((values * x[:, columns]).T, rows, n, indices_are_sorted=True).T


def _by_diagonals(offsets: tuple[int, ...], diagonals: Array, x: Array) -> Array:
    # Slices of one padded array become one loop; rolled copies would each go through memory.
    n, reach = x.shape[1], max(map(abs, offsets))
    padded = jnp.pad(x, ((0, 0), (reach, reach)))
    starts = [reach + offset for offset in offsets]
    terms = [row * padded[:, start : start + n] for row, start in zip(diagonals, starts, strict=True)]
    return sum(terms[1:], start=terms[0])
