"""The planes of three atoms that bonded terms share, found from the terms; NumPy arrays."""

import numpy as np

from nnrep.energies.bonded import Angles, Bonds, Planes, Torsions


def planes_of(bonds: Bonds, angles: Angles, torsions: Torsions) -> Planes:
    """The planes of angles and torsions, each once, whichever way round, and the bonds along their sides.

    A bond that is no side of them, such as a Urey-Bradley term, gets a plane of its own.

    Raises:
        ValueError: two atoms have two bonds, or a bond no third atom beside it.
    """
    triples = [tuple(map(int, triple)) for triple in np.asarray(angles.triples)]
    place = {triple: index for index, triple in enumerate(triples)}

    def find(triple: tuple[int, ...]) -> tuple[int, int]:
        if triple[::-1] in place:
            return place[triple[::-1]], -1
        if triple not in place:
            place[triple] = len(triples)
            triples.append(triple)
        return place[triple], 1

    quadruples = [tuple(map(int, row)) for row in np.asarray(torsions.quadruples)]
    first = np.array([find(row[:3]) for row in quadruples], int).reshape(-1, 2)
    last = np.array([find(row[1:]) for row in quadruples], int).reshape(-1, 2)
    triples += _planes_of_loose_bonds(bonds, triples)
    more = (0, len(triples) - len(angles.triples))
    first_slot = first[:, 0] + len(triples) * (first[:, 1] < 0)
    last_slot = last[:, 0] + len(triples) * (last[:, 1] > 0)
    side_length, side_stiffness = _sides(bonds, triples)
    return Planes(
        triples=np.array(triples, int).reshape(-1, 3),
        angle=np.pad(angles.angle, more),
        stiffness=np.pad(angles.stiffness, more),
        side_length=side_length,
        side_stiffness=side_stiffness,
        first=first[:, 0],
        last=last[:, 0],
        orientation=(first[:, 1] * last[:, 1]).astype(angles.angle.dtype),
        slots=np.concatenate([first_slot, last_slot]),
    )


def _planes_of_loose_bonds(bonds: Bonds, triples: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Planes (i, j, k) of the bonds ij that are no side of a plane; k is the atom between, or another one."""
    sides = {frozenset(side) for i, j, k in triples for side in ((i, j), (k, j))}
    pairs = [tuple(map(int, pair)) for pair in np.asarray(bonds.pairs)]
    beside: dict[frozenset[int], int] = {frozenset((i, k)): j for i, j, k in triples}
    known = sorted({atom for row in (*triples, *pairs) for atom in row})
    planes: list[tuple[int, ...]] = []
    for i, j in pairs:
        if (pair := frozenset((i, j))) not in sides:
            third = beside.get(pair, next((atom for atom in known if atom not in pair), None))
            if third is None:
                raise ValueError("a bond has no third atom beside it")
            planes.append((i, j, third))
    return planes


def _sides(bonds: Bonds, triples: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and stiffnesses (2, m) of the bonds along the planes' sides, each bond once."""
    side_of: dict[frozenset[int], tuple[int, int]] = {}
    for index, (i, j, k) in enumerate(triples):
        side_of.setdefault(frozenset((i, j)), (0, index))
        side_of.setdefault(frozenset((k, j)), (1, index))
    pairs = [frozenset(map(int, pair)) for pair in np.asarray(bonds.pairs)]
    places = np.array([side_of[pair] for pair in pairs], int).reshape(-1, 2).T
    # Two bonds of one pair would have to be one.
    if len({*pairs}) < len(pairs):
        raise ValueError("two atoms have two bonds")
    length, stiffness = np.zeros((2, 2, len(triples)), bonds.length.dtype)
    length[*places], stiffness[*places] = bonds.length, bonds.stiffness
    return length, stiffness
