"""Points in a binary tree of boxes, and which boxes are far from each other: what fast sums over pairs go by.

All boxes of a level have as many points, so that every array has a shape that n alone decides, wherever the
points are. Boxes are numbered as in a heap: 0 is the root, 2 i + 1 and 2 i + 2 are the halves
of box i, and the leaves come last.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

FIRST_LEVEL = 5  # of which all pairs are looked at; boxes above it have no part in the sums
LEVELS_EACH = 3  # which share one program and its room for pairs
MOST_NEAR = 96  # boxes that may be near each box, on average over a level; each pair counts once


class Boxes(NamedTuple):
    """A tree of boxes of depth D, with 2^D leaves of m places each.

    Attributes:
        places: (2^D, m) indices of points; the last point fills up the last leaf.
        real: (2^D, m) 1 for places that count, 0 for those that fill up.
        centre: (2^(D+1) - 1, d) of each box, which is the smallest about its points.
        half: (2^(D+1) - 1, d) half of its widths.
    """

    places: Array
    real: Array
    centre: Array
    half: Array


class Pairs(NamedTuple):
    """Pairs of boxes; each is listed once.

    Attributes:
        one, other: (room,) numbers of boxes, one <= other.
        total: () how many there are.
    """

    one: Array
    other: Array
    total: Array


class Neighbours(NamedTuple):
    """All pairs of points, as pairs of boxes.

    Attributes:
        near: pairs of leaves, each leaf with itself among them.
        far: pairs of boxes of one level that are far from each other, none of which is part of another pair.
        complete: () whether there was room for all.
    """

    near: Pairs
    far: Pairs
    complete: Array


def depth_for(n: int, leaf: int) -> int:
    """Depth of a tree of n points with at most so many in a leaf."""
    return max(0, math.ceil(math.log2(n / leaf)))


def boxes_of(positions: Array, depth: int) -> Boxes:
    """The tree of a depth about positions (n, d): each box is cut in halves of as many points, across its
    longest side."""
    n, d = positions.shape
    leaves = 2**depth
    m = -(-n // leaves)
    places = jnp.arange(leaves * m, dtype=jnp.int32)[None]
    points = positions[jnp.minimum(places, n - 1)]  # (1, leaves m, d)
    for level in range(depth):
        longest = jnp.argmax(points.max(axis=1) - points.min(axis=1), axis=1)
        along = jnp.take_along_axis(points, longest[:, None, None], axis=2)[..., 0]
        order = jnp.argsort(along, axis=1)
        places = jnp.take_along_axis(places, order, axis=1).reshape(2 ** (level + 1), -1)
        points = jnp.take_along_axis(points, order[..., None], axis=1).reshape(2 ** (level + 1), -1, d)
    low, high = [points.min(axis=1)], [points.max(axis=1)]
    for _ in range(depth):
        low.append(low[-1].reshape(-1, 2, d).min(axis=1))
        high.append(high[-1].reshape(-1, 2, d).max(axis=1))
    lowest, highest = jnp.concatenate(low[::-1]), jnp.concatenate(high[::-1])
    real = (places < n).astype(positions.dtype)
    return Boxes(jnp.minimum(places, n - 1), real, (lowest + highest) / 2, (highest - lowest) / 2)


def neighbours_of(boxes: Boxes, separation: float) -> Neighbours:
    """Pairs of boxes, from the root to the leaves: far ones are done with, the halves of near ones come next.

    Two boxes are far if the sum of their radii is less than `separation` times the distance of their centres.
    Boxes that are points are far from each other wherever they are.
    """
    radius = jnp.sqrt(jnp.sum(boxes.half**2, axis=1))
    depth = len(boxes.places).bit_length() - 1
    last_room = _room(depth)
    most_far = 2 * last_room

    def are_far(one: Array, other: Array) -> Array:
        gap = jnp.sqrt(jnp.sum((boxes.centre[one] - boxes.centre[other]) ** 2, axis=1))
        # So that what is not finite is far, and soon done with.
        return (one != other) & ~(radius[one] + radius[other] > separation * gap)

    first = min(depth, FIRST_LEVEL)
    one, other = (jnp.asarray(each, jnp.int32) + 2**first - 1 for each in np.triu_indices(2**first))
    far = are_far(one, other)
    near_pairs = _chosen(one, other, ~far, len(one))
    far_pairs = _with_room(_chosen(one, other, far, len(one)), most_far)
    complete = jnp.ones((), bool)
    for level in range(first, depth, LEVELS_EACH):
        last = min(level + LEVELS_EACH, depth)
        room = _room(last)

        def split(_: Array, carry: tuple, room: int = room) -> tuple:
            near, far, complete = carry
            one, other, present = _halves(near)
            is_far = are_far(one, other)
            closer, farther = (_chosen(one, other, present & which, room) for which in (~is_far, is_far))
            end = far.total + farther.total
            complete &= (closer.total <= room) & (farther.total <= room) & (end <= most_far)
            return closer, _appended(far, farther), complete

        carry = (_with_room(near_pairs, room), far_pairs, complete)
        near_pairs, far_pairs, complete = jax.lax.fori_loop(level, last, split, carry)
    return Neighbours(near_pairs, far_pairs, complete)


def _room(level: int) -> int:
    """Room for near pairs of a level."""
    boxes = 2**level
    return min(boxes * (boxes + 1) // 2, MOST_NEAR * boxes)


_FIRST_OF_HALVES, _SECOND_OF_HALVES = np.array([[1, 1, 2, 2], [1, 2, 1, 2]], np.int32)


def _halves(pairs: Pairs) -> tuple[Array, Array, Array]:
    """The pairs (4 room,) of the halves of pairs of boxes, and which of them exist."""
    one, other = pairs.one[:, None], pairs.other[:, None]
    first, second = 2 * one + _FIRST_OF_HALVES, 2 * other + _SECOND_OF_HALVES
    present = (jnp.arange(len(one), dtype=jnp.int32) < pairs.total)[:, None] & (first <= second)
    return first.ravel(), second.ravel(), present.ravel()


def _chosen(one: Array, other: Array, chosen: Array, room: int) -> Pairs:
    """The chosen ones of pairs, as many as there is room for."""
    place = jnp.where(chosen, jnp.cumsum(chosen, dtype=jnp.int32) - 1, room)
    which = jnp.zeros(room, jnp.int32).at[place].set(jnp.arange(len(one), dtype=jnp.int32), mode="drop")
    return Pairs(one[which], other[which], jnp.sum(chosen, dtype=jnp.int32))


def _with_room(pairs: Pairs, room: int) -> Pairs:
    """Pairs with room for at least so many."""
    more = max(0, room - len(pairs.one))
    return Pairs(jnp.pad(pairs.one, (0, more)), jnp.pad(pairs.other, (0, more)), pairs.total)


def _appended(pairs: Pairs, more: Pairs) -> Pairs:
    """Pairs and more of them; where there is no room, some are left out."""
    number = jnp.arange(len(more.one), dtype=jnp.int32)
    place = jnp.where(number < more.total, pairs.total + number, len(pairs.one))
    one = pairs.one.at[place].set(more.one, mode="drop")
    return Pairs(one, pairs.other.at[place].set(more.other, mode="drop"), pairs.total + more.total)
