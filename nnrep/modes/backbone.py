"""The Hessian's backbone: how strongly pairs of particles are coupled, over sampled configurations.

Of the (d, d) blocks H_ij of the energy's Hessian, either the mean over the samples of their Frobenius norms
(the authors' code), or the sum of the squared norms (paper eq 7). Samples are accumulated, never kept.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.local import LocalTerm
from nnrep.energies.pairwise import PairTerm
from nnrep.host.compilation import QUICKLY
from nnrep.host.stored import stored
from nnrep.modes.blocks import Couplings, as_pytrees, couplings_of, term_blocks
from nnrep.modes.hessian import column_squares
from nnrep.systems.system import as_partial

Draw = Callable[[Array, Array], Array]  # (key, t in [0, 1]) -> positions (n, d)


class Backbone(Enum):
    """What is made of the norms of a block in the samples."""

    mean_norm = "mean_norm"
    sum_square = "sum_square"


class Sampling(NamedTuple):
    """At which configurations the Hessian is taken, and what is made of them.

    Attributes:
        draw: (key, t) -> positions (n, d), t from 0 at the first sample to 1 at the last.
        samples: number of configurations.
        seed: of the samples.
        backbone: mean of norms, or sum of squares.
    """

    draw: Draw
    samples: int
    seed: int
    backbone: Backbone = Backbone.mean_norm

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""
        return jax.eval_shape(self.configuration, 0).shape

    @property
    def key(self) -> Array:
        """The key of the samples."""
        return jax.random.key(self.seed)

    def configuration(self, index: Array) -> Array:
        """Positions (n, d) of a sample."""
        t = index / jnp.maximum(1, self.samples - 1)
        return self.draw(jax.random.fold_in(self.key, index), t)


def dense_backbone(energy: Callable[[Array], Array], sampling: Sampling) -> np.ndarray:
    """The backbone (n, n) of any energy, column by column from n d products with its Hessian.

    Args:
        energy: positions (n, d) -> scalar.
        sampling: see `Sampling`.
    """
    squares = Partial(_all_columns, as_partial(energy))
    return np.asarray(over_samples(squares, sampling))


def _all_columns(energy: Partial, positions: Array) -> Array:
    return column_squares(energy, positions, jnp.arange(positions.shape[0]))


def term_backbone(
    pair_terms: tuple[PairTerm, ...], local_terms: tuple[LocalTerm, ...], sampling: Sampling
) -> "scipy.sparse.csr_array":
    """The backbone (n, n) of an energy that is a sum of terms of few particles, at O(terms) cost.

    Pairs are taken in closed form (eq 20), local terms through their own small Hessians. The matrix is
    that of `dense_backbone`.

    Args:
        pair_terms: the terms of two particles.
        local_terms: those of more.
        sampling: see `Sampling`.
    """
    n = sampling.shape[0]
    couplings = couplings_of(pair_terms, local_terms, n)
    squares = Partial(_block_squares, as_pytrees(pair_terms), as_pytrees(local_terms), couplings)
    between, diagonal = map(np.asarray, over_samples(squares, sampling))
    (i, j), nodes = couplings.edges.T, np.arange(n)
    rows, columns = np.concatenate([i, j, nodes]), np.concatenate([j, i, nodes])
    values = np.concatenate([between, between, diagonal])
    return scipy.sparse.coo_array((values, (rows, columns)), shape=(n, n)).tocsr()


def _block_squares(
    pair_terms: tuple[PairTerm, ...],
    local_terms: tuple[LocalTerm, ...],
    couplings: Couplings,
    positions: Array,
) -> tuple[Array, Array]:
    blocks, diagonal = term_blocks(pair_terms, local_terms, couplings, positions)
    return jnp.sum(blocks**2, axis=(1, 2)), jnp.sum(diagonal**2, axis=(1, 2))


def over_samples(squares: Partial, sampling: Sampling) -> Any:
    """The backbone of the squared norms (any pytree) that a function gives of positions (n, d)."""
    return _over_samples(
        squares, as_partial(sampling.draw), sampling.samples, sampling.seed, sampling.backbone
    )


@stored(static_argnames=("backbone",), compiler_options=QUICKLY)
def _over_samples(squares: Partial, draw: Partial, samples: int, seed: int, backbone: Backbone) -> Any:
    # All but the functions' code is traced: one compilation serves any number of samples.
    sampling = Sampling(draw, samples, seed)
    mean = backbone is Backbone.mean_norm

    def sample(index: Array) -> Any:
        seen = squares(sampling.configuration(index))
        return jax.tree.map(lambda value: jnp.sqrt(value) / samples, seen) if mean else seen

    shapes = jax.eval_shape(sample, jnp.zeros((), int))
    nothing = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
    return jax.lax.fori_loop(0, samples, lambda i, total: jax.tree.map(jnp.add, total, sample(i)), nothing)
