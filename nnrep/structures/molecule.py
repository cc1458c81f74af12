"""`Molecule`: a prepared structure, every atom that the force field wants and no other."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnrep.choices.identity import hash_of_bytes

if TYPE_CHECKING:
    from openmm import app


@dataclass(frozen=True)
class Molecule:
    """A prepared molecule.

    Attributes:
        name: for tables and titles ("2JOF").
        source: where it comes from, for people ("2JOF.pdb, model 1, chain A").
        pdb: the structure as PDB text: what is stored, and what topology and positions are read from.
        topology: OpenMM's, with bonds.
        positions: (n, 3) in nm, float64.
        system: its OpenMM system in vacuum as XML, of a molecule that comes with its parameters; None of one
            whose residues the force field knows.
    """

    name: str
    source: str
    pdb: str
    topology: "app.Topology"
    positions: np.ndarray
    system: str | None = None

    @classmethod
    def from_pdb(cls, pdb: str, name: str, source: str) -> "Molecule":
        """Read the text of a prepared structure; bonds follow from the names of residues and atoms."""
        from openmm import app, unit  # runs without a molecule begin without it

        from nnrep.structures.openmm_names import know_forms

        know_forms()
        read = app.PDBFile(io.StringIO(pdb))
        positions = np.asarray(read.getPositions(asNumpy=True).value_in_unit(unit.nanometer), float)
        return cls(name, source, pdb, read.topology, positions)

    @property
    def n(self) -> int:
        """Number of atoms."""
        return len(self.positions)

    @property
    def residues(self) -> int:
        """Number of residues."""
        return self.topology.getNumResidues()

    @property
    def hash(self) -> str:
        """A short hash of its structure, as its PDB text has it."""
        return hash_of_bytes(self.pdb.encode())
