"""The sum over all pairs of 1 / (r + cap), and its gradient, in O(n log n).

Pairs of points in near leaves are summed one by one. Between boxes that are far from each other the kernel
is interpolated at Chebyshev's points, which works for any kernel that is smooth there (Fong and Darve, J.
Comput. Phys. 228, 8712, 2009); the sums go up the tree of `boxes` and down again. The gradient is that of the
interpolated sum in closed form, with the boxes as they are.
"""

from functools import reduce
from operator import add
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.boxes import FIRST_LEVEL, Boxes, Neighbours, boxes_of, depth_for, neighbours_of
from nnrep.energies.pairwise import distance

LEAF = 100  # points of a leaf, at most
MOST = LEAF * 2**15  # points: pairs of leaves are counted in 32 bits
PAIRS_EACH = 4  # pairs of boxes that are evaluated at a time


class Accuracy(NamedTuple):
    """What decides the error, and the time.

    Attributes:
        order: Chebyshev's points in each direction of a box.
        separation: of boxes that are far, see `neighbours_of`.
    """

    order: int
    separation: float


# By the number of dimensions. By scripts/bench_chains, sums are within 1e-6 of the exact ones, those of flat
# sheets in three dimensions within 1e-5, and gradients within 1e-3 (root mean square).
FAST = {2: Accuracy(9, 0.7), 3: Accuracy(5, 0.7)}


def fast_sum_and_gradient(
    positions: Array, cap: float | Array, accuracy: Accuracy | None = None
) -> tuple[Array, Array]:
    """The sum over pairs of positions (n, d), d = 2 or 3, and its gradient (n, d); None: as `FAST` has it."""
    accuracy = accuracy or FAST[positions.shape[1]]
    boxes = boxes_of(positions, depth_for(len(positions), LEAF))
    neighbours = neighbours_of(boxes, accuracy.separation)
    of_near, near_gradient = _near(boxes, neighbours, positions, cap)
    of_far, far_gradient = _far(boxes, neighbours, positions, cap, accuracy.order)
    gradient = (boxes.real[..., None] * (near_gradient + far_gradient)).reshape(-1, positions.shape[1])
    # The last point also stands at places that only fill up.
    return of_near + of_far, jnp.zeros_like(positions).at[boxes.places.ravel()].add(gradient)


# --- near leaves ---------------------------------------------------------------------------------


