"""A protein on the AMBER force field (the paper's figures 4 to 6) or the classical one (7 to 9).

Units: nm, kJ/mol.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import openmm
from jax import Array
from jax.tree_util import Partial
from openmm import app, unit

from nnrep.energies import amber, amber_uncorrected, classical
from nnrep.errors import require
from nnrep.structures.extended import extended
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Heterogens, Preparation
from nnrep.structures.prepare import prepared
from nnrep.structures.unfold import UnfoldConfig, unfolded
from nnrep.systems.amber import amber_parameters, forces_of, particles, uncorrected_parameters
from nnrep.systems.classical import ClassicalConfig, classical_parameters
from nnrep.systems.measures import ANGSTROM_PER_NM, AtomGroups, rmsd_by_group
from nnrep.systems.system import System, perturbed, start_key

PERTURBATION = 0.5  # of the perturbed start, in Angstrom
# Standard deviation of the configurations at which the Hessian is sampled, around the start, in Angstrom.
HESSIAN_NOISE = 0.1


class ForceField(Enum):
    """AMBER14 as it is, the energy that the paper's code sums in its place, the energy of its appendix A."""

    amber14 = "amber14"
    amber14_uncorrected = "amber14_uncorrected"
    classical = "classical"


class Start(Enum):
    """Where minimisation begins."""

    native = "native"
    unfolded = "unfolded"
    extended = "extended"
    perturbed = "perturbed"
    random = "random"


@dataclass
class ProteinConfig:
    """Choices of `system=protein`.

    Attributes:
        pdb: a structure file, an entry of the Protein Data Bank, or null for the embedded Trp-cage 1L2Y.
        model: of an ensemble, counted from 1.
        chain: its letter, null for the only one.
        heterogens: drop ligands, or refuse structures that have them.
        force_field: amber14, amber14_uncorrected or classical.
        classical: strengths and lengths of the classical one.
        start: native, unfolded, extended, perturbed, or random: a Gaussian cloud as wide as the native
            structure, which each seed draws for itself.
        unfold: how the unfolded start is made.
        perturbation: standard deviation in Angstrom of the noise on every coordinate of the start, which each
            seed draws for itself; None: 0.5 of the perturbed start, none of the others.
    """

    name: str = "protein"
    pdb: str | None = None
    model: int = 1
    chain: str | None = None
    heterogens: Heterogens = Heterogens.drop
    force_field: ForceField = ForceField.amber14
    classical: ClassicalConfig = field(default_factory=ClassicalConfig)
    start: Start = Start.native
    unfold: UnfoldConfig = field(default_factory=UnfoldConfig)
    perturbation: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        self.preparation  # noqa: B018 (checks its values)
        size = self.perturbation
        allowed = "zero or positive, in Angstrom, or null"
        require(size is None or 0 <= size < np.inf, "perturbation", allowed, size)

    @property
    def preparation(self) -> Preparation:
        """Which part of the structure is taken."""
        return Preparation(self.model, self.chain, self.heterogens)

    @property
    def noise(self) -> float:
        """Standard deviation in Angstrom of what the seeds add to the start."""
        if self.perturbation is None:
            return PERTURBATION if self.start is Start.perturbed else 0.0
        return self.perturbation


def protein_molecule(config: ProteinConfig, folders: Sequence[str]) -> Molecule:
    """The prepared native structure; see `nnrep.structures.prepare`."""
    return prepared(config.pdb, folders, config.preparation)


