"""A protein on the AMBER force field (the paper's figures 4 to 6) or the classical one (7 to 9).

AMBER's may be in a solvent.

Units: nm, kJ/mol.
"""

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openmm
from openmm import app, unit

from nnrep.choices.identity import counts_if, hashed_as, matters_if
from nnrep.choices.settings import build, settings
from nnrep.energies.energy import Energy
from nnrep.energies.sum import energy_sum
from nnrep.errors import require
from nnrep.structures.file_names import stem_of
from nnrep.structures.force_field import Continuum, stored_continuum_force, stored_vacuum_system
from nnrep.structures.force_field_files import with_parameters
from nnrep.structures.force_field_names import hashes_of, is_of_files, potential_name
from nnrep.structures.molecule import Molecule
from nnrep.structures.other_start import check_file, content_hash, start_from
from nnrep.structures.preparation import Heterogens, Preparation
from nnrep.structures.prepare import prepared
from nnrep.structures.residues import PEPTIDE_ATOMS
from nnrep.structures.selection import chain_atoms
from nnrep.structures.unfold import UnfoldConfig, unfolded
from nnrep.systems.force_fields.parameters import Cutoff
from nnrep.systems.force_fields.registry import FORCE_FIELDS, force_field_of
from nnrep.systems.measures import ANGSTROM_PER_NM
from nnrep.systems.molecular import Begin, MolecularConfig, molecular_system, node_features
from nnrep.systems.restraints import RESTRAINT_KEYS
from nnrep.systems.settings import OnProgress, Size
from nnrep.systems.solvents.registry import SOLVENTS
from nnrep.systems.solvents.solvent import SolventOptions, Surface
from nnrep.systems.system import System

SOLVATED = "+"  # between force field and solvent, in tables


class Start(StrEnum):
    """Where minimisation begins, if not in a file."""

    native = "native"
    unfolded = "unfolded"
    extended = "extended"
    perturbed = "perturbed"
    random = "random"


def _hashed_start(start: Any) -> str:
    """A start by its name, a file by what it holds."""
    return start.name if isinstance(start, Start) else content_hash(start)


def _hashed_force_field(name: str) -> Any:
    """A force field by its name, files by what they hold."""
    return hashes_of(name) if is_of_files(name) else name


def _with_force_fields(cls: type) -> type:
    """Give a class a group of settings for each force field that has some: `system.classical`."""
    for name, known in FORCE_FIELDS.items():
        if known.settings is not None:
            cls.__annotations__[name] = known.settings
            chosen = _chosen(name)
            metadata = {**counts_if(chosen), **matters_if(chosen, _other_force_field)}
            setattr(cls, name, field(default_factory=known.settings, metadata=metadata))
            cls.energy_keys = (*cls.energy_keys, name)  # type: ignore[attr-defined]
    return cls


def _has_cutoff(system: Any) -> bool:
    return system.cutoff_nm is not None


_WITH_CUTOFF = {**counts_if(_has_cutoff), **matters_if(_has_cutoff, "there is no cutoff_nm")}


def _is_solvated(system: Any) -> bool:
    return SOLVENTS[system.solvent].build is not None


def _chosen(name: str) -> Callable[[Any], bool]:
    return lambda system: system.force_field == name


def _other_force_field(system: Any) -> str:
    return f"system.force_field={system.force_field} has none of it"


