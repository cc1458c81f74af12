"""A prepared structure, written and read again, is the same molecule with the same energy."""

import gzip
from pathlib import Path

import gemmi
import numpy as np
import pytest
from checkout import SHARED_STRUCTURES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structure_texts import (
    DEFAULT,
    bridged,
    energy,
    fails,
    mmcif_of,
    pdb_of,
    peptide,
    prepare,
    residue_names,
)

from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.structures.residues import AMINO_ACIDS, PROTONATIONS
from nnrep.structures.write import write_pdb

pytestmark = pytest.mark.usefixtures("cache")


def batched(names: list[str], size: int) -> list[list[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


def read_again(folder: Path, molecule: Molecule, options: Preparation = DEFAULT) -> list[Molecule]:
    """From all that we write, and from other programs' files of it."""
    write_pdb(folder / "again.pdb", molecule.topology, molecule.positions)
    text = (folder / "again.pdb").read_text()
    (folder / "again.cif.gz").write_bytes(gzip.compress(mmcif_of(gemmi.read_pdb_string(text)).encode()))
    names = ("again.pdb", "again.cif.gz")
    return [prepared(str(folder / name), [], options) for name in names]


def assert_same(molecule: Molecule, others: list[Molecule]) -> None:
    atoms = [(atom.name, atom.residue.name) for atom in molecule.topology.atoms()]
    for other in others:
        assert [(atom.name, atom.residue.name) for atom in other.topology.atoms()] == atoms
        assert np.array_equal(other.positions, molecule.positions)
        assert energy(other) == energy(molecule)
        assert sulphur_bonds(other) == sulphur_bonds(molecule)


def sulphur_bonds(molecule: Molecule) -> int:
    return sum(b[0].name == b[1].name == "SG" for b in molecule.topology.bonds())


@pytest.mark.parametrize("names", batched([*AMINO_ACIDS, *PROTONATIONS], 11))
def test_every_residue_in_every_form(tmp_path, names):
    molecule = prepare(tmp_path, pdb_of(peptide("ACE", *names, "NME")))
    for name, found in zip(names, residue_names(molecule)[1:], strict=False):
        whole, form = PROTONATIONS.get(name, (name, None))
        assert found == (name if name == "CYM" else form if form == "LYN" else whole)
    assert_same(molecule, read_again(tmp_path, molecule))


ENDS = [*AMINO_ACIDS, "HIE", "HIP"]  # what the force field has templates for at the ends of chains
HYDROGENS = {
    "LYS": 3,
    "LYN": 2,
    "LSN": 2,
    "CYS": 1,
    "CYM": 0,
    "ASP": 0,
    "ASH": 1,
    "GLU": 0,
    "GLH": 1,
    "HIP": 2,
}


OWN = {"L": {"HZ1", "HZ2", "HZ3"}, "C": {"HG"}, "A": {"HD2"}, "G": {"HE2"}, "H": {"HD1", "HE2"}}


def test_forms_have_their_hydrogens_after_a_round_trip(tmp_path):
    molecule = prepare(tmp_path, pdb_of(peptide("GLY", *HYDROGENS, "ALA")))
    for each in [molecule, *read_again(tmp_path, molecule)]:
        residues = list(each.topology.residues())[1:-1]
        found = {
            name: len(OWN[name[0]] & {atom.name for atom in residue.atoms()})
            for name, residue in zip(HYDROGENS, residues, strict=True)
        }
        assert found == HYDROGENS


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    inner=st.lists(st.sampled_from(["LYN", "CYM", "ASH", "GLH", *ENDS]), max_size=3),
    first=st.sampled_from([("ACE",), *((name,) for name in ENDS)]),
    last=st.sampled_from([("NME",), ("NH2",), *((name,) for name in ENDS)]),
)
def test_any_peptide_with_any_end(tmp_path, inner, first, last):
    molecule = prepare(tmp_path, pdb_of(peptide(*first, *inner, "ALA", *last)))
    assert_same(molecule, read_again(tmp_path, molecule))


@pytest.mark.parametrize(
    "names", [("LYN", "ALA"), ("ALA", "CYM"), ("GLH", "GLY", "ALA"), ("ACE", "GLY", "ASH")]
)
def test_forms_without_a_template_at_an_end_are_refused(tmp_path, names):
    content = pdb_of(peptide(*names))
    form = next(name for name in names if name not in ("ALA", "GLY", "ACE"))
    fails(lambda: prepare(tmp_path, content), "x.pdb", f"no template for {form} at an end of a chain", "cap")


@pytest.mark.skipif(not SHARED_STRUCTURES.is_dir(), reason="no structures beside the checkout")
def test_disulphides(tmp_path):
    molecule = prepared("2MGO", [SHARED_STRUCTURES], DEFAULT)
    assert sulphur_bonds(molecule) == 1
    assert_same(molecule, read_again(tmp_path, molecule))


def test_two_chains_and_a_disulphide_between_them(tmp_path):
    both = Preparation(chain="A,B")
    molecule = prepare(tmp_path, pdb_of(bridged("GLY", "CYS", "LYN", "ALA")), both)
    assert sulphur_bonds(molecule) == 1
    assert_same(molecule, read_again(tmp_path, molecule, both))
