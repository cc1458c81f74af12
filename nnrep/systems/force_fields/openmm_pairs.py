"""The pairs of OpenMM's forces: Lennard-Jones and Coulomb, and other powers of their distances."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import openmm

from nnrep.energies.all_pairs import MAX_TABLE_ATOMS
from nnrep.energies.nonbonded import Atoms, PairTable, whole_pair_table
from nnrep.systems.force_fields.openmm_reading import expression_of, of_kind
from nnrep.systems.force_fields.parameters import pair_atoms


def is_whole(force: openmm.NonbondedForce) -> bool:
    """Whether a force has all pairs, each with the parameters of its atoms."""
    offsets = force.getNumParticleParameterOffsets() + force.getNumExceptionParameterOffsets()
    return force.getNonbondedMethod() == openmm.NonbondedForce.NoCutoff and not offsets


class _Powers(NamedTuple):
    """Numbers (n, n) of pairs, a of a / r^12 and b of - b / r^6."""

    repulsion: np.ndarray
    attraction: np.ndarray


def _squared(force: openmm.CustomNonbondedForce, n: int) -> _Powers:
    table = _by_type(force, n)
    return _Powers(table.repulsion**2, table.attraction)


def _by_type(force: openmm.CustomNonbondedForce, n: int) -> _Powers:
    """Of tables `acoef` and `bcoef` of the atoms' types."""
    names = [force.getTabulatedFunctionName(k) for k in range(force.getNumTabulatedFunctions())]
    kinds = np.array([force.getParticleParameters(k)[0] for k in range(n)]).astype(int)
    tables = []
    for name in ("acoef", "bcoef"):
        columns, rows, values = force.getTabulatedFunction(names.index(name)).getFunctionParameters()
        tables.append(np.array(values).reshape(rows, columns).T[np.ix_(kinds, kinds)])
    return _Powers(*tables)


def _geometric(force: openmm.CustomNonbondedForce, n: int) -> _Powers:
    names = [force.getPerParticleParameterName(k) for k in range(force.getNumPerParticleParameters())]
    table = np.array([force.getParticleParameters(k) for k in range(n)])
    a, c = table[:, names.index("A")], table[:, names.index("C")]
    return _Powers(np.outer(a, a), np.outer(c, c))


# Expression -> numbers of all pairs.
OF_PAIRS: dict[str, Callable[[Any, int], _Powers]] = {
    "(a/r6)^2-b/r6;r6=r^6;a=acoef(type1,type2);b=bcoef(type1,type2)": _squared,
    "acoef(type1,type2)/r^12-bcoef(type1,type2)/r^6": _by_type,
    "A1*A2/r^12-C1*C2/r^6": _geometric,
}
LISTED = "-C/r^6+A/r^12"
LISTED_BY_DEPTH = re.compile(r"([\d.e+-]+)\*epsilon\*\(\(sigma/r\)\^12-\(sigma/r\)\^6\)")


def is_of_pairs(force: openmm.CustomNonbondedForce) -> bool:
    """Whether a force is of all pairs, by an expression of `OF_PAIRS`, of atoms that a table holds."""
    plain = force.getNonbondedMethod() == openmm.CustomNonbondedForce.NoCutoff
    plain = plain and not (force.getNumGlobalParameters() or force.getNumInteractionGroups())
    return plain and expression_of(force) in OF_PAIRS and force.getNumParticles() <= MAX_TABLE_ATOMS


def is_listed(force: openmm.CustomBondForce) -> bool:
    """Whether a force is Lennard-Jones of listed pairs, which are added to a table."""
    text = expression_of(force)
    known = text == LISTED or LISTED_BY_DEPTH.fullmatch(text) is not None
    return known and not force.getNumGlobalParameters()


def pairs_of(forces: Sequence[openmm.Force], n: int) -> PairTable | Atoms:
    """The pairs of n atoms: a table of all, or, where that is too large, what the atoms have."""
    (nonbonded,) = of_kind(forces, openmm.NonbondedForce) or [_nothing(n)]
    atoms = pair_atoms(nonbonded)
    own, listed = of_kind(forces, openmm.CustomNonbondedForce), of_kind(forces, openmm.CustomBondForce)
    if n > MAX_TABLE_ATOMS:
        return atoms
    table = whole_pair_table(atoms)
    for force in own:
        _add_all(table, force, n)
    for force in listed:
        _add_listed(table, force)
    return table


def _nothing(n: int) -> openmm.NonbondedForce:
    """Of atoms without charge and without Lennard-Jones."""
    force = openmm.NonbondedForce()
    for _ in range(n):
        force.addParticle(0.0, 1.0, 0.0)
    return force


def _add_all(table: PairTable, force: openmm.CustomNonbondedForce, n: int) -> None:
    special = OF_PAIRS[expression_of(force)](force, n)
    excluded = [force.getExclusionParticles(k) for k in range(force.getNumExclusions())]
    i, j = np.array(excluded, int).reshape(-1, 2).T
    for values, more in ((table.repulsion, special.repulsion), (table.attraction, special.attraction)):
        np.fill_diagonal(more, 0)
        more[i, j] = more[j, i] = 0
        values += more


def _add_listed(table: PairTable, force: openmm.CustomBondForce) -> None:
    names = [force.getPerBondParameterName(k) for k in range(force.getNumPerBondParameters())]
    depth = LISTED_BY_DEPTH.fullmatch(expression_of(force))
    for index in range(force.getNumBonds()):
        i, j, values = force.getBondParameters(index)
        named = dict(zip(names, values, strict=True))
        if depth is None:
            a, c = named["A"], named["C"]
        else:
            factor = float(depth[1]) * named["epsilon"]
            a, c = factor * named["sigma"] ** 12, factor * named["sigma"] ** 6
        for numbers, number in ((table.repulsion, a), (table.attraction, c)):
            numbers[i, j] += number
            numbers[j, i] += number
