"""The full Hessian of a system as a function of its positions, to be used inside compiled programs."""

from enum import Enum

import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.energies.local import LocalTerm
from nnrep.energies.pairwise import PairTerm
from nnrep.errors import UserError
from nnrep.host.memory import require_memory
from nnrep.host.terminal import log
from nnrep.modes.blocks import Couplings, as_pytrees, couplings_of, term_blocks
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


def hessian_of(system: System, background: bool = True) -> Partial:
    """positions (n, d) -> the Hessian (n d, n d) of the exact energy.

    Where the energy is a sum of pair and local terms, it is summed from their blocks in closed form; else it
    takes n d products. Rows and columns of frozen particles are zero.

    Args:
        system: whose.
        background: with the pairs that have no coupling of their own.

    Raises:
        UserError: it would be too large.
    """
    size = system.n * system.positions.shape[1]
    if size > MAX_DENSE_COORDINATES:
        raise UserError(
            f"modes.of: all modes of the Hessian of {size} coordinates take {8e-9 * size**2:.1f} GB; choose "
            f"graph or backbone, or at most {MAX_DENSE_COORDINATES} coordinates"
        )
    width = system.positions.dtype.itemsize
    what = f"all modes of the Hessian of {size} coordinates"
    require_memory(MATRICES * width * size**2, "modes.of", what, "graph, whose matrix is sparse")
    if (background and system.background_terms is not None) or not (
        system.coupling_terms or system.local_terms
    ):
        return Partial(hessian_by_products, system.energy)  # which is pinned where particles are frozen
    couplings = system.coupling_terms
    pairs = couplings() if callable(couplings) else couplings
    terms, local = as_pytrees(pairs), as_pytrees(system.local_terms)
    whole = Partial(_from_blocks, terms, local, couplings_of(terms, local, len(system.positions)))
    return whole if system.frozen is None else Partial(_of_free, whole, on_device(system.particles))


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
    whole = jnp.zeros((n, n, dim, dim), positions.dtype)
    whole = (
        whole.at[i, j].set(-blocks).at[j, i].set(-jnp.swapaxes(blocks, 1, 2)).at[nodes, nodes].set(diagonal)
    )
    return whole.transpose(0, 2, 1, 3).reshape(n * dim, n * dim)
