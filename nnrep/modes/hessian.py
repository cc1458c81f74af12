"""Products with the Hessian of any energy, and what is made of them: columns, the dense matrix."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.host.stored import stored
from nnrep.systems.system import as_partial

PRODUCTS_AT_ONCE = 48  # on a CPU more are no faster, and take memory


def hessian_product(energy: Callable[[Array], Array], positions: Array, direction: Array) -> Array:
    """H u (n, d) of a direction u (n, d) at positions (n, d), forward over reverse."""
    return jax.jvp(jax.grad(energy), (positions,), (direction,))[1]


def block_columns(energy: Callable[[Array], Array], positions: Array, particle: Array) -> Array:
    """Column (d, n, d) of blocks of a particle j: entry (a, i, b) is d2E / dx_ib dx_ja."""
    n, dim = positions.shape
    units = jnp.zeros((dim, n, dim), positions.dtype)
    units = units.at[:, particle].set(jnp.eye(dim, dtype=positions.dtype))
    return jax.vmap(lambda unit: hessian_product(energy, positions, unit))(units)


def column_squares(energy: Callable[[Array], Array], positions: Array, particles: Array) -> Array:
    """Squared Frobenius norms (m, n) of the blocks H_ij, for the particles j (m,), at positions (n, d)."""

    def squares(particle: Array) -> Array:
        return jnp.sum(block_columns(energy, positions, particle) ** 2, axis=(0, 2))

    at_once = max(1, PRODUCTS_AT_ONCE // positions.shape[1])
    return jax.lax.map(squares, particles, batch_size=at_once)


def dense_hessian(energy: Callable[[Array], Array], positions: Array) -> np.ndarray:
    """The Hessian (n d, n d) at positions (n, d), made symmetric to the last bit."""
    hessian = np.asarray(hessian_by_products(as_partial(energy), positions))
    return (hessian + hessian.T) / 2


@stored
def hessian_by_products(energy: Partial, positions: Array) -> Array:
    """The Hessian (n d, n d) at positions (n, d), symmetric but for rounding, from n d products with it."""
    n, dim = positions.shape
    columns = jax.lax.map(
        lambda particle: block_columns(energy, positions, particle),
        jnp.arange(n),
        batch_size=max(1, PRODUCTS_AT_ONCE // dim),
    )
    return columns.reshape(n * dim, n * dim)
