"""Products with slow modes whose gradients are as fast as they are themselves."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.arrays import on_device


class Expansion(NamedTuple):
    """Psi and its transpose, each row by row in memory.

    On a CPU a product with the transpose of an array takes several times as long as one with the array, and
    every gradient has both: see scripts/bench_steps.

    Attributes:
        vectors: (n, k) Psi.
        transposed: (k, n) Psi^T.
    """

    vectors: Array
    transposed: Array


def expansion(vectors: Array) -> Expansion:
    """The vectors (n, k) of modes in both orders; twice their memory."""
    return Expansion(vectors, on_device(np.ascontiguousarray(np.asarray(vectors).T)))


def expansion_here(vectors: Array) -> Expansion:
    """The same inside a compiled program."""
    return Expansion(vectors, jnp.swapaxes(vectors, -1, -2))


def expand(psi: Expansion, amplitudes: Array) -> Array:
    """Psi Z (n, ...) of amplitudes Z (k, ...); its gradient takes Psi as constant."""
    return _product(psi.vectors, psi.transposed, amplitudes)


def project(psi: Expansion, values: Array) -> Array:
    """Psi^T X (k, ...) of values X (n, ...); its gradient takes Psi as constant."""
    return _product(psi.transposed, psi.vectors, values)


@jax.custom_vjp
def _product(matrix: Array, transposed: Array, factor: Array) -> Array:
    return matrix @ factor


def _with_transposed(matrix: Array, transposed: Array, factor: Array) -> tuple[Array, Array]:
    return matrix @ factor, transposed


def _pulled_back(transposed: Array, cotangent: Array) -> tuple[None, None, Array]:
    return None, None, transposed @ cotangent


_product.defvjp(_with_transposed, _pulled_back)
