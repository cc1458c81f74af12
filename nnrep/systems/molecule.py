"""A molecule with the parameters of another engine: ligands, nucleic acids, glycans, proteins.

Units: nm, kJ/mol.
"""

from collections.abc import Sequence
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import openmm
from openmm import app, unit

from nnrep.choices.identity import hash_of_bytes, hashed_as, matters_if
from nnrep.choices.settings import settings
from nnrep.errors import ConfigError, require
from nnrep.structures.engines.coordinates import check_suffix
from nnrep.structures.engines.registry import ENGINES, engine_of
from nnrep.structures.file_names import at_home
from nnrep.structures.force_field import stored_vacuum_system
from nnrep.structures.given import Box, Constraints, given_molecule, positions_in
from nnrep.structures.molecule import Molecule
from nnrep.structures.residues import PEPTIDE_ATOMS
from nnrep.systems.force_fields.openmm_forces import UnknownForcesError, energy_of_system
from nnrep.systems.measures import ANGSTROM_PER_NM
from nnrep.systems.molecular import Begin, MolecularConfig, molecular_system, node_features
from nnrep.systems.restraints import RESTRAINT_KEYS
from nnrep.systems.settings import OnProgress, Size
from nnrep.systems.system import System

# Atoms of the backbones of nucleic acids, and those that a residue of them has all of.
NUCLEIC = ("P", "O5'", "C5'", "C4'", "C3'", "O3'")
SUGAR = ("C5'", "C4'", "C3'", "O3'")


class Start(StrEnum):
    """Where minimisation begins, if not in a file."""

    native = "native"
    perturbed = "perturbed"
    random = "random"


def hash_of_file(path: str | None) -> str:
    """A short hash of what a file holds, wherever it lies."""
    return "" if path is None else hash_of_bytes(at_home(path).read_bytes())


def _hashes(paths: Sequence[str]) -> list[str]:
    return list(map(hash_of_file, paths))


def _hashed_start(start: Any) -> str:
    return start.name if isinstance(start, Start) else hash_of_file(start)


_IF_RELEASED = matters_if(
    lambda molecule: molecule.constraints is Constraints.release, "system.constraints=refuse releases none"
)


