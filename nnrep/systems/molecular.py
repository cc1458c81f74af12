"""What the systems of molecules share: where they begin, their graph, features and measures.

Units: nm, kJ/mol.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
import openmm
from jax.tree_util import Partial
from openmm import app

from nnrep.energies.arrays import on_device
from nnrep.energies.energy import Energy
from nnrep.energies.padding import padded_size, with_zeros
from nnrep.energies.sum import energy_sum
from nnrep.errors import require
from nnrep.structures.molecule import Molecule
from nnrep.systems.force_fields.parameters import particles
from nnrep.systems.measures import ANGSTROM_PER_NM, rmsd_measure, spread_of
from nnrep.systems.restraints import HoldingConfig
from nnrep.systems.system import System, drawn, of_energy, perturbed

ENERGY_UNIT, LENGTH_UNIT = "kJ/mol", "nm"
PERTURBATION = 0.5  # of the perturbed start, in Angstrom
# Standard deviation of the configurations at which the Hessian is sampled, around the start, in Angstrom.
HESSIAN_NOISE = 0.1


@dataclass(kw_only=True)
class MolecularConfig(HoldingConfig):
    """What the settings of all molecules have.

    Attributes:
        perturbation: standard deviation in Angstrom of the noise on every coordinate of the start, which each
            seed draws for itself; None: `PERTURBATION` of the perturbed start, none of the others.
    """

    perturbation: float | None

    if TYPE_CHECKING:
        start: Any  # of the classes that name the starts: "perturbed" and "random" among them

    energy_unit = ENERGY_UNIT
    length_unit = LENGTH_UNIT
    has_features = True
    may_fall_apart = True  # of several molecules

    def check_noise(self) -> None:
        """Raise `ConfigError` for noise that is none."""
        size, allowed = self.perturbation, "zero or positive, in Angstrom, or null"
        require(size is None or 0 <= size < np.inf, "perturbation", allowed, size)

    @property
    def is_cloud(self) -> bool:
        """Whether the start is random: a Gaussian cloud of atoms."""
        return bool(self.start == "random")

    @property
    def noise(self) -> float:
        """Standard deviation in Angstrom of what the seeds add to the start."""
        if self.perturbation is None:
            return PERTURBATION if self.start == "perturbed" else 0.0
        return self.perturbation

    def without_bonds(self) -> str | None:
        """A random start is a cloud of atoms."""
        return "system.start=random has no bonds" if self.is_cloud else None


class Begin(NamedTuple):
    """Where a minimisation begins.

    Attributes:
        positions: (n, 3) in nm, about the centre of the molecule's own.
        noise: standard deviation in nm of what the seeds add to them.
        is_cloud: whether they are a Gaussian cloud besides, as wide as the molecule.
    """

    positions: np.ndarray
    noise: float = 0.0
    is_cloud: bool = False


def molecular_system(
    molecule: Molecule,
    energy: Energy,
    begin: Begin,
    groups: Mapping[str, np.ndarray],
    features: np.ndarray,
    masses: np.ndarray,
    *,
    trace: np.ndarray | None,
    holding: HoldingConfig,
    seed: int,
    padded: bool,
) -> System:
    """The system of a molecule.

    Args:
        molecule: in the positions that RMSDs are to.
        energy: of its atoms, with NumPy arrays.
        begin: where minimisation begins.
        groups: name -> atoms (m,) that an RMSD is taken of.
        features: (n, f) of the atoms.
        masses: (n,) in dalton.
        trace: (m,) atoms that are drawn as a chain; None for all.
        holding: which atoms are frozen or restrained.
        seed: of the start's noise.
        padded: whether it has dummies, so that molecules of nearly its size share its programs.
    """
    origin = molecule.positions.mean(axis=0)
    native = molecule.positions - origin
    placed = native if begin.is_cloud else begin.positions  # a cloud has no frame
    restraints = holding.restraint_energy(molecule.topology, placed, native)
    energy = energy if restraints is None else energy_sum(energy, restraints)
    size = molecule.n
    if padded and energy.padded is not None:
        size = padded_size(molecule.n + 1)  # one dummy at least, which edges without effect join to itself
        energy = energy._replace(parameters=energy.padded(energy.parameters, size))
    exact = None if jax.config.jax_enable_x64 else energy.in_double()  # type: ignore[attr-defined]
    energy = energy._replace(parameters=on_device(energy.parameters))
    start = on_device(_with_dummies(begin.positions, size))
    reference = on_device(_with_dummies(native, size))
    noise, hessian_noise = begin.noise, HESSIAN_NOISE / ANGSTROM_PER_NM
    if begin.is_cloud:
        noise = hessian_noise = float(np.hypot(spread_of(native), noise))
    draw_start = Partial(perturbed, start, noise) if noise > 0 else None
    frozen = holding.frozen_atoms(molecule.topology)
    first = start if draw_start is None else drawn(draw_start, seed, 0)
    if frozen is not None:
        first = np.where(np.pad(frozen, (0, size - molecule.n))[:, None], start, first)
    bonds = np.array([[one.index, other.index] for one, other in molecule.topology.bonds()], int)
    return System(
        **of_energy(energy),
        positions=first,
        name=molecule.name,
        draw_start=draw_start,
        draw_configuration=Partial(perturbed, start, hessian_noise),
        edges=bonds.reshape(-1, 2),
        reference=reference,
        measure=rmsd_measure(groups, reference),
        node_features=on_device(with_zeros(features, size)),
        residues=molecule.residues,
        molecule=molecule,
        trace=trace,
        masses=masses,
        energy_unit=ENERGY_UNIT,
        length_unit=LENGTH_UNIT,
        exact=exact,
        origin=origin,
        dummies=size - molecule.n,
        frozen=frozen,
        restraints=None if restraints is None else restraints.parameters,
    )


def _with_dummies(positions: np.ndarray, size: int) -> np.ndarray:
    """Positions (n, 3), and further ones (size, 3) in their centre, where they change no extent."""
    centre = positions.mean(axis=0, keepdims=True)
    return np.concatenate([positions, np.repeat(centre, size - len(positions), axis=0)])


def node_features(topology: app.Topology, system: openmm.System) -> np.ndarray:
    """Features (n, f) of the atoms: element, one-hot; where there are pairs charge, sigma and epsilon, scaled
    to 0..1."""
    elements = ["" if atom.element is None else atom.element.symbol for atom in topology.atoms()]
    one_hot = np.array([[element == kind for kind in sorted(set(elements))] for element in elements], float)
    pairs = [force for force in system.getForces() if isinstance(force, openmm.NonbondedForce)]
    if not pairs:
        return one_hot
    numbers = np.concatenate([np.stack(particles(force), axis=1) for force in pairs], axis=1)
    span = np.ptp(numbers, axis=0)
    scaled = (numbers - numbers.min(axis=0)) / np.where(span > 0, span, 1)
    return np.concatenate([one_hot, scaled], axis=1)
