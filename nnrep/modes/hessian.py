"""The Hessian's backbone: how strongly pairs of particles are coupled, averaged over configurations.

F_ij is the mean over sampled configurations of the Frobenius norm of the (d, d) block H_ij of the
energy's Hessian (paper eq 7 and the authors' code). Samples are accumulated, never kept.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax import Array

from nnrep.energies.pairwise import PairTerm
from nnrep.errors import UserError

T = TypeVar("T")
Draw = Callable[[Array, Array], Array]  # (key, t in [0, 1]) -> positions (n, d)

MAX_DENSE_COORDINATES = 6000  # a Hessian of 288 MB in float64


def dense_backbone(energy: Callable[[Array], Array], draw: Draw, samples: int, key: Array) -> np.ndarray:
    """F (n, n) of any energy, through its dense Hessian `jax.hessian`.

    Args:
        energy: positions (n, d) -> scalar.
        draw: (key, t) -> positions (n, d).
        samples: number of configurations.
        key: of the samples.

    Raises:
        UserError: the dense Hessian would be too large.
    """
    shape = jax.eval_shape(draw, key, jnp.zeros(())).shape
    coordinates = shape[0] * shape[1]
    if coordinates > MAX_DENSE_COORDINATES:
        raise UserError(
            f"the dense Hessian of {shape[0]} particles would take {coordinates**2 * 8 / 1e9:.1f} GB; "
            f"give the system its coupling_terms, or at most {MAX_DENSE_COORDINATES // shape[1]} particles"
        )
    return np.asarray(_mean_over_samples(partial(dense_block_norms, energy), draw, samples, key))


def dense_block_norms(energy: Callable[[Array], Array], positions: Array) -> Array:
    """Frobenius norms (n, n) of the Hessian's blocks at positions (n, d)."""
    return jnp.linalg.norm(jax.hessian(energy)(positions), axis=(1, 3))


def pair_backbone(
    terms: tuple[PairTerm, ...], draw: Draw, samples: int, key: Array
) -> scipy.sparse.csr_array:
    """F (n, n) of an energy that is a sum of pair terms, in closed form (eq 20), at O(pairs) cost.

    Same arguments as `dense_backbone`, and the same matrix.
    """
    n = jax.eval_shape(draw, key, jnp.zeros(())).shape[0]
    edges, members = _merge_pairs(terms, n)
    norms = partial(pair_block_norms, terms, edges, members)
    between, diagonal = (np.asarray(v) for v in _mean_over_samples(norms, draw, samples, key))
    (i, j), nodes = edges.T, np.arange(n)
    rows, columns = np.concatenate([i, j, nodes]), np.concatenate([j, i, nodes])
    values = np.concatenate([between, between, diagonal])
    return scipy.sparse.coo_array((values, (rows, columns)), shape=(n, n)).tocsr()


def pair_block_norms(
    terms: tuple[PairTerm, ...], edges: np.ndarray, members: list[np.ndarray], positions: Array
) -> tuple[Array, Array]:
    """Norms of the Hessian's blocks of pair terms at positions (n, d).

    A term w f(u) of u = |x_i - x_j|^2 and y = x_i - x_j adds -w (4 f''(u) y y^T + 2 f'(u) I) to H_ij,
    which is eq 20 written in u, and its negative to H_ii and H_jj. Terms that share a pair are summed
    before the norm is taken.

    Args:
        terms: the pair terms.
        edges: (m, 2) their distinct pairs.
        members: for each term, the edge of each of its pairs.
        positions: (n, d).

    Returns:
        Norms of the blocks between particles (m,), and on the diagonal (n,).
    """
    n, dim = positions.shape
    y = positions[edges[:, 0]] - positions[edges[:, 1]]
    u = jnp.sum(y**2, axis=1)
    blocks = jnp.zeros((len(edges), dim, dim), positions.dtype)
    for (_, weight, potential), edge in zip(terms, members, strict=True):
        first = jax.vmap(jax.grad(potential))(u[edge])
        second = jax.vmap(jax.grad(jax.grad(potential)))(u[edge])
        along = (4 * weight * second)[:, None, None] * y[edge][:, :, None] * y[edge][:, None, :]
        across = (2 * weight * first)[:, None, None] * jnp.eye(dim, dtype=positions.dtype)
        blocks = blocks.at[edge].add(along + across)
    diagonal = jax.ops.segment_sum(blocks, edges[:, 0], n) + jax.ops.segment_sum(blocks, edges[:, 1], n)
    return jnp.linalg.norm(blocks, axis=(1, 2)), jnp.linalg.norm(diagonal, axis=(1, 2))


def _merge_pairs(terms: tuple[PairTerm, ...], n: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Distinct pairs (m, 2), and for each term the indices of its pairs among them."""
    ordered = [np.sort(term.pairs, axis=1) for term in terms]
    codes = [pairs[:, 0] * n + pairs[:, 1] for pairs in ordered]
    distinct, inverse = np.unique(np.concatenate(codes), return_inverse=True)
    members = np.split(inverse, np.cumsum([len(code) for code in codes])[:-1])
    return np.stack([distinct // n, distinct % n], axis=1), members


def _mean_over_samples(norms: Callable[[Array], T], draw: Draw, samples: int, key: Array) -> T:
    def sample(index: Array) -> T:
        t = index / max(1, samples - 1)
        return norms(draw(jax.random.fold_in(key, index), t))

    @jax.jit
    def mean() -> T:
        total = jax.lax.fori_loop(
            1, samples, lambda i, total: jax.tree.map(jnp.add, total, sample(i)), sample(jnp.zeros((), int))
        )
        return jax.tree.map(lambda value: value / samples, total)

    return mean()