def protein_system(
    config: ProteinConfig,
    molecule: Molecule,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> System:
    """The system of a prepared molecule, started as the configuration says.

    Args:
        config: force field and start.
        molecule: the native structure.
        seed: of the start's noise.
        on_progress: told of the steps of unfolding, as (done, total).
    """
    openmm_system = vacuum_system(molecule.topology)
    energy_of, terms_of, terms, parameters = _force_field(config, molecule.topology, openmm_system)
    reference = jnp.asarray(molecule.positions, float)
    start = jnp.asarray(_start(config, molecule, on_progress), float)
    noise = config.noise / ANGSTROM_PER_NM
    hessian_noise = HESSIAN_NOISE / ANGSTROM_PER_NM
    if config.start is Start.random:
        noise = hessian_noise = float(np.hypot(_spread(molecule.positions), noise))
    draw_start = Partial(perturbed, start, noise) if noise > 0 else None
    bonds = np.array([[one.index, other.index] for one, other in molecule.topology.bonds()])
    groups = atom_groups(molecule.topology)
    return System(
        energy=Partial(energy_of, parameters),
        positions=start if draw_start is None else draw_start(start_key(seed)),
        name=molecule.name,
        draw_start=draw_start,
        draw_configuration=Partial(perturbed, start, hessian_noise),
        coupling_terms=partial(terms.coupling_terms, parameters),
        local_terms=terms.local_terms(parameters),
        edges=bonds.reshape(-1, 2),
        reference=reference,
        energy_terms=Partial(terms_of, parameters),
        measure=Partial(rmsd_by_group, groups, reference),
        node_features=node_features(molecule.topology, openmm_system),
        residues=molecule.residues,
        molecule=molecule,
        trace=np.asarray(groups.ca),
        masses=masses(molecule.topology),
        energy_unit="kJ/mol",
        length_unit="nm",
    )


def _force_field(
    config: ProteinConfig, topology: app.Topology, system: openmm.System
) -> tuple[Any, Any, Any, Any]:
    """Energy, energies by term, the module of its pair and local terms, parameters."""
    if config.force_field is ForceField.amber14:
        return amber.amber_energy, amber.amber_terms, amber, amber_parameters(system)
    if config.force_field is ForceField.classical:
        own = classical_parameters(topology, system, config.classical)
        return classical.classical_energy, classical.classical_terms, classical, own
    if config.force_field is not ForceField.amber14_uncorrected:
        raise TypeError(f"{config.force_field} is registered, but nothing builds it: another would run")
    module = amber_uncorrected
    return module.uncorrected_energy, module.uncorrected_terms, module, uncorrected_parameters(system)


def _start(
    config: ProteinConfig, molecule: Molecule, on_progress: Callable[[int, int], None] | None
) -> np.ndarray:
    """Positions (n, 3) in nm, without noise."""
    if config.start is Start.unfolded:
        return unfolded(molecule, config.unfold, on_progress)
    if config.start is Start.random:
        return np.zeros_like(molecule.positions)
    return extended(molecule) if config.start is Start.extended else molecule.positions


def _spread(positions: np.ndarray) -> float:
    """Standard deviation of coordinates (n, 3) from their centre."""
    return float(np.sqrt(np.mean((positions - positions.mean(axis=0)) ** 2)))


def atom_groups(topology: app.Topology) -> AtomGroups:
    """Groups that an RMSD is taken of: CA; N, CA and C; all. Caps have no CA and are in none but all."""
    residues = [list(residue.atoms()) for residue in topology.residues()]
    chain = [atoms for atoms in residues if any(atom.name == "CA" for atom in atoms)]

    def named(*names: str) -> Array:
        return jnp.asarray([atom.index for atoms in chain for atom in atoms if atom.name in names])

    return AtomGroups(named("CA"), named("N", "CA", "C"), jnp.arange(topology.getNumAtoms()))


def node_features(topology: app.Topology, system: openmm.System) -> Array:
    """Features (n, f) of the atoms: element, one-hot; charge, sigma and epsilon, scaled to 0..1."""
    elements = [atom.element.symbol for atom in topology.atoms()]
    one_hot = np.array([[element == kind for kind in sorted(set(elements))] for element in elements], float)
    numbers = np.stack(particles(forces_of(system)["NonbondedForce"]), axis=1)
    span = np.ptp(numbers, axis=0)
    scaled = (numbers - numbers.min(axis=0)) / np.where(span > 0, span, 1)
    return jnp.asarray(np.concatenate([one_hot, scaled], axis=1), float)


def masses(topology: app.Topology) -> np.ndarray:
    """Masses (n,) of the atoms in dalton."""
    return np.array([atom.element.mass.value_in_unit(unit.dalton) for atom in topology.atoms()])
