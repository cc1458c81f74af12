"""The Hessian's backbone: how strongly pairs of particles are coupled, averaged over configurations.

F_ij is the mean over sampled configurations of the Frobenius norm of the (d, d) block H_ij of the
energy's Hessian (paper eq 7 and the authors' code). Samples are accumulated, never kept.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.local import LocalTerm, local_hessians
from nnrep.energies.pairwise import PairTerm
from nnrep.errors import UserError
from nnrep.systems.system import as_partial

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
    norms = Partial(dense_block_norms, as_partial(energy))
    return np.asarray(_mean_over_samples(norms, as_partial(draw), samples, key))


def dense_block_norms(energy: Callable[[Array], Array], positions: Array) -> Array:
    """Frobenius norms (n, n) of the Hessian's blocks at positions (n, d)."""
    return jnp.linalg.norm(jax.hessian(energy)(positions), axis=(1, 3))


def term_backbone(
    pair_terms: tuple[PairTerm, ...],
    local_terms: tuple[LocalTerm, ...],
    draw: Draw,
    samples: int,
    key: Array,
) -> scipy.sparse.csr_array:
    """F (n, n) of an energy that is a sum of terms of few particles, at O(terms) cost.

    Pairs are taken in closed form (eq 20), local terms through their own small Hessians. Other arguments
    are those of `dense_backbone`, and so is the matrix.
    """
    n = jax.eval_shape(draw, key, jnp.zeros(())).shape[0]
    couplings = couplings_of(pair_terms, local_terms, n)
    pairs = tuple(term._replace(potential=as_partial(term.potential)) for term in pair_terms)
    locals_ = tuple(term._replace(potential=as_partial(term.potential)) for term in local_terms)
    norms = Partial(term_block_norms, pairs, locals_, couplings)
    mean = _mean_over_samples(norms, as_partial(draw), samples, key)
    between, diagonal = (np.asarray(values) for values in mean)
    (i, j), nodes = couplings.edges.T, np.arange(n)
    rows, columns = np.concatenate([i, j, nodes]), np.concatenate([j, i, nodes])
    values = np.concatenate([between, between, diagonal])
    return scipy.sparse.coo_array((values, (rows, columns)), shape=(n, n)).tocsr()


class Couplings(NamedTuple):
    """Which particles are coupled, and by which terms.

    Attributes:
        edges: (m, 2) distinct pairs of particles, the smaller index first.
        of_pairs: for each pair term, the edge (t,) of each of its pairs.
        of_local: for each local term, the edge (t, c) of each pair of its particles, in the order of
            `itertools.combinations`.
    """

    edges: np.ndarray
    of_pairs: list[np.ndarray]
    of_local: list[np.ndarray]


def couplings_of(pair_terms: tuple[PairTerm, ...], local_terms: tuple[LocalTerm, ...], n: int) -> Couplings:
    """The distinct pairs of n particles that terms couple."""
    chosen = [np.asarray(term.pairs)[:, None] for term in pair_terms]
    for term in local_terms:
        particles = np.asarray(term.particles)
        chosen.append(particles[:, list(combinations(range(particles.shape[1]), 2))])
    codes = [pairs.min(axis=2).astype(np.int64) * n + pairs.max(axis=2) for pairs in chosen]
    distinct, inverse = np.unique(np.concatenate([c.ravel() for c in codes]), return_inverse=True)
    pieces = np.split(inverse, np.cumsum([code.size for code in codes])[:-1])
    members = [piece.reshape(code.shape) for piece, code in zip(pieces, codes, strict=True)]
    count = len(pair_terms)
    edges = np.stack([distinct // n, distinct % n], axis=1)
    return Couplings(edges, [member[:, 0] for member in members[:count]], members[count:])


def term_block_norms(
    pair_terms: tuple[PairTerm, ...],
    local_terms: tuple[LocalTerm, ...],
    couplings: Couplings,
    positions: Array,
) -> tuple[Array, Array]:
    """Norms of the Hessian's blocks of a sum of terms at positions (n, d).

    A pair term w f(u) of u = |x_i - x_j|^2 and y = x_i - x_j adds -w (4 f''(u) y y^T + 2 f'(u) I) to H_ij,
    which is eq 20 written in u. Terms that share a pair are summed before the norm is taken. No term
    changes when all particles are moved together, so H_ii is minus the sum of the H_ij.

    Args:
        pair_terms: the terms of two particles.
        local_terms: those of more.
        couplings: of these terms.
        positions: (n, d).

    Returns:
        Norms of the blocks between particles (m,), and on the diagonal (n,).
    """
    n, dim = positions.shape
    i, j = couplings.edges.T
    y = positions[i] - positions[j]
    u = jnp.sum(y**2, axis=1)
    blocks = jnp.zeros((len(i), dim, dim), positions.dtype)  # -H_ij, with i < j
    for term, edge in zip(pair_terms, couplings.of_pairs, strict=True):
        stretched = term.stretch * u[edge]
        first = term.stretch * jax.vmap(jax.grad(term.potential))(stretched)
        second = term.stretch**2 * jax.vmap(jax.grad(jax.grad(term.potential)))(stretched)
        along = (4 * term.weight * second)[:, None, None] * y[edge][:, :, None] * y[edge][:, None, :]
        across = (2 * term.weight * first)[:, None, None] * jnp.eye(dim, dtype=positions.dtype)
        blocks = blocks.at[edge].add(along + across)
    for local, edges in zip(local_terms, couplings.of_local, strict=True):
        hessians = local_hessians(local, positions)
        for column, (a, b) in enumerate(combinations(range(local.particles.shape[1]), 2)):
            ascending = (local.particles[:, a] < local.particles[:, b])[:, None, None]
            block = hessians[:, a, :, b, :]
            oriented = jnp.where(ascending, block, jnp.swapaxes(block, 1, 2))
            blocks = blocks.at[edges[:, column]].add(-oriented)
    diagonal = jax.ops.segment_sum(blocks, i, n) + jax.ops.segment_sum(jnp.swapaxes(blocks, 1, 2), j, n)
    return jnp.linalg.norm(blocks, axis=(1, 2)), jnp.linalg.norm(diagonal, axis=(1, 2))


@jax.jit
def _mean_over_samples(norms: Partial, draw: Partial, samples: int, key: Array) -> Any:
    """Mean of norms(positions) over drawn configurations; all but the functions' code is traced."""

    def sample(index: Array) -> Any:
        t = index / jnp.maximum(1, samples - 1)
        return norms(draw(jax.random.fold_in(key, index), t))

    shapes = jax.eval_shape(sample, jnp.zeros((), int))
    nothing = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
    total = jax.lax.fori_loop(0, samples, lambda i, total: jax.tree.map(jnp.add, total, sample(i)), nothing)
    return jax.tree.map(lambda value: value / samples, total)
