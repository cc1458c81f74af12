"""Lowest eigenpairs of a symmetric matrix that is known by its products with vectors alone.

Block Lanczos with full re-orthogonalisation and thick restarts (Wu and Simon, SIAM J. Matrix Anal. Appl. 22,
602, 2000): a basis of the Krylov space is kept, its lowest Ritz vectors begin the next one. A Krylov space
may miss copies of a multiple eigenvalue, so what has converged must stand when the search is begun again
from random vectors orthogonal to it. Meant for float64.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.errors import UserError
from nnrep.host.memory import most_that_fit, require_memory
from nnrep.systems.system import as_partial

BLOCK = 8  # vectors at a time; the six rigid motions of a molecule are found at once
SPARE = 200  # basis vectors beyond twice the wanted ones
WHOLE = 600  # dimensions up to which the basis is the whole space
BREAKDOWN = 1e-13  # a new direction this small, relative to the product, is rounding


class Lowest(NamedTuple):
    """The lowest eigenpairs.

    Attributes:
        values: (k,) ascending.
        vectors: (n, k) orthonormal.
        largest: an estimate of the largest |eigenvalue|, from below.
        products: with the matrix that were needed.
    """

    values: np.ndarray
    vectors: np.ndarray
    largest: float
    products: int


def lanczos(
    product: Callable[[Array], Array],
    n: int,
    count: int,
    *,
    tolerance: float,
    max_products: int,
) -> Lowest:
    """The lowest eigenpairs of a symmetric matrix (n, n).

    Args:
        product: vector (n,) -> matrix times vector (n,); a `Partial` of a module-level function shares its
            compilation.
        n: dimension.
        count: k, from 1 to n.
        tolerance: of the residual norms |A v - lambda v|, relative to the largest |lambda|.
        max_products: most products with the matrix.

    Raises:
        UserError: not converged after so many products.
    """
    plan = _plan(n, count)
    bases = 2 * 8 * n * (plan.size + plan.block) + 4 * 8 * plan.size**2
    what = f"lanczos of {count} modes of {n} dimensions"
    require_memory(bases, "reparam.modes", what, f"at most {max(1, (most_that_fit(16 * n) - SPARE) // 2)}")
    product = as_partial(product)
    key = jax.random.key(0)
    state = _start(n, plan, key)
    products, cycles, converged_after = 0, 0, 0
    known: np.ndarray | None = None
    while True:
        state = _cycle(product, state, plan)
        cycles += 1
        products += plan.size - (plan.kept if cycles > 1 else 0)
        values, residuals = np.asarray(state.values[:count]), np.asarray(state.residuals[:count])
        if not np.all(np.isfinite(values)):
            raise UserError("modes: a product with the matrix is not finite; choose another start or noise")
        scale = float(jnp.max(abs(state.values)))
        worst = float(np.max(residuals)) / scale if scale > 0 else 0.0
        if worst <= tolerance or plan.size == n:
            slack = 10 * tolerance * scale
            stands = known is not None and bool(np.all(values >= known - slack))
            if plan.size == n or (stands and cycles >= 2 * converged_after):
                return Lowest(values, np.asarray(state.basis[:count].T), scale, products)
            if not stands:
                known, converged_after = values, cycles
                state = _begin_again(state, plan, jax.random.fold_in(key, cycles))
        if products >= max_products:
            raise UserError(
                f"modes.solver: lanczos has not converged after {products} products, residuals are up to "
                f"{worst:.1e} of the largest eigenvalue and should be {tolerance:.0e}; raise "
                "modes.max_products, ask for fewer modes, or choose another modes.solver"
            )


class _Plan(NamedTuple):
    """Sizes: of the space, of the basis, of what is kept at a restart, of a block. Static."""

    n: int
    size: int
    kept: int
    block: int


def _plan(n: int, count: int) -> _Plan:
    wanted = 2 * count + SPARE
    if n <= max(WHOLE, 2 * wanted):
        return _Plan(n, n, n, 1)
    size = -(-wanted // BLOCK) * BLOCK
    kept = (count + (size - count) // 2) // BLOCK * BLOCK
    return _Plan(n, size, kept, BLOCK)


class _State(NamedTuple):
    """A basis, the matrix in it, and what follows from them.

    Attributes:
        basis: (m + b, n) orthonormal rows; the first ones Ritz vectors after a cycle, the last block what
            the Krylov space would go on with.
        projected: (m, m) the matrix in the basis.
        begin: basis vectors that are known at the start of a cycle.
        values: (m,) Ritz values, ascending.
        residuals: (m,) norms of their residuals.
        key: for directions that have to be made up.
    """

    basis: Array
    projected: Array
    begin: Array
    values: Array
    residuals: Array
    key: Array


def _start(n: int, plan: _Plan, key: Array) -> _State:
    first = jnp.linalg.qr(jax.random.normal(jax.random.fold_in(key, 0), (n, plan.block)))[0].T
    basis = jnp.zeros((plan.size + plan.block, n)).at[: plan.block].set(first)
    nothing = jnp.zeros(plan.size)
    return _State(basis, jnp.zeros((plan.size, plan.size)), jnp.zeros((), int), nothing, nothing, key)


@partial(jax.jit, static_argnames="plan")
def _cycle(product: Partial, state: _State, plan: _Plan) -> _State:
    """Complete the basis, take its Ritz vectors, and stand at a restart from the lowest of them."""
    size, block = plan.size, plan.block

    def extend(index: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        basis, projected, _ = carry
        row = index * block
        newest = jax.lax.dynamic_slice_in_dim(basis, row, block)
        image = jax.vmap(product)(newest)  # (b, n)
        inside = basis @ image.T
        remainder = image - inside.T @ basis
        overlap = basis @ remainder.T  # once is not enough in floating point, twice is
        remainder -= overlap.T @ basis
        inside = (inside + overlap)[:size]
        projected = jax.lax.dynamic_update_slice_in_dim(projected, inside, row, axis=1)
        projected = jax.lax.dynamic_update_slice_in_dim(projected, inside.T, row, axis=0)
        key = jax.random.fold_in(state.key, index)
        following, coupling = _orthonormal(remainder, basis, jnp.max(jnp.linalg.norm(image, axis=1)), key)
        return jax.lax.dynamic_update_slice_in_dim(basis, following, row + block, 0), projected, coupling

    none = jnp.zeros((block, block))
    carry = (state.basis, state.projected, none)
    basis, projected, coupling = jax.lax.fori_loop(state.begin // block, size // block, extend, carry)
    values, inner = jnp.linalg.eigh((projected + projected.T) / 2)
    residuals = jnp.linalg.norm(coupling @ inner[size - block :], axis=0)
    kept = jnp.where(jnp.arange(size) < plan.kept, values, 0)
    ritz = inner[:, : plan.kept].T @ basis[:size]
    restarted = jnp.zeros_like(basis).at[: plan.kept].set(ritz)
    restarted = jax.lax.dynamic_update_slice_in_dim(restarted, basis[size:], plan.kept, 0)
    return _State(restarted, jnp.diag(kept), jnp.asarray(plan.kept), values, residuals, state.key)


def _orthonormal(remainder: Array, basis: Array, scale: Array, key: Array) -> tuple[Array, Array]:
    """Orthonormal rows (b, n) along a remainder (b, n), and the (b, b) factor that gives it back.

    Where nothing but rounding remains, the space is exhausted: a random direction takes the place.
    """
    rows, factor = jnp.linalg.qr(remainder.T)
    exhausted = abs(jnp.diag(factor)) <= BREAKDOWN * scale

    def replaced() -> Array:
        made_up = jax.random.normal(key, remainder.shape)
        mixed = jnp.where(exhausted[:, None], made_up, rows.T)
        for _ in range(2):
            mixed = jnp.linalg.qr((mixed - (mixed @ basis.T) @ basis).T)[0].T
        return mixed

    following = jax.lax.cond(jnp.any(exhausted), replaced, lambda: rows.T)
    return following, jnp.where(exhausted[:, None], 0, factor)


@partial(jax.jit, static_argnames="plan")
def _begin_again(state: _State, plan: _Plan, key: Array) -> _State:
    """Go on from random directions orthogonal to the Ritz vectors that are kept."""
    kept = state.basis.at[plan.kept :].set(0)
    none = jnp.zeros((plan.block, plan.n))
    following, _ = _orthonormal(none, kept, jnp.zeros(()), key)
    return state._replace(basis=jax.lax.dynamic_update_slice_in_dim(kept, following, plan.kept, 0), key=key)
