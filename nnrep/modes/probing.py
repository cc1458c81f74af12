"""The backbone of a large energy that is not known term by term, estimated by probing.

Particles get random colours and signs. One product with the Hessian along the signed sum of all particles of
a colour shows, at a particle i, the block H_ij of the one particle j of this colour that i is coupled to,
or the sum of several. Blocks seen from both ends, H_ij through the colour of j and H_ji through that of i,
disturb each other by independent signs: the product of the two is an unbiased estimate of the squared norm.
Of several colourings each pair takes the one in which its two ends agree best, which is exact if any shows it
undisturbed. (Signed sums of hashed columns: the count sketch of Charikar, Chen and Farach-Colton, 2002.)
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.host.memory import most_that_fit, require_memory
from nnrep.modes.backbone import Backbone, Sampling, dense_backbone, over_samples
from nnrep.modes.hessian import PRODUCTS_AT_ONCE, column_squares, hessian_product
from nnrep.systems.system import as_partial

ERROR_TOLERANCE = 0.02  # error at which an estimate is good enough
FIRST_COLOURS = 128
CHECKED = 64  # particles whose columns are computed exactly, to measure the error
COLOURINGS = 5  # of every sample
ROWS_AT_ONCE = 32
MATRICES = 10  # of n^2 numbers there are at the peak


class Estimate(NamedTuple):
    """A backbone and how good it is.

    Attributes:
        backbone: (n, n), sparse where the couplings are.
        error: sum of the errors in a column over the sum of the column, off the diagonal, the worst of those
            that were checked; zero if all were computed exactly.
        colours: number of colours, n if all columns were computed exactly.
    """

    backbone: "scipy.sparse.csr_array"
    error: float
    colours: int


def probed_backbone(
    energy: Callable[[Array], Array], sampling: Sampling, tolerance: float = ERROR_TOLERANCE
) -> Estimate:
    """The backbone of an energy from as few products with its Hessian as its couplings allow.

    Colours are doubled until the error is within the tolerance; where so many are needed that every
    particle might as well be probed alone, the backbone is computed exactly. Pairs that are coupled in
    less than half of the samples are taken as uncoupled: false long-range couplings would harm the slow
    modes most.

    Args:
        energy: positions (n, d) -> scalar.
        sampling: see `Sampling`.
        tolerance: of the error.

    Raises:
        UserError: matrices of n^2 numbers do not fit into this machine.
    """
    n = sampling.shape[0]
    width = jnp.zeros(()).dtype.itemsize
    most = most_that_fit(MATRICES * width, power=2)
    what = f"the estimated Hessian blocks of all {n} particles"
    require_memory(
        MATRICES * width * n**2, "modes.of", what, f"graph, or a system of at most {most} particles"
    )
    checked = jax.random.choice(jax.random.fold_in(sampling.key, 1), n, (min(n, CHECKED),), replace=False)
    exact = np.asarray(over_samples(Partial(_columns, as_partial(energy), checked), sampling))
    colours = FIRST_COLOURS
    while 4 * colours <= n:
        estimate = _estimate(energy, sampling, colours)
        error = _error(estimate[np.asarray(checked)], exact, np.asarray(checked))
        if error <= tolerance:
            return Estimate(scipy.sparse.csr_array(estimate), error, colours)
        colours *= 2
    return Estimate(scipy.sparse.csr_array(dense_backbone(energy, sampling)), 0.0, n)


def _estimate(energy: Callable[[Array], Array], sampling: Sampling, colours: int) -> np.ndarray:
    draw, samples, seed, backbone = sampling
    return np.asarray(_accumulated(as_partial(energy), as_partial(draw), samples, seed, colours, backbone))


@partial(jax.jit, static_argnames=("colours", "backbone"))
def _accumulated(
    energy: Partial, draw: Partial, samples: int, seed: int, colours: int, backbone: Backbone
) -> Array:
    """The estimated backbone (n, n)."""
    sampling = Sampling(draw, samples, seed)
    n = sampling.shape[0]
    mean = backbone is Backbone.mean_norm

    def add_sample(index: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        total, seen = sums
        positions = sampling.configuration(index)
        keys = jax.random.split(jax.random.fold_in(jax.random.fold_in(sampling.key, 2), index), COLOURINGS)
        squares = _best_of_views(energy, positions, keys, colours)
        values = jnp.sign(squares) * jnp.sqrt(abs(squares)) / samples if mean else squares
        return total + values, seen + (squares != 0)

    nothing = jnp.zeros((n, n)), jnp.zeros((n, n), jnp.int32)
    total, seen = jax.lax.fori_loop(0, samples, add_sample, nothing)
    # Averaged with their signs first: noise on uncoupled pairs cancels, where its size would add up.
    return jnp.where(2 * seen > samples, jnp.maximum(total, 0), 0)


def _best_of_views(energy: Partial, positions: Array, keys: Array, colours: int) -> Array:
    """Estimates (n, n) of the squared norms of all blocks, each from one of several colourings."""
    n = len(positions)

    def add_view(index: Array, best: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        squares, difference, diagonals = best
        new, new_difference = _view(energy, positions, keys[index], colours)
        # Strong couplings of others can agree by chance; no coupling at all then agrees as well.
        smaller = (new_difference == difference) & (abs(new) < abs(squares))
        better = (new_difference < difference) | smaller
        chosen = jnp.where(better, new, squares), jnp.where(better, new_difference, difference)
        return *chosen, diagonals.at[index].set(jnp.diag(new))

    nothing = jnp.zeros((n, n)), jnp.full((n, n), jnp.inf), jnp.zeros((len(keys), n))
    squares, _, diagonals = jax.lax.fori_loop(0, len(keys), add_view, nothing)
    # A block on the diagonal has one end only.
    return squares.at[jnp.arange(n), jnp.arange(n)].set(jnp.median(diagonals, axis=0))


def _view(energy: Partial, positions: Array, key: Array, colours: int) -> tuple[Array, Array]:
    """Estimates (n, n) of the squared norms of all blocks through one colouring, and how far the blocks as
    seen from both ends differ, squared; two particles of one colour do not see each other."""
    n, dim = positions.shape
    colour_key, sign_key = jax.random.split(key)
    colour = jax.random.permutation(colour_key, n) % colours
    sign = jax.random.rademacher(sign_key, (n,), positions.dtype)

    def products(one: Array) -> Array:
        members = jnp.where(colour == one, sign, 0)
        directions = members[None, :, None] * jnp.eye(dim, dtype=positions.dtype)[:, None, :]
        return jax.vmap(lambda direction: hessian_product(energy, positions, direction))(directions)

    at_once = max(1, PRODUCTS_AT_ONCE // dim)
    seen = jax.lax.map(products, jnp.arange(colours), batch_size=at_once)  # (colours, d, n, d)

    def row(i: Array) -> tuple[Array, Array]:
        through_others = sign[:, None, None] * seen[colour, :, i, :]  # (n, d of j, d of i)
        through_itself = sign[i] * jnp.moveaxis(seen[colour[i]], 1, 0)  # (n, d of i, d of j)
        through_itself = jnp.swapaxes(through_itself, 1, 2)
        difference = jnp.sum((through_others - through_itself) ** 2, axis=(1, 2))
        hidden = (colour == colour[i]) & (jnp.arange(n) != i)
        squares = jnp.where(hidden, 0, jnp.sum(through_others * through_itself, axis=(1, 2)))
        return squares, jnp.where(hidden, jnp.inf, difference)

    return jax.lax.map(row, jnp.arange(n), batch_size=ROWS_AT_ONCE)


def _columns(energy: Partial, particles: Array, positions: Array) -> Array:
    return column_squares(energy, positions, particles)


def _error(estimate: np.ndarray, exact: np.ndarray, particles: np.ndarray) -> float:
    difference = abs(estimate - exact)
    difference[np.arange(len(particles)), particles] = 0  # the Laplacian does not see the diagonal
    sizes = exact.sum(axis=1) - exact[np.arange(len(particles)), particles]
    return float(np.max(difference.sum(axis=1) / np.where(sizes > 0, sizes, 1)))
