"""Vectors as triples of arrays: one array a component, so that every operation is elementwise."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

Vector = tuple[Array, Array, Array]


def components(positions: Array) -> Array:
    """Positions (n, 3) as (3, n) in memory of that order.

    A transpose would be fused into every reader, which then strides through memory: the pair loop is
    half as slow again. Products with unit vectors are exact, and are not fused.
    """

    def component(unit: Array) -> Array:
        return jnp.dot(positions, unit, precision=jax.lax.Precision.HIGHEST)

    return jnp.stack([component(unit) for unit in jnp.eye(3, dtype=positions.dtype)])


def as_vector(rows: Array) -> Vector:
    """The rows of an array (3, ...)."""
    x, y, z = rows
    return x, y, z


def take(coordinates: Sequence[Array] | Array, indices: Array) -> Vector:
    """Vectors (m,) from coordinates (3, n) at indices (m,)."""
    x, y, z = (coordinates[k][indices] for k in range(3))
    return x, y, z


def add(*vectors: Vector) -> Vector:
    """Sum of vectors."""
    x, y, z = (sum(parts[1:], parts[0]) for parts in zip(*vectors, strict=True))
    return x, y, z


def subtract(a: Vector, b: Vector) -> Vector:
    """a - b."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def scale(factor: Array | float, a: Vector) -> Vector:
    """Factor times a."""
    return factor * a[0], factor * a[1], factor * a[2]


def dot(a: Vector, b: Vector) -> Array:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
