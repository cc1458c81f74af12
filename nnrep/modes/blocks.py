"""The Hessian's blocks of an energy that is a sum of terms of few particles, each pair of particles once."""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.local import LocalTerm, local_hessians
from nnrep.energies.pairwise import PairTerm, at_positions
from nnrep.systems.system import as_partial

T = TypeVar("T", PairTerm, LocalTerm)


def as_pytrees(terms: tuple[T, ...]) -> tuple[T, ...]:
    """Terms whose functions JAX can take as arguments."""
    named = ("potential", "gradient", "at")
    return tuple(
        term._replace(**{name: as_partial(getattr(term, name)) for name in named if hasattr(term, name)})
        for term in terms
    )


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
    # Terms often share their pairs, of which a protein has hundreds of thousands.
    of_array = {id(term.pairs): np.asarray(term.pairs) for term in pair_terms}
    chosen = [pairs[:, None] for pairs in of_array.values()]
    for term in local_terms:
        particles = np.asarray(term.particles)
        chosen.append(particles[:, _pairs_among(particles.shape[1])])
    codes = [_codes(pairs[..., 0].astype(np.int64), pairs[..., 1], n) for pairs in chosen]
    distinct, inverse = np.unique(np.concatenate([code.ravel() for code in codes]), return_inverse=True)
    pieces = np.split(inverse, np.cumsum([code.size for code in codes])[:-1])
    members = [piece.reshape(code.shape) for piece, code in zip(pieces, codes, strict=True)]
    place = {identity: members[index][:, 0] for index, identity in enumerate(of_array)}
    edges = np.stack([distinct // n, distinct % n], axis=1)
    return Couplings(edges, [place[id(term.pairs)] for term in pair_terms], members[len(of_array) :])


def _pairs_among(count: int) -> np.ndarray:
    """The pairs (c, 2) among so many particles of a term; none of a single one."""
    return np.array(list(combinations(range(count), 2)), int).reshape(-1, 2)


def _codes(first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """A number for each pair of n particles, whichever comes first."""
    return np.minimum(first, second) * n + np.maximum(first, second)


def term_blocks(
    pair_terms: tuple[PairTerm, ...],
    local_terms: tuple[LocalTerm, ...],
    couplings: Couplings,
    positions: Array,
) -> tuple[Array, Array]:
    """Blocks of the Hessian of a sum of terms at positions (n, d), with their sign changed.

    A pair term w f(u) of u = |x_i - x_j|^2 and y = x_i - x_j adds -w (4 f''(u) y y^T + 2 f'(u) I) to H_ij,
    which is eq 20 written in u. Terms that share a pair are summed. No term of several particles changes
    when all are moved together, so H_ii is minus the sum of the H_ij; terms of one particle are added to it.

    Args:
        pair_terms: the terms of two particles.
        local_terms: those of more.
        couplings: of these terms.
        positions: (n, d).

    Returns:
        -H_ij (m, d, d) of each of the couplings' edges, and H_ii (n, d, d).
    """
    n, dim = positions.shape
    i, j = couplings.edges.T
    y = positions[i] - positions[j]
    u = jnp.sum(y**2, axis=1)
    along = across = jnp.zeros_like(u)
    for term, edge in zip(at_positions(pair_terms, positions), couplings.of_pairs, strict=True):
        # Pairs of no strength may be anywhere, even in one place, where potentials have no derivatives.
        distant = jnp.where(jnp.equal(term.weight, 0), 1, u[edge])
        first, second = derivatives(term.potential, term.stretch * distant)
        along = along.at[edge].add(4 * term.weight * term.stretch**2 * second)
        across = across.at[edge].add(2 * term.weight * term.stretch * first)
    pulls = along[:, None, None] * y[:, :, None] * y[:, None, :]
    blocks = pulls + across[:, None, None] * jnp.eye(dim, dtype=positions.dtype)
    single = [local for local in local_terms if local.particles.shape[1] == 1]
    for local, edges in zip(local_terms, couplings.of_local, strict=True):
        if local.particles.shape[1] > 1:
            blocks = blocks.at[edges].add(-_between(local, positions))
    diagonal = jax.ops.segment_sum(blocks, i, n) + jax.ops.segment_sum(jnp.swapaxes(blocks, 1, 2), j, n)
    for local in single:
        diagonal = diagonal.at[local.particles[:, 0]].add(local_hessians(local, positions)[:, 0, :, 0])
    return blocks, diagonal


def derivatives(potential: Callable[[Array], Array], u: Array) -> tuple[Array, Array]:
    """First and second derivative of a potential at squared distances (m,), which it takes elementwise."""

    def first(u: Array) -> Array:
        return jax.jvp(potential, (u,), (jnp.ones_like(u),))[1]

    return jax.jvp(first, (u,), (jnp.ones_like(u),))


def _between(term: LocalTerm, positions: Array) -> Array:
    """Blocks (m, c, d, d) of a term's Hessians, of each pair of its particles, the smaller index first."""
    a, b = _pairs_among(term.particles.shape[1]).T
    blocks = jnp.moveaxis(local_hessians(term, positions), 3, 2)[:, a, b]
    ascending = (term.particles[:, a] < term.particles[:, b])[..., None, None]
    return jnp.where(ascending, blocks, jnp.swapaxes(blocks, -1, -2))
