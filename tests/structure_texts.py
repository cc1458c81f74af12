"""Small structures for tests: parts of the embedded Trp-cage, edited."""

import warnings
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
from nnrep.structures.residues import AMINO_ACIDS, PROTONATIONS, drop_atoms
from nnrep.structures.side_chains import new_atom

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


CAP_ATOMS = {"ACE": {"CA": "CH3", "C": "C", "O": "O"}, "NME": {"N": "N", "CA": "CH3"}, "NH2": {"N": "N"}}


def peptide(*names: str, phi: float = -120.0, psi: float = 140.0) -> gemmi.Structure:
    """The heavy atoms of a peptide of ideal geometry, stretched out, with caps or residues of any name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import PeptideBuilder
        from PeptideBuilder import Geometry
    built = None
    for name in names:
        whole = PROTONATIONS.get(name, (name,))[0]
        geometry = Geometry.geometry(AMINO_ACIDS.get(whole, "G"))
        geometry.phi, geometry.psi_im1 = phi, psi
        built = (
            PeptideBuilder.initialize_res(geometry)
            if built is None
            else PeptideBuilder.add_residue(built, geometry)
        )
    chain = gemmi.Chain("A")
    for number, (name, residue) in enumerate(zip(names, built.get_residues(), strict=True), start=1):
        new = gemmi.Residue()
        new.name, new.seqid = name, gemmi.SeqId(number, " ")
        new.het_flag, new.entity_type = "A", gemmi.EntityType.Polymer
        known = CAP_ATOMS.get(name)
        for atom in residue:
            if known is None or atom.get_id() in known:
                atom_name = known[atom.get_id()] if known else atom.get_id()
                new.add_atom(new_atom(atom_name, np.array(atom.coord, float)))
        chain.add_residue(new)
    whole_structure, model = gemmi.Structure(), gemmi.Model(1)
    model.add_chain(chain)
    whole_structure.add_model(model)
    return whole_structure


def pdb_of(content: gemmi.Structure) -> str:
    return content.make_pdb_string(gemmi.PdbWriteOptions(minimal=True))


def mmcif_of(content: gemmi.Structure) -> str:
    copy = content.clone()
    copy.setup_entities()
    return copy.make_mmcif_document().as_string()


def bridged(*names: str) -> gemmi.Structure:
    """Two chains of one peptide, which has a CYS, with a disulphide of 2.03 A between them."""
    whole = peptide(*names)
    first = whole[0][0]
    cysteine = next(residue for residue in first if residue.name.startswith("CY"))
    sulphur, beta = (
        np.array(next(a for a in cysteine if a.name == name).pos.tolist()) for name in ("SG", "CB")
    )
    outwards = (sulphur - beta) / np.linalg.norm(sulphur - beta)
    aside = np.cross(outwards, [0.0, 0.0, 1.0])
    aside /= np.linalg.norm(aside)
    angle = np.deg2rad(180 - 104)
    middle = sulphur + 1.015 * (np.cos(angle) * outwards + np.sin(angle) * aside)
    axis = np.cross(outwards, aside)  # of half a turn, which brings one chain onto the other
    second = first.clone()
    second.name = "B"
    for atom in (atom for residue in second for atom in residue):
        arm = np.array(atom.pos.tolist()) - middle
        atom.pos = gemmi.Position(*(middle + 2 * axis * (axis @ arm) - arm))
    whole[0].add_chain(second)
    return whole