@settings("system/protein")
@_with_force_fields
class ProteinConfig(MolecularConfig):
    """`system=protein`; beside the keys below, a group for each force field that has settings: `classical`.

    Attributes:
        pdb: a structure file, an entry of the Protein Data Bank, or null for the embedded Trp-cage 1L2Y.
        model: of an ensemble, counted from 1.
        chain: its letter, several as "A,B", "all", or null for the only one.
        heterogens: drop ligands, or refuse structures that have them.
        force_field: a name of `FORCE_FIELDS`, or OpenMM's files of another one, with commas between them.
        cutoff_nm: in nm, where all pairs but the exceptions end, as with OpenMM's CutoffNonPeriodic; None for
            nowhere.
        switch_nm: with a cutoff, where Lennard-Jones begins to be switched off; None for nowhere.
        reaction_field_dielectric: with a cutoff, dielectric constant beyond it.
        solvent: a name of `SOLVENTS`.
        solvent_options: dielectric constants, salt and surface of the solvent.
        start: native, unfolded, extended, perturbed, or random: a Gaussian cloud as wide as the native
            structure, which each seed draws for itself; or a file with another structure of the molecule.
        unfold: how the unfolded start is made.
        perturbation: standard deviation in Angstrom of the noise on every coordinate of the start, which each
            seed draws for itself; None: 0.5 of the perturbed start, none of the others.
    """

    pdb: str | None
    model: int
    chain: str | None
    heterogens: Heterogens
    force_field: str = field(metadata=hashed_as(_hashed_force_field))
    cutoff_nm: float | None = field(metadata=counts_if(_has_cutoff))
    switch_nm: float | None = field(metadata=_WITH_CUTOFF)
    reaction_field_dielectric: float = field(metadata=_WITH_CUTOFF)
    solvent: str = field(metadata=counts_if(_is_solvated))
    solvent_options: SolventOptions = field(
        metadata={
            **counts_if(_is_solvated),
            **matters_if(_is_solvated, lambda system: f"system.solvent={system.solvent} has none of it"),
        }
    )
    start: Any = field(metadata=hashed_as(_hashed_start))
    unfold: UnfoldConfig = field(
        metadata=matters_if(
            lambda system: system.start is Start.unfolded,
            lambda system: f"system.start={system.start_name} is not unfolded here",
        )
    )

    energy_keys = (
        *("force_field", "cutoff_nm", "switch_nm", "reaction_field_dielectric"),
        *("solvent", "solvent_options"),
        *RESTRAINT_KEYS,
    )

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        names = tuple(Start.__members__)
        if self.start in names:
            self.start = Start[self.start]
        else:
            check_file(str(self.start), names)
        force_field_of(self.force_field, "force_field")
        self.preparation  # noqa: B018 (checks its values)
        self._check_cutoff()
        self._check_solvent()
        self.check_holding(self.is_cloud)
        self.check_noise()

    def _check_cutoff(self) -> None:
        distance, switch, dielectric = self.cutoff_nm, self.switch_nm, self.reaction_field_dielectric
        if distance is None:
            return
        known = force_field_of(self.force_field, "force_field").with_cutoff is not None
        require(known, "cutoff_nm", f"null, as force_field={self.force_field} knows none", distance)
        require(0 < distance < np.inf, "cutoff_nm", "positive, in nm, or null", distance)
        allowed = "zero or positive and below cutoff_nm, or null"
        require(switch is None or 0 <= switch < distance, "switch_nm", allowed, switch)
        require(1 <= dielectric < np.inf, "reaction_field_dielectric", "at least 1", dielectric)

    def _check_solvent(self) -> None:
        SOLVENTS.named(self.solvent, "solvent")
        if not _is_solvated(self):
            return
        known = force_field_of(self.force_field, "force_field").in_solvent
        allowed = f"vacuum, as force_field={self.force_field} is not for solvents"
        require(known, "solvent", allowed, self.solvent)
        allowed = f"null, as solvent={self.solvent} has all pairs"
        require(self.cutoff_nm is None, "cutoff_nm", allowed, self.cutoff_nm)

    @property
    def continuum(self) -> Continuum | None:
        """The solvent, as OpenMM has it."""
        file, options = SOLVENTS[self.solvent].file, self.solvent_options
        if file is None:
            return None
        constants = options.solute_dielectric, options.solvent_dielectric, options.kappa
        return Continuum(file, *constants, surface=options.surface is Surface.ace)

    @property
    def potential(self) -> str:
        """The energy as tables name it: the force field, and the solvent if there is one."""
        name = potential_name(self.force_field)
        return f"{name}{SOLVATED}{self.solvent}" if _is_solvated(self) else name

    @property
    def cutoff(self) -> Cutoff | None:
        """Where pairs end."""
        if self.cutoff_nm is None:
            return None
        return Cutoff(self.cutoff_nm, self.switch_nm, self.reaction_field_dielectric)

    @property
    def preparation(self) -> Preparation:
        """Which part of the structure is taken."""
        return Preparation(self.model, self.chain, self.heterogens)

    @property
    def start_name(self) -> str:
        """Of the start; a file's is without folder and suffix."""
        return self.start.value if isinstance(self.start, Start) else stem_of(Path(self.start).name)

    @property
    def molecule_key(self) -> str:
        """The structure, and what is taken of it."""
        return repr((self.pdb, self.preparation))

    @property
    def files(self) -> dict[str, str]:
        """Those of the start and of the force field, where they are files."""
        own = {} if isinstance(self.start, Start) else {"start": content_hash(self.start)}
        if is_of_files(self.force_field):
            own |= {f"force_field.{k}": each for k, each in enumerate(hashes_of(self.force_field))}
        return own

    def molecule(self, folders: Sequence[str]) -> Molecule:
        """The prepared native structure; see `nnrep.structures.prepare`. A start in a file must fit it."""
        native = prepared(self.pdb, folders, self.preparation)
        if not isinstance(self.start, Start):
            start_from(self.start, native)
        self.check_held(native.topology)
        return with_parameters(native, self.force_field) if is_of_files(self.force_field) else native

    def size(self, molecule: Molecule | None = None) -> Size | None:
        """That of the molecule."""
        if molecule is None:
            return None
        return Size(molecule.n, 3, molecule.residues, self.frozen_count(molecule.topology))

    def build(
        self,
        molecule: Molecule | None = None,
        seed: int = 0,
        on_progress: OnProgress | None = None,
        padded: bool = False,
    ) -> System:
        """See `protein_system`."""
        assert molecule is not None
        return protein_system(self, molecule, seed, on_progress, padded)

    def without_unused(self) -> "ProteinConfig":
        """How a start is unfolded is nothing to one that is not."""
        return self if self.start is Start.unfolded else replace(self, unfold=build(UnfoldConfig, {}))

    def not_in_openmm(self) -> str | None:
        """Force fields of our own, and a cutoff, which the baselines have not."""
        if self.cutoff_nm is not None:
            return "OpenMM's baselines have all pairs, whatever system.cutoff_nm"
        if force_field_of(self.force_field, "force_field").in_openmm:
            return None
        return f"OpenMM does not know system.force_field={self.force_field}"

    def columns(self, molecule: Molecule | None) -> dict[str, Any]:
        """Its structure and start."""
        assert molecule is not None
        return {
            "potential": self.potential,
            "structure": molecule.name,
            "structure_source": molecule.source,
            "structure_hash": molecule.hash,
            "start": self.start_name,
            "start_seed": self.unfold.seed if self.start is Start.unfolded else np.nan,
            "n_residues": molecule.residues,
        }


