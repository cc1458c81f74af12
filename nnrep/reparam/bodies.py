"""The rigid bodies that torsions move: what of a molecule's bonds can be turned, as a tree; in NumPy.

Bonds, angles and rings are rigid. A bond can be turned where it is in no ring and has more than one particle
on either side. Rings of more than `LARGEST_RING` particles, as a disulphide closes them, are opened at the
bond between the particles whose numbers are furthest apart: along a chain that is the disulphide.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

LARGEST_RING = 8  # of particles, that is rigid: of two neighbouring cysteines with a disulphide

Joints = dict[int, list[tuple[int, int]]]  # of each body the bonds to others, its own particle first


class Bodies(NamedTuple):
    """Rigid bodies in the order of a depth-first search, so that all that turns with one follows it.

    A body turns about the bond that joins it to its parent. Body 0, in the middle of the largest piece,
    stays. Any other piece, which no bond joins to the rest, hangs on body 0 by three bodies, one on the
    other, which turn about the axes x, y and z through a particle in its middle; the third holds particles.
    Where particles are frozen, body 0 is of the largest piece that has some, the middle of a piece is the
    nearest body that has some.

    Attributes:
        body: (n,) of each particle.
        parent: (b,) of each body; of body 0 itself.
        bond_ends: (b, 2) the particles of its bond, in the parent and in the body; where it turns about an
            axis of space, and of body 0, one particle twice.
        last: (b,) the last of the bodies that turn with it.
        roots: (p,) the first body of each piece but that of body 0.
        turns: (b,) whether a body may turn: it moves no frozen particle.
        shifts: (p,) whether a piece may shift.
    """

    body: np.ndarray
    parent: np.ndarray
    bond_ends: np.ndarray
    last: np.ndarray
    roots: np.ndarray
    turns: np.ndarray
    shifts: np.ndarray

    @property
    def depth(self) -> int:
        """The most joints between a body and body 0."""
        depth = np.zeros(len(self.parent), int)
        for body in range(1, len(depth)):
            depth[body] = depth[self.parent[body]] + 1
        return int(depth.max())


def bodies_of(
    bonds: np.ndarray, n: int, held: Iterable[tuple[int, int]] = (), frozen: np.ndarray | None = None
) -> Bodies:
    """The bodies of a molecule.

    Args:
        bonds: (m, 2) pairs of particles.
        n: number of particles.
        held: bonds that are not turned.
        frozen: (n,) whether a particle must not move; None: all may.
    """
    neighbours: list[set[int]] = [set() for _ in range(n)]
    for i, j in np.asarray(bonds).tolist():
        if i != j:
            neighbours[i].add(j)
            neighbours[j].add(i)
    rigid = {_pair(i, j) for i, j in held}
    rigid |= {_pair(i, j) for i, near in enumerate(neighbours) if len(near) == 1 for j in near}
    rigid |= _in_small_rings(neighbours)
    turned, member = _joined(neighbours, rigid)
    return _ordered(turned, member, np.zeros(n, bool) if frozen is None else frozen)


def _pair(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i < j else (j, i)


def _in_small_rings(neighbours: Sequence[set[int]]) -> set[tuple[int, int]]:
    """Bonds in a ring of at most `LARGEST_RING` particles."""
    core = [set(near) for near in neighbours]  # without what ends in nothing, where there is no ring
    leaves = [i for i, near in enumerate(core) if len(near) == 1]
    while leaves:
        i = leaves.pop()
        for j in core[i]:
            core[j].discard(i)
            if len(core[j]) == 1:
                leaves.append(j)
        core[i] = set()
    return {(i, j) for i, near in enumerate(core) for j in near if i < j and _closes(core, i, j)}


def _closes(core: Sequence[set[int]], i: int, j: int) -> bool:
    """Whether a way of fewer than `LARGEST_RING` bonds leads from i to j beside their own bond."""
    seen, front = {i}, core[i] - {j}
    for _ in range(LARGEST_RING - 1):
        if j in front:
            return True
        seen |= front
        front = set().union(*(core[k] for k in front)) - seen
    return False


def _joined(
    neighbours: Sequence[set[int]], rigid: set[tuple[int, int]]
) -> tuple[list[tuple[int, int]], np.ndarray]:
    """The bonds that are turned, and which particles (n,) are one body: the number of one of them.

    Of bonds that would close a ring of bodies the ones between the furthest numbers are left out.
    """
    member = np.arange(len(neighbours))

    def find(i: int) -> int:
        while member[i] != i:
            member[i] = member[member[i]]
            i = member[i]
        return int(i)

    for i, j in rigid:
        member[find(i)] = find(j)
    body = np.array([find(i) for i in range(len(neighbours))], int)
    others = {_pair(i, j) for i, near in enumerate(neighbours) for j in near} - rigid
    turned = []
    for i, j in sorted(others, key=lambda pair: (pair[1] - pair[0], pair)):
        if find(i) != find(j):
            member[find(i)] = find(j)
            turned.append((i, j))
    return turned, body


def _ordered(turned: Sequence[tuple[int, int]], member: np.ndarray, frozen: np.ndarray) -> Bodies:
    """The bodies of the particles' members (n,), joined by bonds that can be turned, in their order."""
    fixed = {int(each) for each in member[frozen]}
    bonds: Joints = {int(member[i]): [] for i in range(len(member))}
    for i, j in turned:
        bonds[int(member[i])].append((i, j))
        bonds[int(member[j])].append((j, i))
    parent: list[int] = []
    bond_ends: list[tuple[int, int]] = []
    roots: list[int] = []
    number: dict[int, int] = {}

    def add(above: int, bond: tuple[int, int]) -> int:
        parent.append(above)
        bond_ends.append(bond)
        return len(parent) - 1

    for piece in sorted(_pieces(bonds, member), key=fixed.isdisjoint):
        centre = _centre(bonds, member, piece[0])
        if not fixed.isdisjoint(piece):
            centre = next(each for each in _reached(bonds, member, centre) if each in fixed)
        place = add(0, (centre, centre))
        if place > 0:
            roots.append(place)
            place = add(add(place, (centre, centre)), (centre, centre))
        number[centre] = place
        waiting = [(place, bond) for bond in bonds[centre]]
        while waiting:
            above, bond = waiting.pop()
            body = int(member[bond[1]])
            if body not in number:
                number[body] = add(above, bond)
                waiting += [(number[body], onward) for onward in bonds[body]]
    of_particles, ends = np.array([number[int(each)] for each in member], int), np.array(bond_ends, int)
    last, first = _last(np.array(parent, int)), np.array(roots, int)
    count = _frozen_from(frozen, of_particles, last)
    return Bodies(
        body=of_particles,
        parent=np.array(parent, int),
        bond_ends=ends,
        last=last,
        roots=first,
        turns=count == frozen[ends[:, 1]],  # which is on the axis
        shifts=count[first] == 0,
    )


