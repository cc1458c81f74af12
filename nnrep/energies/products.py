"""Products of matrices in the whole precision of their numbers."""

import functools
from collections.abc import Callable

import jax

EXACT = "highest"  # JAX's name of it


def with_exact_products(function: Callable) -> Callable:
    """The function, traced so that no product rounds its factors.

    GPUs round factors of float32 to ten bits (TF32) by default: forces of a protein would be wrong by as much
    as its stopping rules ask for.
    """

    @functools.wraps(function)
    def exact(*args: object) -> object:
        with jax.default_matmul_precision(EXACT):
            return function(*args)

    return exact
