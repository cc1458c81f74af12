"""Sums over all pairs of atoms, without a cutoff: energy and gradient from tables of the pairs' numbers.

A table is a NamedTuple of arrays (rows, n): what the energy of atoms `rows` with all n atoms follows from.
Small systems keep the table of all pairs; large ones compute it row block by row block, so that memory stays
linear in the atoms.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

MAX_TABLE_ATOMS = 2000  # tables of 48 MB in float32; beyond, the pairs' numbers are computed on the way
TABLE_BLOCK = 240
ROW_BLOCK = 64  # rows of a large system that are evaluated at a time

# Of a block of rows: a slice where the blocks are few, indices (r,) where they are evaluated in a loop.
Rows = slice | Array

# (table, squared distances), both (r, n) -> (r, n): energies of pairs, or their slopes -(dE/dr) / r, which
# times x_i - x_j are the forces on i.
OfPairs = Callable[[Any, Array], Array]


def table_energy_and_gradient(
    table: Any, energies: OfPairs, slopes: OfPairs, coordinates: Array
) -> tuple[Array, Array]:
    """Energy, and its gradient (3, n), of all pairs of a table (n, n) at coordinates (3, n).

    Blocks of rows against the columns from their own first atom on: nearly every pair but once.
    Energies and slopes are two passes, each of which XLA fuses from coordinates to one matrix; as one
    pass it would keep half a dozen matrices. The barrier keeps XLA from merging them, and where the energy
    is not asked for its pass is left out.
    """
    n = coordinates.shape[1]
    separate = jax.lax.optimization_barrier(coordinates)
    extended = with_ones(coordinates)
    energy = jnp.zeros((), coordinates.dtype)
    sums = jnp.zeros_like(extended)
    for first in range(0, n, TABLE_BLOCK):
        last = min(first + TABLE_BLOCK, n)
        size = last - first
        block = jax.tree.map(lambda values, first=first, last=last: values[first:last, first:], table)
        of_block = energies(block, squared_distances(separate[:, first:last], separate[:, first:]))
        # The block on the diagonal has its pairs twice.
        once = jnp.where(jnp.arange(n - first) < size, 0.5, 1.0).astype(of_block.dtype)
        energy += jnp.sum(of_block @ once)
        pulls = slopes(block, squared_distances(coordinates[:, first:last], coordinates[:, first:]))
        on_columns = extended[:, first:last] @ pulls
        on_rows = (pulls[:, size:] @ extended[:, last:].T).T
        sums += jnp.pad(on_columns, ((0, 0), (first, 0))) + jnp.pad(on_rows, ((0, 0), (first, n - last)))
    return energy, gradient_of(coordinates, sums)


def row_energy_and_gradient(
    table_of: Callable[[Array], Any], energies: OfPairs, slopes: OfPairs, coordinates: Array
) -> tuple[Array, Array]:
    """The same from a function of row indices (r,) that gives their table (r, n)."""
    extended = with_ones(coordinates)

    def of_rows(rows: Array) -> tuple[Array, Array]:
        table, squared = table_of(rows), squared_distances(coordinates[:, rows], coordinates)
        return row_sum(energies(table, squared)), slopes(table, squared) @ extended.T

    of_atoms, sums = by_row_blocks(of_rows, coordinates.shape[1])
    return 0.5 * jnp.sum(of_atoms), gradient_of(coordinates, sums.T)


def by_row_blocks(of_rows: Callable[[Array], tuple[Array, ...]], n: int) -> tuple[Array, ...]:
    """Results (n, ...) for all rows, from a function of row indices that is given a few at a time."""
    results = jax.lax.map(of_rows, _row_blocks(n))
    return jax.tree.map(lambda values: values.reshape(-1, *values.shape[2:])[:n], results)


def in_row_blocks(of_rows: Callable[[Rows], tuple[Array, ...]], n: int) -> tuple[Array, ...]:
    """Results (n, ...) for all rows, in few blocks for a small system, in a loop for a large one."""
    if n > MAX_TABLE_ATOMS:
        return by_row_blocks(of_rows, n)
    parts = [of_rows(rows) for rows in _few_blocks(n)]
    return tuple(jnp.concatenate(pieces) for pieces in zip(*parts, strict=True))


def row_and_column_sums(matrix: Callable[[Rows], Array], vectors: Array) -> Array:
    """sum_j (M_ij + M_ji) v_j (k, n) of vectors (k, n), from a function that gives rows (r, n) of M."""
    n = vectors.shape[1]
    if n > MAX_TABLE_ATOMS:
        return _sums_in_a_loop(matrix, vectors)
    on_rows, on_columns = [], jnp.zeros_like(vectors)
    for rows in _few_blocks(n):
        block = matrix(rows)
        on_columns += vectors[:, rows] @ block
        on_rows.append((block @ vectors.T).T)
    return on_columns + jnp.concatenate(on_rows, axis=1)


def _sums_in_a_loop(matrix: Callable[[Rows], Array], vectors: Array) -> Array:
    n = vectors.shape[1]
    rows = _row_blocks(n)
    counts = (jnp.arange(rows.size) < n).astype(vectors.dtype).reshape(rows.shape)

    def add_block(on_columns: Array, block: tuple[Array, Array]) -> tuple[Array, Array]:
        own, count = block
        of_rows = matrix(own)
        return on_columns + (count * vectors[:, own]) @ of_rows, of_rows @ vectors.T

    on_columns, on_rows = jax.lax.scan(add_block, jnp.zeros_like(vectors), (rows, counts))
    return on_columns + on_rows.reshape(-1, len(vectors))[:n].T


def _few_blocks(n: int) -> list[slice]:
    return [slice(first, min(first + TABLE_BLOCK, n)) for first in range(0, n, TABLE_BLOCK)]


def _row_blocks(n: int) -> Array:
    """Indices (b, `ROW_BLOCK`) of all rows; the last block is filled up with the last row."""
    blocks = -(-n // ROW_BLOCK)
    return jnp.minimum(jnp.arange(blocks * ROW_BLOCK), n - 1).reshape(blocks, ROW_BLOCK)


def squared_distances(rows: Array, columns: Array) -> Array:
    """Squared distances (r, c) between coordinates (3, r) and (3, c)."""
    x, y, z = (rows[k][:, None] - columns[k] for k in range(3))
    return x * x + y * y + z * z


def row_sum(part: Array) -> Array:
    """Sums over columns, as a product with ones: XLA sums the operand of a fused jnp.sum one by one."""
    return part @ jnp.ones(part.shape[1], part.dtype)


def with_ones(coordinates: Array) -> Array:
    """Coordinates (3, n) and a row of ones: times slopes, sums over partners j of slope x_j and of slope."""
    return jnp.concatenate([coordinates, jnp.ones((1, coordinates.shape[1]), coordinates.dtype)])


def gradient_of(coordinates: Array, sums: Array) -> Array:
    """-sum_j slope_ij (x_i - x_j), from the sums (4, n) over j of slope x_j and of slope."""
    return sums[:3] - coordinates * sums[3]