def _frozen_from(frozen: np.ndarray, body: np.ndarray, last: np.ndarray) -> np.ndarray:
    """How many frozen particles (n,) each body and those that turn with it have."""
    before = np.concatenate([[0], np.cumsum(np.bincount(body[frozen], minlength=len(last)))])
    return before[last + 1] - before[:-1]


def _pieces(bonds: Joints, member: np.ndarray) -> list[list[int]]:
    """The bodies of each piece, that of most particles first."""
    sizes = np.bincount(member)
    pieces: list[list[int]] = []
    seen: set[int] = set()
    for first in bonds:
        if first not in seen:
            pieces.append(_reached(bonds, member, first))
            seen.update(pieces[-1])
    return sorted(pieces, key=lambda piece: -int(sizes[piece].sum()))


def _last(parent: np.ndarray) -> np.ndarray:
    last = np.arange(len(parent))
    for body in range(len(parent) - 1, 0, -1):
        last[parent[body]] = max(last[parent[body]], last[body])
    return last


def _centre(bonds: Joints, member: np.ndarray, body: int) -> int:
    """The middle of a longest way between bodies of a piece: from there the tree is as flat as can be."""
    far, _ = _furthest(bonds, member, body)
    end, above = _furthest(bonds, member, far)
    way = [end]
    while above[way[-1]] != way[-1]:
        way.append(above[way[-1]])
    return way[len(way) // 2]


def _furthest(bonds: Joints, member: np.ndarray, body: int) -> tuple[int, dict[int, int]]:
    """The body that is the most bonds away, and the next one on the way back from each."""
    above, waiting = {body: body}, deque([body])
    while waiting:
        body = waiting.popleft()
        for _, j in bonds[body]:
            other = int(member[j])
            if other not in above:
                above[other] = body
                waiting.append(other)
    return body, above


def _reached(bonds: Joints, member: np.ndarray, body: int) -> list[int]:
    return list(_furthest(bonds, member, body)[1])
