"""Bonded terms of molecules that are padded to few sizes, see `nnrep.energies.padding`; NumPy arrays."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from nnrep.energies.bonded import Angles, Bonds, Planes, Torsions
from nnrep.energies.padding import ANGLES, BONDS, PLANES, TORSIONS, padded_terms, repeated, with_zeros

P = TypeVar("P", bound=Any)

PERIODS = 4  # of the torsions of AMBER's protein force fields, at most


def padded_bonded(parameters: P, n: int) -> P:
    """Parameters (a NamedTuple) with their bonds, angles, torsions and planes, as far as it has these, of a
    molecule that is padded to n particles, see `nnrep.energies.padding`; NumPy arrays."""
    kinds = _PADDED.keys() & set(parameters._fields)
    return parameters._replace(**{kind: _PADDED[kind](getattr(parameters, kind), n) for kind in kinds})


def _padded_bonds(bonds: Bonds, n: int) -> Bonds:
    count = padded_terms(len(bonds.length), BONDS, n)
    return Bonds(
        repeated(bonds.pairs, count), repeated(bonds.length, count), with_zeros(bonds.stiffness, count)
    )


def _padded_angles(angles: Angles, n: int) -> Angles:
    count = padded_terms(len(angles.angle), ANGLES, n)
    triples, angle, stiffness = angles
    return Angles(repeated(triples, count), repeated(angle, count), with_zeros(stiffness, count))


def _padded_torsions(torsions: Torsions, n: int) -> Torsions:
    """Of at least `PERIODS` periods."""
    count = padded_terms(len(torsions.constant), TORSIONS, n)
    cosine, sine = (
        with_zeros(values, max(PERIODS, len(values)), count) for values in (torsions.cosine, torsions.sine)
    )
    return Torsions(repeated(torsions.quadruples, count), with_zeros(torsions.constant, count), cosine, sine)


def _padded_planes(planes: Planes, n: int) -> Planes:
    before = len(planes.angle)
    count = padded_terms(before, PLANES, n)
    torsions = padded_terms(len(planes.first), TORSIONS, n)
    # Slots count planes twice: by their first atoms, then by their last.
    slots = planes.slots + (count - before) * (planes.slots >= before)
    first_slots, last_slots = np.split(slots, 2)
    return Planes(
        triples=repeated(planes.triples, count),
        angle=repeated(planes.angle, count),
        stiffness=with_zeros(planes.stiffness, count),
        side_length=repeated(planes.side_length.T, count).T,
        side_stiffness=with_zeros(planes.side_stiffness, 2, count),
        first=repeated(planes.first, torsions),
        last=repeated(planes.last, torsions),
        orientation=repeated(planes.orientation, torsions),
        slots=np.concatenate([repeated(first_slots, torsions), repeated(last_slots, torsions)]),
    )


_PADDED: dict[str, Callable[[Any, int], Any]] = {
    "bonds": _padded_bonds,
    "angles": _padded_angles,
    "torsions": _padded_torsions,
    "planes": _padded_planes,
}
