"""The energy of an OpenMM system, whoever made it: of the forces that are known here, the others are named.

Known are harmonic bonds and angles, periodic and Ryckaert-Bellemans torsions, harmonic impropers, CMAP,
generalised Born solvents, and Lennard-Jones and Coulomb between all pairs, also of pairs with numbers of
their own (NBFIX, geometric means).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import openmm
from openmm import unit

from nnrep.energies import amber
from nnrep.energies.all_pairs import MAX_TABLE_ATOMS
from nnrep.energies.bonded import Torsions
from nnrep.energies.cmap import Cmaps, cmap_energy, nodes_of
from nnrep.energies.energy import Energy
from nnrep.energies.impropers import Impropers, impropers_energy
from nnrep.energies.nonbonded import Atoms, PairTable, whole_pair_table
from nnrep.energies.planes import planes_of
from nnrep.energies.sum import energy_sum
from nnrep.systems.force_fields.parameters import angles_of, bonds_of, pair_atoms, torsions_of
from nnrep.systems.solvents.continuum import born_energy
from nnrep.systems.solvents.parameters import born_of


class UnknownForcesError(ValueError):
    """A system has forces that are not computed here; the text names them."""


def energy_of_system(system: openmm.System) -> Energy:
    """The energy of an OpenMM system without constraints and without a box.

    Raises:
        UnknownForcesError: it has forces that are not known.
    """
    forces = list(system.getForces())
    _check(forces)
    angles = angles_of(_joined(forces, openmm.HarmonicAngleForce, _add_angles))
    bonds = bonds_of(_joined(forces, openmm.HarmonicBondForce, _add_bonds))
    torsions = _torsions(forces)
    try:
        planes = planes_of(bonds, angles, torsions)
    except ValueError as error:
        raise UnknownForcesError(f"bonds that are not computed here: {error}") from error
    pairs = _pairs(forces, system.getNumParticles())
    whole = amber.whole_energy(amber.AmberParameters(bonds, angles, torsions, planes, pairs))
    parts = [part for of_forces in PARTS if (part := of_forces(forces)) is not None]
    return energy_sum(whole, *parts) if parts else whole


def _check(forces: Sequence[openmm.Force]) -> None:
    unknown = [_called(force) for force in forces if not _is_known(force)]
    unknown += ["a second NonbondedForce"] if len(_of(forces, openmm.NonbondedForce)) > 1 else []
    unknown += ["a second solvent"] if len(_of(forces, SOLVENTS)) > 1 else []
    if unknown:
        names = ", ".join(dict.fromkeys(unknown))
        raise UnknownForcesError(f"forces that are not computed here: {names}")


def _called(force: openmm.Force) -> str:
    """Its kind, and what it is in words: a custom force by its energy."""
    kind, name = type(force).__name__, force.getName()
    if hasattr(force, "getEnergyFunction"):
        known = isinstance(force, openmm.CustomNonbondedForce) and _expression(force) in OF_PAIRS
        large = known and force.getNumParticles() > MAX_TABLE_ATOMS
        more = f" of more than {MAX_TABLE_ATOMS} atoms" if large else ""
        if isinstance(force, openmm.CustomTorsionForce) and _expression(force) in WRAPPED | ABOUT_ZERO:
            more = " at angles theta0 that it does not reach, perhaps in degrees"
        return f"{kind} {force.getEnergyFunction().strip()}{more}"
    if kind in KNOWN:
        return f"{kind} {DIFFERENT[kind]}"
    return kind if name == kind else f"{kind} ({name})"


def _is_known(force: openmm.Force) -> bool:
    kind = type(force).__name__
    return kind in KNOWN and KNOWN[kind](force)


def _always(force: openmm.Force) -> bool:
    return True


def _of(forces: Iterable[openmm.Force], kind: type | tuple[type, ...]) -> list[Any]:
    return [force for force in forces if isinstance(force, kind)]


def _plain(values: Iterable[Any]) -> list[Any]:
    """Numbers in nm, rad, kJ/mol and e."""
    return [
        value.value_in_unit_system(unit.md_unit_system) if unit.is_quantity(value) else value
        for value in values
    ]


def _joined(forces: Sequence[openmm.Force], kind: Any, add: Callable[[Any, Any], None]) -> Any:
    """One force with the terms of all forces of a kind."""
    whole = kind()
    for force in _of(forces, kind):
        add(whole, force)
    return whole


def _add_bonds(whole: openmm.HarmonicBondForce, force: openmm.HarmonicBondForce) -> None:
    for index in range(force.getNumBonds()):
        i, j, length, stiffness = _plain(force.getBondParameters(index))
        if stiffness != 0:
            whole.addBond(i, j, length, stiffness)


def _add_angles(whole: openmm.HarmonicAngleForce, force: openmm.HarmonicAngleForce) -> None:
    for index in range(force.getNumAngles()):
        whole.addAngle(*_plain(force.getAngleParameters(index)))


def _add_torsions(whole: openmm.PeriodicTorsionForce, force: openmm.PeriodicTorsionForce) -> None:
    for index in range(force.getNumTorsions()):
        *four, periodicity, phase, barrier = _plain(force.getTorsionParameters(index))
        if barrier != 0:
            whole.addTorsion(*four, periodicity, phase, barrier)


# Torsions


def _torsions(forces: Sequence[openmm.Force]) -> Torsions:
    periodic = torsions_of(_joined(forces, openmm.PeriodicTorsionForce, _add_torsions))
    powers = _powers(_of(forces, openmm.RBTorsionForce))
    if len(powers.constant) == 0:
        return periodic
    most = max(len(periodic.cosine), len(powers.cosine))

    def filled(values: np.ndarray) -> np.ndarray:
        return np.pad(values, [(0, most - len(values)), (0, 0)])

    return Torsions(
        np.concatenate([periodic.quadruples, powers.quadruples]),
        np.concatenate([periodic.constant, powers.constant]),
        np.concatenate([filled(periodic.cosine), filled(powers.cosine)], axis=1),
        np.concatenate([filled(periodic.sine), filled(powers.sine)], axis=1),
    )


# cos^n x = sum_p POWERS[n, p] cos(p x), n and p from 0 to 5.
POWERS = np.array(
    [
        [1, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [1 / 2, 0, 1 / 2, 0, 0, 0],
        [0, 3 / 4, 0, 1 / 4, 0, 0],
        [3 / 8, 0, 1 / 2, 0, 1 / 8, 0],
        [0, 5 / 8, 0, 5 / 16, 0, 1 / 16],
    ]
)


def _powers(forces: Sequence[openmm.RBTorsionForce]) -> Torsions:
    """Ryckaert-Bellemans torsions sum_n c_n cos^n(phi - pi), as Fourier series of phi."""
    rows = [
        _plain(force.getTorsionParameters(index))
        for force in forces
        for index in range(force.getNumTorsions())
    ]
    table = np.array(rows, float).reshape(-1, 10)
    series = (table[:, 4:] @ POWERS) * (-1.0) ** np.arange(6)
    cosine = series[:, 1:].T.copy()
    return Torsions(table[:, :4].astype(int), series[:, 0], cosine, np.zeros_like(cosine))


# Impropers


def _expression(force: Any) -> str:
    """The energy of a custom force, without blanks, and with pi by name."""
    text = re.sub(r"\s", "", force.getEnergyFunction()).rstrip(";")
    return re.sub(r"3\.14159\d*", "pi", text).replace(";pi=pi", "")


FARTHEST_ANGLE = 2 * np.pi  # phi0 of an improper: expressions turn phi - phi0 by 2 pi once
# Expression -> k of k/2 (phi - phi0)^2 over the parameter k.
WRAPPED = {
    "k*min(dtheta,2*pi-dtheta)^2;dtheta=abs(theta-theta0)": 2.0,
    "0.5*k*(thetap-theta0)^2;thetap=step(-(theta-theta0+pi))*2*pi+theta+step(theta-theta0-pi)*(-2*pi)": 1.0,
}
ABOUT_ZERO = {"k*(theta-theta0)^2": 2.0}  # the same where theta0 is 0


def _is_impropers(force: openmm.Force) -> bool:
    if not isinstance(force, openmm.CustomTorsionForce) or force.getNumGlobalParameters():
        return False
    names = [force.getPerTorsionParameterName(k) for k in range(force.getNumPerTorsionParameters())]
    if sorted(names) != ["k", "theta0"]:
        return False
    farthest, text = _farthest_angle(force, names), _expression(force)
    return (text in WRAPPED and farthest <= FARTHEST_ANGLE) or (text in ABOUT_ZERO and farthest == 0)


def _farthest_angle(force: openmm.CustomTorsionForce, names: Sequence[str]) -> float:
    place = names.index("theta0")
    values = (force.getTorsionParameters(index)[4][place] for index in range(force.getNumTorsions()))
    return max(map(abs, values), default=0.0)


def _of_impropers(forces: Sequence[openmm.Force]) -> Energy | None:
    chosen = [force for force in forces if _is_impropers(force) and force.getNumTorsions()]
    return impropers_energy(_impropers(chosen)) if chosen else None


def _impropers(forces: Sequence[openmm.CustomTorsionForce]) -> Impropers:
    rows, numbers = [], []
    for force in forces:
        factor = (WRAPPED | ABOUT_ZERO)[_expression(force)]
        names = [force.getPerTorsionParameterName(k) for k in range(2)]
        for index in range(force.getNumTorsions()):
            *four, values = force.getTorsionParameters(index)
            named = dict(zip(names, values, strict=True))
            rows.append(four)
            numbers.append((named["theta0"], factor * named["k"]))
    angle, stiffness = np.array(numbers, float).reshape(-1, 2).T
    return Impropers(np.array(rows, int).reshape(-1, 4), angle, stiffness)


# CMAP


def _shares_three(force: openmm.CMAPTorsionForce) -> bool:
    """Whether the two torsions of each pair follow one another along five atoms, on maps of one size."""
    rows = [force.getTorsionParameters(index) for index in range(force.getNumTorsions())]
    sizes = {force.getMapParameters(index)[0] for index in range(force.getNumMaps())}
    return len(sizes) <= 1 and all(list(row[2:5]) == list(row[5:8]) for row in rows)


def _of_maps(forces: Sequence[openmm.Force]) -> Energy | None:
    chosen = [force for force in _of(forces, openmm.CMAPTorsionForce) if force.getNumTorsions()]
    return cmap_energy(_cmaps(chosen)) if chosen else None


def _cmaps(forces: Sequence[openmm.CMAPTorsionForce]) -> Cmaps:
    quintuples, kinds = [], []
    maps: list[np.ndarray] = []
    for force in forces:
        before = len(maps)
        for index in range(force.getNumMaps()):
            size, energies = force.getMapParameters(index)
            # Of (first, second) at first + size second.
            maps.append(np.array(_plain(energies), float).reshape(size, size).T)
        for index in range(force.getNumTorsions()):
            kind, i, j, k, end, _, _, _, last = force.getTorsionParameters(index)
            quintuples.append((i, j, k, end, last))
            kinds.append(before + kind)
    return Cmaps(
        np.array(quintuples, int), np.array(kinds, int), np.ones(len(kinds)), nodes_of(np.array(maps))
    )


# Pairs


def _is_whole(force: openmm.NonbondedForce) -> bool:
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


def _is_of_pairs(force: openmm.CustomNonbondedForce) -> bool:
    plain = force.getNonbondedMethod() == openmm.CustomNonbondedForce.NoCutoff
    plain = plain and not (force.getNumGlobalParameters() or force.getNumInteractionGroups())
    return plain and _expression(force) in OF_PAIRS and force.getNumParticles() <= MAX_TABLE_ATOMS


def _is_listed(force: openmm.CustomBondForce) -> bool:
    text = _expression(force)
    known = text == LISTED or LISTED_BY_DEPTH.fullmatch(text) is not None
    return known and not force.getNumGlobalParameters() and force.getNumBonds() <= MAX_TABLE_ATOMS**2


def _pairs(forces: Sequence[openmm.Force], n: int) -> PairTable | Atoms:
    (nonbonded,) = _of(forces, openmm.NonbondedForce) or [_nothing(n)]
    atoms = pair_atoms(nonbonded)
    own, listed = _of(forces, openmm.CustomNonbondedForce), _of(forces, openmm.CustomBondForce)
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
    special = OF_PAIRS[_expression(force)](force, n)
    excluded = [force.getExclusionParticles(k) for k in range(force.getNumExclusions())]
    i, j = np.array(excluded, int).reshape(-1, 2).T
    for values, more in ((table.repulsion, special.repulsion), (table.attraction, special.attraction)):
        np.fill_diagonal(more, 0)
        more[i, j] = more[j, i] = 0
        values += more


def _add_listed(table: PairTable, force: openmm.CustomBondForce) -> None:
    names = [force.getPerBondParameterName(k) for k in range(force.getNumPerBondParameters())]
    depth = LISTED_BY_DEPTH.fullmatch(_expression(force))
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


# Solvents

SOLVENTS = openmm.CustomGBForce, openmm.GBSAOBCForce


def has_solvent(system: openmm.System) -> bool:
    """Whether a generalised Born solvent is among the forces of a system."""
    return bool(_of(system.getForces(), SOLVENTS))


def _is_born(force: openmm.CustomGBForce | openmm.GBSAOBCForce) -> bool:
    return born_of(force) is not None


def _of_solvent(forces: Sequence[openmm.Force]) -> Energy | None:
    born = [born_of(force) for force in _of(forces, SOLVENTS)]
    return born_energy(born[0]) if born and born[0] is not None else None


# Kind of force -> what one of it has that is not computed here.
DIFFERENT = {
    "CMAPTorsionForce": "of torsions that do not share three atoms, or of maps of several sizes",
    "NonbondedForce": "with a cutoff or with offsets",
    "CustomGBForce": "that is not OBC1, OBC2, GBn or GBn2 as OpenMM writes them, without a cutoff",
    "GBSAOBCForce": "with a cutoff",
}
# All forces -> the energy of some kinds of them, None where there are none: beside bonds, torsions and pairs.
PARTS: tuple[Callable[[Sequence[openmm.Force]], Energy | None], ...] = (
    _of_impropers,
    _of_maps,
    _of_solvent,
)
# Kind of force -> whether one of it can be computed here.
KNOWN: dict[str, Callable[[Any], bool]] = {
    "HarmonicBondForce": _always,
    "HarmonicAngleForce": _always,
    "PeriodicTorsionForce": _always,
    "RBTorsionForce": _always,
    "CustomTorsionForce": _is_impropers,
    "CMAPTorsionForce": _shares_three,
    "NonbondedForce": _is_whole,
    "CustomNonbondedForce": _is_of_pairs,
    "CustomBondForce": _is_listed,
    "CustomGBForce": _is_born,
    "GBSAOBCForce": _is_born,
}
