"""`system.force_field=classical`: the energy of the paper's appendix A.

Which atoms it couples, how far apart, how strongly.
"""

import math
from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from nnrep.choices.settings import settings
from nnrep.energies import classical
from nnrep.energies.all_pairs import MAX_TABLE_ATOMS
from nnrep.energies.classical import ClassicalParameters, no_torsions
from nnrep.energies.energy import Energy
from nnrep.energies.planes import planes_of
from nnrep.energies.soft_pairs import SoftAtoms, SoftPairs, whole_table
from nnrep.errors import require
from nnrep.structures.residues import AMINO_ACIDS, PROTONATIONS
from nnrep.systems.force_fields.force_field import ForceField
from nnrep.systems.force_fields.parameters import angles_of, bonds_of, forces_of
from nnrep.systems.measures import ANGSTROM_PER_NM

if TYPE_CHECKING:
    import openmm
    from openmm import app

# A. Bondi, J. Phys. Chem. 68, 441 (1964), in Angstrom.
BONDI_RADII = {"H": 1.20, "C": 1.70, "N": 1.55, "O": 1.52, "S": 1.80}
DONORS, ACCEPTORS = ("N", "O"), ("O",)  # elements that hold a hydrogen to give, and that take one


class HydrophobicScale(Enum):
    """By which residues are hydrophobic: those above zero. The values name the scales in Biopython."""

    kyte_doolittle = "KyteDoolitle"
    eisenberg = "Eisenberg"
    fauchere_pliska = "Fauchere"


@settings("system/protein", "classical")
class ClassicalConfig:
    """The group `system.classical`; `configs/system/protein.yaml` explains the defaults.

    Attributes:
        bond_strength: k_b in kJ/mol/nm^2.
        angle_strength: k_a in kJ/mol/rad^2.
        hydrogen_bond_strength, hydrophobic_strength, van_der_waals_strength: eps in kJ/mol.
        softening: zeta.
        hydrogen_bond_length: s_H in Angstrom.
        hydrophobic_radius: c in Angstrom of the atoms of hydrophobic residues; others have none.
        hydrophobic_scale: kyte_doolittle, eisenberg or fauchere_pliska.
        exclude_neighbours: whether atoms one or two bonds apart have no pair terms.
    """

    bond_strength: float
    angle_strength: float
    hydrogen_bond_strength: float
    hydrophobic_strength: float
    van_der_waals_strength: float
    softening: float
    hydrogen_bond_length: float
    hydrophobic_radius: float
    hydrophobic_scale: HydrophobicScale
    exclude_neighbours: bool

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        for name in [field.name for field in fields(self) if field.name.endswith("_strength")]:
            value = getattr(self, name)
            require(0 <= value < math.inf, name, "zero or positive", value)
        for name in ("softening", "hydrogen_bond_length"):
            value = getattr(self, name)
            require(0 < value < math.inf, name, "positive", value)
        radius = self.hydrophobic_radius
        require(0 <= radius < math.inf, "hydrophobic_radius", "zero or positive, in Angstrom", radius)


def classical_parameters(
    topology: "app.Topology", system: "openmm.System", config: ClassicalConfig
) -> ClassicalParameters:
    """Parameters of a molecule's classical energy.

    Args:
        topology: elements, residues and bonds.
        system: its AMBER system, of which the lengths of bonds and the angles are taken.
        config: strengths, and what counts as a pair.

    Raises:
        ConfigError: an element without a radius.
    """
    forces = forces_of(system)
    bonds, angles = bonds_of(forces["HarmonicBondForce"]), angles_of(forces["HarmonicAngleForce"])
    bonds = bonds._replace(stiffness=np.full_like(bonds.stiffness, 2 * config.bond_strength))
    angles = angles._replace(stiffness=np.full_like(angles.stiffness, 2 * config.angle_strength))
    atoms = soft_atoms(topology, config)
    small = topology.getNumAtoms() <= MAX_TABLE_ATOMS
    soft = SoftPairs(
        whole_table(atoms) if small else atoms,
        np.asarray(config.van_der_waals_strength, float),
        np.asarray(config.hydrogen_bond_strength, float),
        np.asarray(config.hydrophobic_strength, float),
        np.asarray(config.softening, float),
    )
    return ClassicalParameters(bonds, angles, planes_of(bonds, angles, no_torsions(bonds)), soft)


def soft_atoms(topology: "app.Topology", config: ClassicalConfig) -> SoftAtoms:
    """What the pairs of a molecule follow from; lengths in nm.

    Raises:
        ConfigError: an element without a radius.
    """
    atoms = list(topology.atoms())
    elements = [atom.element.symbol for atom in atoms]
    unknown = sorted(set(elements) - BONDI_RADII.keys())
    require(
        not unknown,
        "system.force_field",
        f"amber14 for {', '.join(unknown)}, without a radius here",
        "classical",
    )
    neighbours: list[set[int]] = [set() for _ in atoms]
    for one, other in topology.bonds():
        neighbours[one.index].add(other.index)
        neighbours[other.index].add(one.index)
    donors = [
        element == "H" and any(elements[k] in DONORS for k in near)
        for element, near in zip(elements, neighbours, strict=True)
    ]
    hydrophobic = hydrophobic_residues(config.hydrophobic_scale)
    radii = [config.hydrophobic_radius * (atom.residue.name in hydrophobic) for atom in atoms]
    return SoftAtoms(
        radius=np.array([BONDI_RADII[element] for element in elements], float) / ANGSTROM_PER_NM,
        donor=np.array(donors, float),
        acceptor=np.array([element in ACCEPTORS for element in elements], float),
        hydrogen_bond_length=np.asarray(config.hydrogen_bond_length / ANGSTROM_PER_NM),
        hydrophobic_radius=np.array(radii, float) / ANGSTROM_PER_NM,
        partners=_without_pairs(neighbours, config.exclude_neighbours),
    )


def hydrophobic_residues(scale: HydrophobicScale) -> frozenset[str]:
    """Names of the residues that a scale has above zero, whatever their protonation; caps are in none."""
    from Bio.SeqUtils.ProtParamData import gravy_scales  # Biopython is for this energy alone

    values = gravy_scales[scale.value]
    amino_acids = {name for name, letter in AMINO_ACIDS.items() if values[letter] > 0}
    return frozenset(
        amino_acids | {name for name, (whole, _) in PROTONATIONS.items() if whole in amino_acids}
    )


def _without_pairs(neighbours: list[set[int]], exclude: bool) -> np.ndarray:
    """Each atom itself (n, m), then those one and two bonds away if they are to be excluded."""
    rows = []
    for index, near in enumerate(neighbours):
        further = set().union(*(neighbours[k] for k in near)) | near if exclude else set()
        rows.append([index, *sorted(further - {index})])
    width = max(map(len, rows))
    return np.array([row + row[:1] * (width - len(row)) for row in rows])


def _build(topology: "app.Topology", system: "openmm.System", settings: ClassicalConfig) -> Energy:
    return Energy(
        classical_parameters(topology, system, settings),
        classical.classical_energy_and_gradient,
        classical.classical_terms,
        classical.coupling_terms,
        classical.local_terms,
        classical.padded,
        classical.ALL_PAIRS,
        bounded=True,
    )


CHOICE = ForceField(_build, terms=classical.TERMS, settings=ClassicalConfig, in_openmm=False)
