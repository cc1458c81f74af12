"""The backbone of an energy of all pairs, some rows of the matrix at a time: nothing is listed pair by pair.

The block of a pair of particles is that of its radial energy, in closed form (paper eq 20, written in u = r^2
as in `term_blocks`), and for the few pairs that other terms couple as well, the sum of both.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.local import LocalTerm
from nnrep.host.compilation import QUICKLY
from nnrep.host.memory import require_memory
from nnrep.modes.backbone import Backbone, Sampling
from nnrep.modes.blocks import Couplings, as_pytrees, couplings_of, derivatives, term_blocks
from nnrep.systems.system import PairRows, as_partial

ROWS = 128
COPIES = 2  # of the matrix there are at once, in this precision, before its Laplacian is made


def row_backbone(
    pairs: PairRows, local_terms: tuple[LocalTerm, ...], sampling: Sampling, particles: int
) -> np.ndarray:
    """The backbone (n, n) of a system of all pairs and terms of few particles.

    Args:
        pairs: the energies of all pairs, and the other terms of two particles.
        local_terms: those of more.
        sampling: see `Sampling`.
        particles: n; dummies follow them, see `System`.

    Raises:
        UserError: the matrix does not fit into memory.
    """
    dtype = jnp.zeros(()).dtype
    needed = COPIES * dtype.itemsize * particles**2
    what = f"the backbone of all pairs of {particles} particles"
    require_memory(needed, "modes.of", what, "graph, whose matrix is sparse")
    size = sampling.shape[0]
    others, local = as_pytrees(pairs.others), as_pytrees(local_terms)
    couplings = couplings_of(others, local, size)
    edge, partner = _by_particle(couplings, size)
    total = np.zeros((particles, particles), dtype)
    draw, drawn = as_partial(sampling.draw), (sampling.samples, sampling.seed)
    for sample in range(sampling.samples):
        placed, blocks, diagonal = _coupled(others, local, couplings, draw, *drawn, np.int32(sample))
        row_energies = pairs.row_energies if pairs.at is None else _energies_at(pairs, placed)
        for first in range(0, particles, ROWS):
            rows = np.minimum(first + np.arange(ROWS), size - 1)
            squares = _row_squares(row_energies, placed, blocks, diagonal, rows, edge[rows], partner[rows])
            kept = np.asarray(squares)[: particles - first, :particles]
            part = total[first : first + ROWS]
            part += np.sqrt(kept) / sampling.samples if sampling.backbone is Backbone.mean_norm else kept
    return total


def _energies_at(pairs: PairRows, positions: Array) -> Partial:
    """The energies of all pairs with their parameters at positions (n, d)."""
    assert pairs.at is not None
    return Partial(pairs.row_energies.func, _parameters_at(pairs.at, positions))


@partial(jax.jit, compiler_options=QUICKLY)
def _parameters_at(at: Partial, positions: Array) -> Any:
    return at(positions)


def _by_particle(couplings: Couplings, n: int) -> tuple[np.ndarray, np.ndarray]:
    """For each particle its edges (n, w), filled up with one beyond the last, and their other ends (n, w)."""
    i, j = couplings.edges.T
    count = len(couplings.edges)
    particle = np.concatenate([i, j])
    order = np.argsort(particle, kind="stable")
    particle = particle[order]
    place = np.arange(len(particle)) - np.searchsorted(particle, particle)
    width = int(place.max(initial=0)) + 1
    edge = np.full((n, width), count, np.int32)
    partner = np.repeat(np.arange(n, dtype=np.int32)[:, None], width, axis=1)
    edge[particle, place] = np.concatenate([np.arange(count)] * 2)[order]
    partner[particle, place] = np.concatenate([j, i])[order]
    return edge, partner


@partial(jax.jit, compiler_options=QUICKLY)
def _coupled(
    others: tuple, local: tuple, couplings: Couplings, draw: Partial, samples: int, seed: int, sample: Array
) -> tuple[Array, Array, Array]:
    """A sample's positions (n, d); of other terms -H_ij (m + 1, d, d), the last zero, and H_ii (n, d, d)."""
    positions = Sampling(draw, samples, seed).configuration(sample)
    blocks, diagonal = term_blocks(others, local, couplings, positions)
    return positions, jnp.pad(blocks, ((0, 1), (0, 0), (0, 0))), diagonal


@partial(jax.jit, compiler_options=QUICKLY)
def _row_squares(
    row_energies: Partial,
    positions: Array,
    blocks: Array,
    diagonal: Array,
    rows: Array,
    edge: Array,
    partner: Array,
) -> Array:
    """Squared norms (r, n) of the blocks of some particles with all."""
    dim = positions.shape[1]
    columns = positions.T
    y = columns[:, rows, None] - columns[:, None]  # (d, r, n)
    u = jnp.sum(y**2, axis=0)
    itself = rows[:, None] == jnp.arange(len(positions))
    # A particle has no energy with itself, but potentials have no derivatives there.
    first, second = derivatives(partial(row_energies, rows), jnp.where(itself, 1, u))
    along, across = (jnp.where(itself, 0, each) for each in (4 * second, 2 * first))
    squares = (along * u) ** 2 + 2 * along * across * u + dim * across**2
    own, row = blocks[edge], jnp.arange(len(rows))[:, None]
    seen, along_own, across_own = y[:, row, partner], along[row, partner], across[row, partner]
    pulled = jnp.einsum("arw,rwab,brw->rw", seen, own, seen)
    mixed = along_own * pulled + across_own * jnp.trace(own, axis1=2, axis2=3)
    squares = squares.at[row, partner].add(2 * mixed + jnp.sum(own**2, axis=(2, 3)))
    of_pairs = jnp.einsum("arn,brn->rab", along * y, y) + jnp.sum(across, axis=1)[:, None, None] * jnp.eye(
        dim
    )
    whole = jnp.sum((of_pairs + diagonal[rows]) ** 2, axis=(1, 2))
    return jnp.maximum(squares, 0).at[row[:, 0], rows].set(whole)
