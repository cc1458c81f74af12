"""Files that were joined, cut by TER or END, or whose parts are bonded in other ways: nothing goes unsaid."""

import logging

import gemmi
import numpy as np
import pytest
from structure_texts import bridged, fails, pdb_of, peptide, prepare, residue_names, text

from nnrep.structures.checks import check_positions
from nnrep.structures.preparation import Preparation

ALL = Preparation(chain="all")
FAR = 40.0  # A

pytestmark = pytest.mark.usefixtures("cache")


def chain_of(letter: str, away: float = 0.0, first: int = 1, names=("GLY", "ALA", "SER")) -> str:
    """A peptide's atoms and TER; no END."""
    whole = peptide(*names)
    (chain,) = whole[0]
    chain.name = letter
    for number, residue in enumerate(chain, start=first):
        residue.seqid.num = number
        for atom in residue:
            atom.pos.x += away
    return pdb_of(whole).replace("END\n", "").rstrip() + "\n"


@pytest.mark.parametrize("last", ["", "END\n"])
def test_chains_after_an_end_are_read(tmp_path, last):
    content = chain_of("A") + "END\n" + chain_of("B", FAR) + last
    assert prepare(tmp_path, content, ALL).residues == 6
    one = prepare(tmp_path, content, Preparation(chain="B"))
    usual = prepare(tmp_path, chain_of("B", FAR))
    np.testing.assert_array_equal(one.positions, usual.positions)


def test_frames_between_ends_are_models(tmp_path):
    content = chain_of("A") + "END\n" + chain_of("A", FAR) + "END\n"
    first, second = (prepare(tmp_path, content, Preparation(model=number)) for number in (1, 2))
    assert first.n == second.n
    assert second.positions[0, 0] - first.positions[0, 0] == pytest.approx(FAR / 10, abs=1e-3)
    fails(lambda: prepare(tmp_path, content, Preparation(model=3)), "system.model", "has 2 model(s)")


def test_residues_that_come_again_after_an_end_are_refused(tmp_path):
    content = chain_of("A") + "END\n" + chain_of("A", FAR, names=("GLY", "ALA"))
    fails(lambda: prepare(tmp_path, content), "x.pdb: atoms after END in line", "letters of their own")


def test_atoms_outside_of_models_are_refused(tmp_path):
    content = "MODEL        1\n" + chain_of("A") + "ENDMDL\n" + chain_of("B", FAR) + "END\n"
    fails(lambda: prepare(tmp_path, content, ALL), "x.pdb: the atom in line", "is in no MODEL")


@pytest.mark.parametrize("record", ["ANISOU", "SIGATM"])
def test_lines_that_are_named_are_those_of_the_file(tmp_path, record):
    lines = text().splitlines()
    lines[10:10] = [f"{record}    1  N   ASN A   1"] * 5
    lines[30] = lines[30][:30] + "   x.xxx" + lines[30][38:]
    fails(lambda: prepare(tmp_path, "\n".join(lines)), "in line 31:")


def with_ter(content: str, after: int) -> str:
    """TER behind a residue within a chain."""
    lines = content.splitlines(keepends=True)
    last = max(
        number for number, line in enumerate(lines) if line.startswith("ATOM") and int(line[22:26]) == after
    )
    return "".join([*lines[: last + 1], "TER\n", *lines[last + 1 :]])


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_ter_between_bonded_residues_ends_no_chain(tmp_path, after):
    molecule = prepare(tmp_path, with_ter(text(), after))
    assert molecule.pdb == prepare(tmp_path, text()).pdb


def test_a_ter_between_peptides_of_one_letter_is_a_gap(tmp_path):
    content = chain_of("A") + chain_of("A", FAR, first=4) + "END\n"
    fails(lambda: prepare(tmp_path, content), "a gap between SER A 3 and GLY A 4", "letters of their own")


def test_bonds_of_the_file_that_are_not_computed_are_refused(tmp_path):
    """A lactam between two chains: LYS and ASP."""
    link = "LINK         NZ  LYS A   2                 CG  ASP B   2     1555   1555  1.33\n"
    content = chain_of("A", names=("GLY", "LYS", "GLY")) + chain_of("B", FAR, names=("GLY", "ASP", "GLY"))
    fails(
        lambda: prepare(tmp_path, link + content, ALL),
        "NZ of LYS A 2 and CG of ASP B 2 are bonded, as the file tells",
        "LINK",
    )
    assert prepare(tmp_path, link + content, Preparation(chain="A")).residues == 3
    along = "LINK         C   GLY A   1                 N   LYS A   2     1555   1555  1.33\n"
    assert prepare(tmp_path, along + content, ALL).residues == 6


def test_atoms_as_near_as_bonded_ones_are_said(caplog):
    whole = peptide("GLY", "SER", "GLY", "SER", "GLY")
    (chain,) = whole[0]
    first, second = (next(atom for atom in chain[number] if atom.name == "OG") for number in (1, 3))
    second.pos = gemmi.Position(*np.add(first.pos.tolist(), [0, 0, 1.4]))
    with caplog.at_level(logging.WARNING, "nnrep"):
        check_positions(list(whole[0]), "x.pdb")
    assert "no bond is computed between OG of SER A 2 and OG of SER A 4 (1.4 A)" in caplog.text


@pytest.mark.parametrize("name", ["CYS", "CYX"])
@pytest.mark.parametrize(("length", "bonded"), [(2.03, True), (2.4, True), (2.6, False), (2.9, False)])
def test_sulphurs_are_joined_up_to_the_length_that_is_documented(tmp_path, name, length, bonded):
    both = bridged("ALA", name, "GLY")
    first, second = both[0]
    sulphurs = [next(atom for atom in chain[1] if atom.name == "SG") for chain in (first, second)]
    one, two = (np.array(atom.pos.tolist()) for atom in sulphurs)
    away = (length / np.linalg.norm(two - one) - 1) * (two - one)
    for residue in second:
        for atom in residue:
            atom.pos = gemmi.Position(*(np.array(atom.pos.tolist()) + away))
    molecule = prepare(tmp_path, pdb_of(both), ALL)
    joined = [bond for bond in molecule.topology.bonds() if bond[0].name == bond[1].name == "SG"]
    assert len(joined) == bonded
    hydrogens = [atom for atom in molecule.topology.atoms() if atom.name == "HG"]
    assert len(hydrogens) == (0 if bonded else 2)


@pytest.mark.parametrize("name", ["DCY", "DGU", "DAD"])
def test_a_residue_that_is_unknown_has_the_name_of_the_file(tmp_path, name):
    content = text().replace(f" {residue_names(prepare(tmp_path, text()))[2]} A   3", f" {name} A   3")
    fails(lambda: prepare(tmp_path, content), f"{name} A 3")


def test_an_atom_that_a_residue_has_not_is_named(tmp_path):
    content = text().replace("  CB  LEU A   2", "  OX  LEU A   2")
    fails(lambda: prepare(tmp_path, content), "OX of LEU A 2, which LEU has not")
