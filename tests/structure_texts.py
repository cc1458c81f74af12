"""Small structures for tests: parts of the embedded Trp-cage, edited."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import gemmi
import numpy as np
import openmm
import pytest

from nnrep.errors import UserError
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.structures.residues import drop_atoms

EMBEDDED = files("nnrep.structures").joinpath("data", "1L2Y.pdb").read_text()
BACKBONE = {"N", "CA", "C", "O"}

DEFAULT = Preparation()
Edit = Callable[[gemmi.Chain], None]


def own_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no places but those of the test."""
    monkeypatch.setenv("NNREP_CACHE", str(folder / "cache"))
    monkeypatch.delenv("NNREP_STRUCTURES", raising=False)
    return folder / "cache"


def structure(edit: Edit | None = None, residues: int = 20) -> gemmi.Structure:
    """The first residues of the embedded Trp-cage, edited."""
    read = gemmi.read_pdb_string(EMBEDDED)
    chain = read[0][0]
    for index in reversed(range(residues, len(chain))):
        del chain[index]
    if edit is not None:
        edit(chain)
    read.setup_entities()
    return read


def text(edit: Edit | None = None, residues: int = 6) -> str:
    return structure(edit, residues).make_pdb_string(gemmi.PdbWriteOptions(minimal=True))


def strip(chain: gemmi.Chain, names: set[str]) -> None:
    """Leave only some atoms of each residue."""
    for residue in chain:
        drop_atoms(residue, lambda atom: atom.name not in names)


def prepare(folder: Path, content: str, options: Preparation = DEFAULT, name: str = "x.pdb") -> Molecule:
    (folder / name).write_text(content)
    return prepared(str(folder / name), [], options)


def fails(action: Callable[[], object], *parts: str) -> None:
    """An action fails with one line that has all parts."""
    with pytest.raises(UserError) as caught:
        action()
    message = str(caught.value)
    assert len(message.splitlines()) == 1, message
    for part in parts:
        assert part in message, message


def residue_names(molecule: Molecule) -> list[str]:
    return [residue.name for residue in molecule.topology.residues()]


def atom_names(molecule: Molecule, index: int) -> list[str]:
    return [atom.name for atom in list(molecule.topology.residues())[index].atoms()]


def energy(molecule: Molecule) -> float:
    """In vacuum, in kJ/mol; OpenMM needs a template for every residue."""
    system = vacuum_system(molecule.topology)
    reference = openmm.Platform.getPlatform("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), reference)
    context.setPositions(molecule.positions)
    return context.getState(energy=True).getPotentialEnergy()._value


def heavy_positions(molecule: Molecule) -> dict[tuple[str, str], np.ndarray]:
    return {
        (atom.residue.id, atom.name): position
        for atom, position in zip(molecule.topology.atoms(), molecule.positions, strict=True)
        if atom.element.symbol != "H"
    }


@cache
def tripeptide() -> Molecule:
    """The first three residues of the Trp-cage."""
    with TemporaryDirectory() as folder:
        return prepare(Path(folder), text(residues=3))
