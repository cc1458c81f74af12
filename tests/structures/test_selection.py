"""Selections of atoms: words, gemmi's syntax, unions; what takes no atoms is named."""

import numpy as np
import pytest
from openmm import app
from structure_texts import bridged, fails, pdb_of, prepare, tripeptide

from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Preparation
from nnrep.structures.selection import check_selection, selected
from nnrep.systems.protein import atom_groups


def names(selection, molecule: Molecule | None = None) -> list[str]:
    """Chain, number and name of each atom that is taken: "A1.CA"."""
    topology = (molecule or tripeptide()).topology
    which = selected(selection, topology, "system.frozen")
    atoms = [atom for atom in topology.atoms() if which[atom.index]]
    return [f"{atom.residue.chain.id}{atom.residue.id}.{atom.name}" for atom in atoms]


def test_words_are_groups_of_atoms():
    topology = tripeptide().topology
    groups = atom_groups(topology)
    for word, atoms in (("ca", groups.ca), ("backbone", groups.backbone)):
        np.testing.assert_array_equal(np.flatnonzero(selected(word, topology, "key")), atoms)
    assert names("ca") == ["A1.CA", "A2.CA", "A3.CA"]
    heavy = {atom.index for atom in topology.atoms() if atom.element.symbol != "H"}
    assert set(np.flatnonzero(selected("heavy", topology, "key"))) == heavy
    assert names("heavy") == names("[!H]")


def test_gemmi_selects_residues_and_atoms():
    assert names("2-3") == names("A/2-3") == names("//A/2-3") == names(["2", 3])
    assert {name.split(".")[0] for name in names("2-3")} == {"A2", "A3"}
    assert names("//*/2-3/CA,C") == ["A2.CA", "A2.C", "A3.CA", "A3.C"]
    assert len(names("*")) == tripeptide().n
    assert names(["ca", "//A/1/N"]) == ["A1.N", "A1.CA", "A2.CA", "A3.CA"]


def test_chains_are_told_apart(tmp_path):
    molecule = prepare(tmp_path, pdb_of(bridged("GLY", "CYS", "GLY")), Preparation(chain="all"))
    assert names("//B/1-2/CA", molecule) == ["B1.CA", "B2.CA"]
    assert names("//*/3/CA", molecule) == ["A3.CA", "B3.CA"]


def test_any_topology_will_do():
    """Without elements, and with residues whose numbers are none."""
    topology = app.Topology()
    residue = topology.addResidue("LIG", topology.addChain("L"), "x1")
    for name in ("M1", "C2"):
        topology.addAtom(name, None if name == "M1" else app.element.carbon, residue)
    assert selected("L/1", topology, "key").tolist() == [True, True]
    assert selected("(LIG)", topology, "key").tolist() == [True, True]
    assert selected("heavy", topology, "key").tolist() == [False, True]
    fails(lambda: selected("backbone", topology, "key"), "key: must be a selection of atoms that there are")


@pytest.mark.parametrize("selection", ["10-20", "B/1", "//A/1/XY", ["ca", "(TRP)/ZZ"], "bakbone"])
def test_what_takes_no_atoms_is_named(selection):
    part = selection[-1] if isinstance(selection, list) else selection
    what = "residues 1 to 3 of chain A"
    fails(lambda: names(selection), "system.frozen: must be a selection of atoms that there are", what, part)


@pytest.mark.parametrize("selection", ["//A/1-x", "bad(", "1-2,4", "", [], [None], 1.5, True, {"a": 1}])
def test_bad_syntax_is_one_line(selection):
    fails(lambda: check_selection(selection, "frozen"), "frozen: must be backbone, ca, heavy, or a selection")