def _near(boxes: Boxes, neighbours: Neighbours, positions: Array, cap: float | Array) -> tuple[Array, Array]:
    """The sum over pairs of points in near leaves, and its gradient (leaves, m, d).

    Where the pairs of boxes are not complete, whatever takes so much room, these are all pairs of leaves.
    """
    leaves, m = boxes.places.shape
    near, complete = neighbours.near, neighbours.complete
    points = jnp.swapaxes(positions[boxes.places], 1, 2)  # (leaves, d, m)
    once = jnp.triu(jnp.ones((m, m), points.dtype), 1)
    ones = jnp.ones((PAIRS_EACH, m), points.dtype)
    count = jnp.where(complete, near.total, leaves**2)

    def add_pairs(step: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        energies, gradient = sums
        number = step * PAIRS_EACH + jnp.arange(PAIRS_EACH, dtype=step.dtype)
        listed = jnp.minimum(number, len(near.one) - 1)
        one = jnp.where(complete, near.one[listed] - (leaves - 1), jnp.minimum(number // leaves, leaves - 1))
        other = jnp.where(complete, near.other[listed] - (leaves - 1), number % leaves)
        real_one = boxes.real[one] * ((number < count) & (one <= other))[:, None]
        weight = real_one[:, :, None] * boxes.real[other][:, None, :]
        weight = jnp.where((one == other)[:, None, None], weight * once, weight)
        apart = [points[one, k][:, :, None] - points[other, k][:, None, :] for k in range(points.shape[1])]
        r = _length(apart)
        inverse = 1 / (r + cap)
        energies += jnp.einsum("pij,pj->pi", weight * inverse, ones)
        slope = -weight * inverse * inverse / r
        forces = [slope * x for x in apart]
        on_one = jnp.stack([jnp.einsum("pij,pj->pi", force, ones) for force in forces], axis=1)
        on_other = jnp.stack([jnp.einsum("pij,pi->pj", force, ones) for force in forces], axis=1)
        return energies, gradient.at[one].add(on_one).at[other].add(-on_other)

    # Many sums side by side: one alone would round a hundred thousand times.
    start = (jnp.zeros_like(ones), jnp.zeros_like(points))
    energies, gradient = jax.lax.fori_loop(0, -(-count // PAIRS_EACH), add_pairs, start)
    return jnp.sum(jnp.sum(energies, axis=1)), jnp.swapaxes(gradient, 1, 2)


# --- far boxes -----------------------------------------------------------------------------------


def _far(
    boxes: Boxes, neighbours: Neighbours, positions: Array, cap: float | Array, order: int
) -> tuple[Array, Array]:
    """The sum over pairs of points in far boxes, and its gradient (leaves, m, d)."""
    points = positions[boxes.places]
    leaves, _, d = points.shape
    depth = leaves.bit_length() - 1
    first = min(depth, FIRST_LEVEL)
    grid = np.stack(np.meshgrid(*[_chebyshev_points(order)] * d, indexing="ij")).reshape(d, -1)
    nodes = boxes.half[:, :, None] * jnp.asarray(grid, points.dtype)  # (boxes, d, order^d), about the centre

    def of_level(level: int) -> slice:
        return slice(2**level - 1, 2 ** (level + 1) - 1)

    def in_parents(level: int) -> Array:
        """Chebyshev's points (boxes, 2 order^d, d) of the halves of the boxes of a level."""
        inside = nodes[of_level(level + 1)] + boxes.centre[of_level(level + 1)][:, :, None]
        return jnp.swapaxes(inside, 1, 2).reshape(2**level, -1, d)

    weights = [_weights(boxes, of_level(level), in_parents(level), order) for level in range(first, depth)]
    own = _weights(boxes, of_level(depth), points, order)
    moments = [_gathered(own, boxes.real)]
    for of_halves in weights[::-1]:
        moments.append(_gathered(of_halves, moments[-1].reshape(len(of_halves), -1)))
    none = jnp.zeros((2**first - 1, order**d), points.dtype)
    potentials = _potentials(boxes, neighbours, nodes, jnp.concatenate([none, *moments[::-1]]), cap)
    local = potentials[of_level(first)]
    for level, of_halves in zip(range(first, depth), weights, strict=True):
        from_above = _interpolated(local, of_halves)
        local = potentials[of_level(level + 1)] + from_above.reshape(2 ** (level + 1), -1)
    slopes = _weights(boxes, of_level(depth), points, order, slopes=True)
    # Every direction in turn has the slope of its polynomials in the place of their value.
    gradient = [_interpolated(local, own.at[:, :, k].set(slopes[:, :, k])) for k in range(d)]
    each = boxes.real * _interpolated(local, own)
    return 0.5 * jnp.sum(jnp.sum(each, axis=1)), jnp.stack(gradient, axis=2)


def _potentials(
    boxes: Boxes, neighbours: Neighbours, nodes: Array, moments: Array, cap: float | Array
) -> Array:
    """What all far boxes give at Chebyshev's points of each box: (boxes, order^d), as the moments are."""
    far = neighbours.far
    count = jnp.where(neighbours.complete, far.total, 0)

    def add_pairs(step: Array, potentials: Array) -> Array:
        number = step * PAIRS_EACH + jnp.arange(PAIRS_EACH, dtype=step.dtype)
        listed = jnp.minimum(number, len(far.one) - 1)
        one, other = far.one[listed], far.other[listed]
        counts = (number < count).astype(moments.dtype)[:, None]
        shifted = nodes[other] + (boxes.centre[other] - boxes.centre[one])[:, :, None]
        apart = [nodes[one, k][:, :, None] - shifted[:, k][:, None, :] for k in range(nodes.shape[1])]
        kernel = 1 / (_length(apart) + cap)
        on_one = jnp.einsum("pij,pj->pi", kernel, moments[other] * counts)
        on_other = jnp.einsum("pij,pi->pj", kernel, moments[one] * counts)
        return potentials.at[one].add(on_one).at[other].add(on_other)

    return jax.lax.fori_loop(0, -(-count // PAIRS_EACH), add_pairs, jnp.zeros_like(moments))


def _length(displacement: list[Array]) -> Array:
    """Of displacements by direction."""
    return distance(reduce(add, [x * x for x in displacement]))


def _chebyshev_points(order: int) -> np.ndarray:
    """The roots (order,) of Chebyshev's polynomial."""
    return np.cos(np.pi * (np.arange(order) + 0.5) / order)


def _weights(boxes: Boxes, level: slice, points: Array, order: int, slopes: bool = False) -> Array:
    """Lagrange's polynomials of Chebyshev's points, or their slopes: (b, m, d, order).

    Each box of a level (b) has its own points (b, m, d). Points of a box without width count as its centre.
    """
    half, centre = boxes.half[level][:, None], boxes.centre[level][:, None]
    has_width = half > 0
    scale = jnp.where(has_width, 1 / jnp.where(has_width, half, 1), 0)
    x = scale * (points - centre)
    first, second = [jnp.ones_like(x), x], [jnp.ones_like(x), 2 * x]  # Chebyshev's, of both kinds
    for kind in (first, second):
        while len(kind) < order:
            kind.append(2 * x * kind[-1] - kind[-2])
    if slopes:
        values = [jnp.zeros_like(x), *(j * scale * second[j - 1] for j in range(1, order))]
    else:
        values = first[:order]
    degrees = np.arange(order)
    of_points = np.cos(degrees[:, None] * np.arccos(_chebyshev_points(order))) * 2 / order
    of_points[0] /= 2
    return jnp.stack(values, axis=-1) @ jnp.asarray(of_points, x.dtype)


def _gathered(weights: Array, charges: Array) -> Array:
    """Moments (b, order^d) of charges (b, m) by their weights (b, m, d, order)."""
    *others, last = jnp.moveaxis(weights, 2, 0)
    products = reduce(_outer, others[1:], others[0] * charges[..., None])
    return jnp.einsum("bmi,bmj->bij", products, last).reshape(len(weights), -1)


def _interpolated(values: Array, weights: Array) -> Array:
    """Values (b, order^d) at Chebyshev's points, at points (b, m) by their weights (b, m, d, order)."""
    *others, last = jnp.moveaxis(weights, 2, 0)
    of_last = jnp.einsum("bij,bmj->bmi", values.reshape(len(values), -1, weights.shape[-1]), last)
    return jnp.sum(of_last * reduce(_outer, others), axis=-1)


def _outer(one: Array, other: Array) -> Array:
    """(b, m, i) and (b, m, j) -> (b, m, i j)."""
    return (one[..., None] * other[..., None, :]).reshape(*one.shape[:-1], -1)