@settings("system/molecule")
class MoleculeConfig(MolecularConfig):
    """`system=molecule`.

    Attributes:
        topology: a file of an engine, see `ENGINES`: atoms and bonds, and what acts on them.
        coordinates: a file with the positions of its atoms, in its order; RMSDs are to them.
        parameters: further files of an engine that has its parameters apart.
        box: refuse a periodic box, or drop it and compute the molecule alone.
        constraints: refuse distances that are held, or release them: a bond stays, a spring replaces others.
        constraint_stiffness: of such a spring, in kJ/mol/nm^2.
        start: native (the coordinates), perturbed, or random: a Gaussian cloud as wide as they are, which
            each seed draws for itself; or a file with other positions of the same atoms.
        perturbation: standard deviation in Angstrom of the noise on every coordinate of the start, which each
            seed draws for itself; None: 0.5 of the perturbed start, none of the others.
    """

    topology: str | None = field(metadata=hashed_as(hash_of_file))
    coordinates: str | None = field(metadata=hashed_as(hash_of_file))
    parameters: list[str] = field(metadata=hashed_as(_hashes))
    box: Box
    constraints: Constraints
    constraint_stiffness: float = field(metadata=_IF_RELEASED)
    start: Any = field(metadata=hashed_as(_hashed_start))

    energy_keys = ("topology", "parameters", "box", "constraints", "constraint_stiffness", *RESTRAINT_KEYS)

    def __post_init__(self) -> None:
        """Check the ranges, and that the files are there.

        Raises:
            ConfigError: naming the value at fault.
        """
        require(self.topology is not None, "topology", "the topology that another engine has written", "null")
        takes_parameters = ENGINES[self.engine].takes_parameters
        check_suffix(str(self.coordinates), "coordinates")
        _check_file("topology", str(self.topology))
        _check_file("coordinates", str(self.coordinates))
        apart = "the files of its parameters" if takes_parameters else f"[], as {self.topology} has its own"
        require(takes_parameters == bool(self.parameters), "parameters", apart, self.parameters)
        for path in self.parameters:
            _check_file("parameters", path)
        self._check_start()
        self.check_holding(self.is_cloud)
        stiffness = self.constraint_stiffness
        require(0 < stiffness < np.inf, "constraint_stiffness", "positive, in kJ/mol/nm^2", stiffness)
        self.check_noise()

    def _check_start(self) -> None:
        names = tuple(Start.__members__)
        if self.start in names:
            self.start = Start[self.start]
            return
        check_suffix(str(self.start), "start", f"one of {', '.join(names)}, or ")
        _check_file("start", str(self.start))

    @property
    def engine(self) -> str:
        """Who has given the parameters."""
        return engine_of(str(self.topology), "topology")

    @property
    def start_name(self) -> str:
        """Of the start; a file's is without folder and suffix."""
        return self.start.value if isinstance(self.start, Start) else Path(self.start).name.partition(".")[0]

    @property
    def molecule_key(self) -> str:
        """Its files, and what is made of them."""
        files = (self.topology, self.coordinates, self.parameters)
        return repr((files, self.box, self.constraints, self.constraint_stiffness))

    @property
    def files(self) -> dict[str, str]:
        """Those of topology, coordinates, parameters and start."""
        named = {"topology": self.topology, "coordinates": self.coordinates}
        named |= {f"parameters.{place}": path for place, path in enumerate(self.parameters)}
        named |= {} if isinstance(self.start, Start) else {"start": self.start}
        return {key: hash_of_file(path) for key, path in named.items()}

    def molecule(self, folders: Sequence[str]) -> Molecule:
        """As the files have it; a start in a file must fit it."""
        topology, coordinates, *parameters = (
            at_home(str(path)) for path in (self.topology, self.coordinates, *self.parameters)
        )
        molecule = given_molecule(
            self.engine,
            topology,
            coordinates,
            parameters,
            self.box,
            self.constraints,
            self.constraint_stiffness,
        )
        self._start_of(molecule)
        self.check_held(molecule.topology)
        return molecule

    def size(self, molecule: Molecule | None = None) -> Size | None:
        """That of the molecule; a single residue is no measure of it."""
        if molecule is None:
            return None
        residues = molecule.residues if molecule.residues > 1 else 0
        return Size(molecule.n, 3, residues, self.frozen_count(molecule.topology))

    def build(
        self,
        molecule: Molecule | None = None,
        seed: int = 0,
        on_progress: OnProgress | None = None,
        padded: bool = False,
    ) -> System:
        """The system of the molecule."""
        assert molecule is not None
        openmm_system = stored_vacuum_system(molecule)
        try:
            energy = energy_of_system(openmm_system)
        except UnknownForcesError as error:
            raise ConfigError("system.topology", f"{self.topology}: has {error}") from error
        groups = groups_of(molecule.topology)
        return molecular_system(
            molecule,
            energy,
            Begin(self._start_of(molecule), self.noise / ANGSTROM_PER_NM, self.is_cloud),
            groups,
            node_features(molecule.topology, openmm_system),
            masses_of(openmm_system),
            trace=groups.get("ca"),
            holding=self,
            seed=seed,
            padded=padded,
        )

    def _start_of(self, molecule: Molecule) -> np.ndarray:
        """Positions (n, 3) in nm from the centre of the coordinates, without noise."""
        if self.start is Start.random:
            return np.zeros_like(molecule.positions)
        if isinstance(self.start, Start):
            return molecule.positions - molecule.positions.mean(axis=0)
        positions = positions_in(at_home(self.start), molecule, "system.start")
        return positions - positions.mean(axis=0)

    def not_in_openmm(self) -> str | None:
        """OpenMM knows all of it."""
        return None

    def columns(self, molecule: Molecule | None) -> dict[str, Any]:
        """Its structure and start."""
        assert molecule is not None
        return {
            "potential": self.engine,
            "structure": molecule.name,
            "structure_source": molecule.source,
            "structure_hash": molecule.hash,
            "start": self.start_name,
            "n_residues": molecule.residues,
        }


CHOICE = MoleculeConfig


def _check_file(key: str, path: str) -> None:
    file = at_home(path)
    if not file.is_file():
        raise ConfigError(key, f"{path}: {'a folder' if file.is_dir() else 'no such file'}")


def groups_of(topology: app.Topology) -> dict[str, np.ndarray]:
    """Atoms (m,) that an RMSD is taken of, by group: CA, backbone, heavy, all; those that there are.

    The backbone is that of amino acids (N, CA, C) and of nucleotides (P, O5', C5', C4', C3', O3').
    """
    ca, backbone = [], []
    for residue in topology.residues():
        places = {atom.name.replace("*", "'"): atom.index for atom in residue.atoms()}
        if all(name in places for name in PEPTIDE_ATOMS):
            ca.append(places["CA"])
            backbone += [places[name] for name in PEPTIDE_ATOMS]
        elif all(name in places for name in SUGAR):
            backbone += [places[name] for name in NUCLEIC if name in places]
    heavy = [atom.index for atom in topology.atoms() if atom.element is not app.element.hydrogen]
    groups = {"ca": ca, "backbone": backbone, "heavy": heavy, "all": range(topology.getNumAtoms())}
    return {name: np.array(atoms, int) for name, atoms in groups.items() if len(atoms)}


def masses_of(system: openmm.System) -> np.ndarray:
    """Masses (n,) of the particles in dalton."""
    count = system.getNumParticles()
    return np.array([system.getParticleMass(index).value_in_unit(unit.dalton) for index in range(count)])
