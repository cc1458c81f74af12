"""The full Hessian of a system as a function of its positions, to be used inside compiled programs."""

from enum import Enum
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.energies.local import LocalTerm
from nnrep.energies.pairwise import PairTerm
from nnrep.errors import UserError
from nnrep.host.memory import require_memory
from nnrep.host.terminal import log
from nnrep.modes.blocks import Couplings, as_pytrees, couplings_of, derivatives, term_blocks
from nnrep.modes.hessian import hessian_by_products
from nnrep.modes.normal import MAX_DENSE_COORDINATES
from nnrep.systems.system import System

MATRICES = 5  # of all coordinates there are at once: the Hessian, its modes, LAPACK's


class TooLarge(Enum):
    """What becomes of a system whose Hessian is too large."""

    refuse = "refuse"
    none = "none"


def is_too_large(system: System) -> bool:
    """Whether the Hessian of a system is too large to be formed, which is logged."""
    size = system.n * system.positions.shape[1]
    if size > MAX_DENSE_COORDINATES:
        reason = "the Hessian of %d coordinates is not formed, there is no map"
        log().info(f"reparam.too_large=none: {reason}", size)
    return size > MAX_DENSE_COORDINATES


def hessian_of(
    system: System, background: bool = True, key: str = "modes.of", instead: str = "graph or backbone"
) -> Partial:
    """positions (n, d) -> the Hessian (n d, n d) of the exact energy.

    Where the energy is a sum of pair and local terms, it is summed from their blocks in closed form; else it
    takes n d products. The blocks of an implicit solvent are at fixed Born radii, without its surface. Rows
    and columns of frozen particles are zero.

    Args:
        system: whose.
        background: with the pairs that have no coupling of their own.
        key, instead: which errors name, and what else to choose.

    Raises:
        UserError: it would be too large.
    """
    size = system.n * system.positions.shape[1]
    if size > MAX_DENSE_COORDINATES:
        raise UserError(
            f"{key}: the Hessian of {size} coordinates takes {8e-9 * size**2:.1f} GB; choose {instead}, "
            f"or at most {MAX_DENSE_COORDINATES} coordinates"
        )
    width = system.positions.dtype.itemsize
    require_memory(MATRICES * width * size**2, key, f"the Hessian of {size} coordinates", instead)
    if (background and system.background_terms is not None) or not (
        system.coupling_terms or system.local_terms
    ):
        return Partial(hessian_by_products, system.energy)  # which is pinned where particles are frozen
    rows, listed = system.pair_rows, system.coupling_terms
    listed = rows.others if rows else listed() if callable(listed) else listed
    terms, local = as_pytrees(listed), as_pytrees(system.local_terms)
    couplings = couplings_of(terms, local, len(system.positions))
    if rows is None:
        whole = Partial(_from_blocks, terms, local, couplings)
    else:
        others = Partial(_from_blocks, terms, local, _of_one_size(couplings, terms, local))
        whole = Partial(_with_rows, others, rows.row_energies, rows.at)
    return whole if system.frozen is None else Partial(_of_free, whole, on_device(system.particles))


def _of_one_size(
    couplings: Couplings, pairs: tuple[PairTerm, ...], local: tuple[LocalTerm, ...]
) -> Couplings:
    """The couplings with an edge for each term, if these are more: then as many terms are the same program.

    What is added repeats the first edge, and has no term.
    """
    count = sum({id(term.pairs): len(term.pairs) for term in pairs}.values())
    more = count + sum(len(term.particles) for term in local) - len(couplings.edges)
    first = couplings.edges[:1]
    return couplings._replace(edges=np.concatenate([couplings.edges, *[first] * max(0, more)]))


def _of_free(hessian: Partial, particles: Array, positions: Array) -> Array:
    """The Hessian with neither rows nor columns of frozen particles; particles (n,) that may move are 1."""
    moving = jnp.repeat(particles > 0, positions.shape[1])
    return jnp.where(moving[:, None] & moving, hessian(positions), 0)


def _from_blocks(
    pairs: tuple[PairTerm, ...], local: tuple[LocalTerm, ...], couplings: Couplings, positions: Array
) -> Array:
    n, dim = positions.shape
    blocks, diagonal = term_blocks(pairs, local, couplings, positions)
    i, j = couplings.edges.T
    nodes = jnp.arange(n)
    whole = jnp.zeros((n, dim, n, dim), positions.dtype)
    whole = whole.at[i, :, j].add(-blocks).at[j, :, i].add(-jnp.swapaxes(blocks, 1, 2))
    return whole.at[nodes, :, nodes].set(diagonal).reshape(n * dim, n * dim)


def _with_rows(others: Partial, row_energies: Partial, at: Partial | None, positions: Array) -> Array:
    """The same with all pairs, whose blocks stand as in `term_blocks` but are not listed.

    Args:
        others: positions (n, d) -> the Hessian (n d, n d) of all other terms.
        row_energies, at: see `PairRows`.
        positions: (n, d).
    """
    n, dim = positions.shape
    of_rows = row_energies if at is None else Partial(row_energies.func, at(positions))
    y = [column[:, None] - column for column in positions.T]  # each (n, n)
    u = sum(each**2 for each in y)
    apart = u > 0  # no particle has a pair with itself
    # Behind barriers, or XLA would make each of these anew for every block that it is used in.
    u = jax.lax.optimization_barrier(jnp.where(apart, u, 1))
    first, second = derivatives(partial(of_rows, jnp.arange(n)), u)
    # Pairs of no strength may be anywhere, even where potentials have no derivatives.
    counts = apart & jnp.isfinite(first) & jnp.isfinite(second)
    along, across = jnp.where(counts, 4 * second, 0), jnp.where(counts, 2 * first, 0)
    whole = others(positions).reshape(n, dim, n, dim)
    along, across, whole, y = jax.lax.optimization_barrier((along, across, whole, y))
    unit = jnp.eye(dim, dtype=positions.dtype)
    sums = jnp.stack([jnp.stack([jnp.sum(along * a * b, axis=1) for b in y], axis=1) for a in y], axis=1)
    of_pairs = sums + jnp.sum(across, axis=1)[:, None, None] * unit
    side = positions[:, None] - positions
    blocks = along[:, None, :, None] * side.swapaxes(1, 2)[..., None] * side[:, None]
    whole = whole - blocks - across[:, None, :, None] * unit[:, None]
    nodes = jnp.arange(n)
    return whole.at[nodes, :, nodes].add(of_pairs).reshape(n * dim, n * dim)
