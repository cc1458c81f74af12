"""A molecule's AMBER parameters, read from its OpenMM system into NumPy arrays."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnrep.energies.all_pairs import MAX_TABLE_ATOMS
from nnrep.energies.amber import AmberParameters
from nnrep.energies.amber_uncorrected import UncorrectedParameters
from nnrep.energies.bonded import Angles, Bonds, Planes, Torsions
from nnrep.energies.cutoff import CutoffPairs
from nnrep.energies.nonbonded import Atoms, PairTable, whole_pair_table
from nnrep.energies.planes import planes_of

if TYPE_CHECKING:
    import openmm

# Coulomb's constant in kJ nm / mol / e^2, as OpenMM has it.
COULOMB = 138.93545764438198


def amber_parameters(system: "openmm.System") -> AmberParameters:
    """Parameters of an OpenMM system of harmonic bonds and angles, periodic torsions and pairs.

    Raises:
        ValueError: the system has another force, or one of them twice.
    """
    forces = forces_of(system)
    atoms = pair_atoms(forces["NonbondedForce"])
    small = system.getNumParticles() <= MAX_TABLE_ATOMS
    pairs = whole_pair_table(atoms) if small else atoms
    return AmberParameters(*_bonded(forces), pairs=pairs)


class Cutoff(NamedTuple):
    """Where pairs end, as OpenMM's `NonbondedForce` has it.

    Attributes:
        distance: in nm.
        switch: in nm, where Lennard-Jones begins to fall off; None for nowhere.
        dielectric: of the reaction field beyond.
    """

    distance: float
    switch: float | None
    dielectric: float


def amber_parameters_with_cutoff(system: "openmm.System", cutoff: Cutoff) -> AmberParameters:
    """The same with a cutoff of the pairs that are no exceptions."""
    forces = forces_of(system)
    distance, switch, dielectric = cutoff
    numbers = (
        distance,
        distance if switch is None else switch,
        0.0 if switch is None else 1 / (distance - switch),
        (dielectric - 1) / (2 * dielectric + 1) / distance**3,
        3 * dielectric / (2 * dielectric + 1) / distance,
    )
    pairs = CutoffPairs(pair_atoms(forces["NonbondedForce"]), *map(np.asarray, numbers))
    return AmberParameters(*_bonded(forces), pairs=pairs)


def uncorrected_parameters(system: "openmm.System") -> UncorrectedParameters:
    """Parameters of the paper's energy; arguments as those of `amber_parameters`."""
    forces = forces_of(system)
    _, sigma, epsilon = particles(forces["NonbondedForce"])
    return UncorrectedParameters(*_bonded(forces), sigma / 2, 2 * np.sqrt(epsilon))


def forces_of(system: "openmm.System") -> dict[str, Any]:
    """The forces of an OpenMM system by name."""
    forces = {type(force).__name__: force for force in system.getForces()}
    known = {"HarmonicBondForce", "HarmonicAngleForce", "PeriodicTorsionForce", "NonbondedForce"}
    if set(forces) != known or len(forces) != system.getNumForces():
        raise ValueError(f"the OpenMM system has {sorted(forces)}, and must have {sorted(known)}, each once")
    return forces


def _bonded(forces: dict[str, Any]) -> tuple[Bonds, Angles, Torsions, Planes]:
    angles = angles_of(forces["HarmonicAngleForce"])
    torsions = torsions_of(forces["PeriodicTorsionForce"])
    bonds = bonds_of(forces["HarmonicBondForce"])
    return bonds, angles, torsions, planes_of(bonds, angles, torsions)


def particles(force: "openmm.NonbondedForce") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Charges (n,) in e, sigma (n,) in nm and epsilon (n,) in kJ/mol of the atoms."""
    rows = [_plain(force.getParticleParameters(index)) for index in range(force.getNumParticles())]
    charge, sigma, epsilon = np.array(rows, float).reshape(-1, 3).T
    return charge, sigma, epsilon


def pair_atoms(force: "openmm.NonbondedForce") -> Atoms:
    """What the pairs' numbers follow from."""
    charge, sigma, epsilon = particles(force)
    exceptions = [_plain(force.getExceptionParameters(k)) for k in range(force.getNumExceptions())]
    own: list[dict[int, tuple[float, float, float]]] = [{i: (0.0, 0.0, 0.0)} for i in range(len(charge))]
    for i, j, product, length, depth in exceptions:
        sixth = length**6
        own[i][j] = own[j][i] = (4 * depth * sixth**2, 4 * depth * sixth, COULOMB * product)
    width = max(map(len, own))
    filled = [[*pairs.items()] + [(i, pairs[i])] * (width - len(pairs)) for i, pairs in enumerate(own)]
    repulsion, attraction, product = (
        np.array([[numbers[k] for _, numbers in row] for row in filled]) for k in range(3)
    )
    return Atoms(
        half_sigma=sigma / 2,
        root_epsilon=2 * np.sqrt(epsilon),
        charge=np.sqrt(COULOMB) * charge,
        partners=np.array([[partner for partner, _ in row] for row in filled]),
        exceptions=PairTable(repulsion, attraction, product),
    )


def bonds_of(force: "openmm.HarmonicBondForce") -> Bonds:
    """The bonds of a force."""
    rows = [_plain(force.getBondParameters(index)) for index in range(force.getNumBonds())]
    table = np.array(rows, float).reshape(-1, 4)
    return Bonds(table[:, :2].astype(int), table[:, 2], table[:, 3])


def angles_of(force: "openmm.HarmonicAngleForce") -> Angles:
    """The angles of a force."""
    rows = [_plain(force.getAngleParameters(index)) for index in range(force.getNumAngles())]
    table = np.array(rows, float).reshape(-1, 5)
    return Angles(table[:, :3].astype(int), table[:, 3], table[:, 4])


def torsions_of(force: "openmm.PeriodicTorsionForce") -> Torsions:
    """Torsions of the same four atoms are one row, whichever way round they are given."""
    rows = [_plain(force.getTorsionParameters(index)) for index in range(force.getNumTorsions())]
    place: dict[tuple[int, ...], int] = {}
    for row in rows:
        atoms = tuple(row[:4])
        if atoms[::-1] not in place:
            place.setdefault(atoms, len(place))
    constant = np.zeros(len(place))
    cosine = np.zeros((max((row[4] for row in rows), default=1), len(place)))
    sine = np.zeros_like(cosine)
    for *four, periodicity, phase, barrier in rows:
        atoms = tuple(four)
        # The angle is the same from either end.
        column = place[atoms if atoms in place else atoms[::-1]]
        constant[column] += barrier
        cosine[periodicity - 1, column] += barrier * np.cos(phase)
        sine[periodicity - 1, column] += barrier * np.sin(phase)
    quadruples = np.array([*place], int).reshape(-1, 4)
    return Torsions(quadruples, constant, cosine, sine)


def _plain(parameters: list) -> list:
    """Numbers in nm, rad, kJ/mol and e."""
    from openmm import unit  # the names of energy terms are known without it

    return [
        value.value_in_unit_system(unit.md_unit_system) if unit.is_quantity(value) else value
        for value in parameters
    ]
