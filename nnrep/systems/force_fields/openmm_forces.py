"""The energy of an OpenMM system, whoever made it: of the forces that are known here, the others are named.

Known are harmonic bonds and angles, periodic and Ryckaert-Bellemans torsions, harmonic impropers, CMAP,
generalised Born solvents, and Lennard-Jones and Coulomb between all pairs, also of pairs with numbers of
their own (NBFIX, geometric means).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import openmm
from openmm import unit

from nnrep.energies import amber
from nnrep.energies.all_pairs import MAX_TABLE_ATOMS
from nnrep.energies.bonded import Torsions
from nnrep.energies.cmap import Cmaps, cmap_energy, nodes_of
from nnrep.energies.energy import Energy
from nnrep.energies.impropers import Impropers, impropers_energy
from nnrep.energies.planes import planes_of
from nnrep.energies.sum import energy_sum
from nnrep.systems.force_fields.openmm_pairs import OF_PAIRS, is_listed, is_of_pairs, is_whole, pairs_of
from nnrep.systems.force_fields.openmm_reading import expression_of, of_kind
from nnrep.systems.force_fields.parameters import angles_of, bonds_of, torsions_of
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
    _check(forces, system.getNumParticles())
    angles = angles_of(_joined(forces, openmm.HarmonicAngleForce, _add_angles))
    bonds = bonds_of(_joined(forces, openmm.HarmonicBondForce, _add_bonds))
    torsions = _torsions(forces)
    try:
        planes = planes_of(bonds, angles, torsions)
    except ValueError as error:
        raise UnknownForcesError(f"bonds that are not computed here: {error}") from error
    pairs = pairs_of(forces, system.getNumParticles())
    whole = amber.whole_energy(amber.AmberParameters(bonds, angles, torsions, planes, pairs))
    parts = [part for of_forces in PARTS if (part := of_forces(forces)) is not None]
    return energy_sum(whole, *parts) if parts else whole


def _check(forces: Sequence[openmm.Force], n: int) -> None:
    unknown = [_called(force) for force in forces if not _is_known(force)]
    listed = of_kind(forces, openmm.CustomBondForce) if n > MAX_TABLE_ATOMS else []
    unknown += [f"{_called(force)} of more than {MAX_TABLE_ATOMS} atoms" for force in listed]
    unknown += ["a second NonbondedForce"] if len(of_kind(forces, openmm.NonbondedForce)) > 1 else []
    unknown += ["a second solvent"] if len(of_kind(forces, SOLVENTS)) > 1 else []
    if unknown:
        names = ", ".join(dict.fromkeys(unknown))
        raise UnknownForcesError(f"forces that are not computed here: {names}")


def _called(force: openmm.Force) -> str:
    """Its kind, and what it is in words: a custom force by its energy."""
    kind, name = type(force).__name__, force.getName()
    if hasattr(force, "getEnergyFunction"):
        known = isinstance(force, openmm.CustomNonbondedForce) and expression_of(force) in OF_PAIRS
        large = known and force.getNumParticles() > MAX_TABLE_ATOMS
        more = f" of more than {MAX_TABLE_ATOMS} atoms" if large else ""
        if isinstance(force, openmm.CustomTorsionForce) and expression_of(force) in WRAPPED | ABOUT_ZERO:
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


def _plain(values: Iterable[Any]) -> list[Any]:
    """Numbers in nm, rad, kJ/mol and e."""
    return [
        value.value_in_unit_system(unit.md_unit_system) if unit.is_quantity(value) else value
        for value in values
    ]


def _joined(forces: Sequence[openmm.Force], kind: Any, add: Callable[[Any, Any], None]) -> Any:
    """One force with the terms of all forces of a kind."""
    whole = kind()
    for force in of_kind(forces, kind):
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
    powers = _powers(of_kind(forces, openmm.RBTorsionForce))
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
    farthest, text = _farthest_angle(force, names), expression_of(force)
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
        factor = (WRAPPED | ABOUT_ZERO)[expression_of(force)]
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
    chosen = [force for force in of_kind(forces, openmm.CMAPTorsionForce) if force.getNumTorsions()]
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


# Solvents

SOLVENTS = openmm.CustomGBForce, openmm.GBSAOBCForce


def has_solvent(system: openmm.System) -> bool:
    """Whether a generalised Born solvent is among the forces of a system."""
    return bool(of_kind(system.getForces(), SOLVENTS))


def _is_born(force: openmm.CustomGBForce | openmm.GBSAOBCForce) -> bool:
    return born_of(force) is not None


def _of_solvent(forces: Sequence[openmm.Force]) -> Energy | None:
    born = [born_of(force) for force in of_kind(forces, SOLVENTS)]
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
    "NonbondedForce": is_whole,
    "CustomNonbondedForce": is_of_pairs,
    "CustomBondForce": is_listed,
    "CustomGBForce": _is_born,
    "GBSAOBCForce": _is_born,
}