CHOICE = ProteinConfig


def protein_system(
    config: ProteinConfig,
    molecule: Molecule,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    padded: bool = False,
) -> System:
    """The system of a prepared molecule, started as the configuration says.

    Args:
        config: force field and start.
        molecule: the native structure.
        seed: of the start's noise.
        on_progress: called with (done, total) steps of unfolding.
        padded: whether it has dummies, so that molecules of nearly its size share its programs.
    """
    openmm_system = stored_vacuum_system(molecule)
    energy = _energy(config, molecule, openmm_system)
    origin, groups = molecule.positions.mean(axis=0), atom_groups(molecule.topology)
    return molecular_system(
        molecule,
        energy,
        Begin(_start(config, molecule, origin, on_progress), config.noise / ANGSTROM_PER_NM, config.is_cloud),
        groups._asdict(),
        node_features(molecule.topology, openmm_system),
        masses(molecule.topology),
        trace=groups.ca,
        holding=config,
        seed=seed,
        padded=padded,
    )


def _energy(config: ProteinConfig, molecule: Molecule, openmm_system: openmm.System) -> Energy:
    """Of the force field, and of the solvent if there is one; NumPy arrays."""
    force_field = force_field_of(config.force_field, "force_field")
    solvent = SOLVENTS[config.solvent]
    if config.cutoff is not None:
        assert force_field.with_cutoff is not None
        return force_field.with_cutoff(openmm_system, config.cutoff)
    own = getattr(config, config.force_field) if force_field.settings is not None else None
    vacuum = force_field.build(molecule.topology, openmm_system, own)
    if solvent.build is None or solvent.file is None:
        return vacuum
    if molecule.system is not None:
        from nnrep.systems.force_fields.openmm_forces import has_solvent  # of files alone

        allowed = f"vacuum, as the files of force_field={config.force_field} have a solvent"
        require(not has_solvent(openmm_system), "system.solvent", allowed, config.solvent)
    force = stored_continuum_force(molecule, solvent.file)
    return energy_sum(vacuum, solvent.build(force, config.solvent_options))


def _start(
    config: ProteinConfig, molecule: Molecule, origin: np.ndarray, on_progress: OnProgress | None
) -> np.ndarray:
    """Positions (n, 3) in nm from an origin (3,), without noise."""
    if config.start is Start.unfolded:
        return unfolded(replace(molecule, system=None), config.unfold, on_progress) - origin
    if config.start is Start.random:
        return np.zeros_like(molecule.positions)
    if config.start is Start.extended:
        from nnrep.structures.extended import extended  # PeptideBuilder is for this start alone

        return extended(molecule)
    if not isinstance(config.start, Start):
        return start_from(config.start, molecule)
    return molecule.positions - origin


class AtomGroups(NamedTuple):
    """Atom indices (m,) of a protein's groups: CA; backbone N, CA, C; all."""

    ca: np.ndarray
    backbone: np.ndarray
    all: np.ndarray


def atom_groups(topology: app.Topology) -> AtomGroups:
    """Groups that an RMSD is taken of: CA; N, CA and C; all. Caps have no CA and are in none but all."""
    ca, backbone = chain_atoms(topology, "CA"), chain_atoms(topology, *PEPTIDE_ATOMS)
    return AtomGroups(ca, backbone, np.arange(topology.getNumAtoms()))


def masses(topology: app.Topology) -> np.ndarray:
    """Masses (n,) of the atoms in dalton."""
    return np.array([atom.element.mass.value_in_unit(unit.dalton) for atom in topology.atoms()])
