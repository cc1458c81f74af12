"""Alternate locations: one conformer of what is connected."""

import logging
from collections.abc import Sequence

import gemmi
import numpy as np
import pytest
from checkout import SHARED_STRUCTURES
from structure_texts import DEFAULT, Edit, prepare, residue_names, text

from nnrep.structures.places import find_structure
from nnrep.structures.read import read_structure

SHIFT = 0.4  # A, of the second conformer


pytestmark = pytest.mark.usefixtures("cache")


def split(occupancies: dict[int, Sequence[float]], names: set[str] | None = None, labels: str = "AB") -> Edit:
    """Give residues conformers, each further along z than the one before."""

    def edit(chain: gemmi.Chain) -> None:
        for index, values in occupancies.items():
            residue = chain[index]
            for atom in [atom.clone() for atom in residue if names is None or atom.name in names]:
                residue.remove_atom(atom.name, "\0", atom.element)
                for label, occupancy in zip(labels, values, strict=True):
                    atom.altloc, atom.occ = label, occupancy
                    residue.add_atom(atom)
                    atom.pos.z += SHIFT

    return edit


def conformers(tmp_path, content: str) -> dict[int, set[int]]:
    """Number of a residue -> which conformers its atoms are of, by how far they are from the first."""
    (tmp_path / "x.pdb").write_text(content)
    chain = read_structure(find_structure(str(tmp_path / "x.pdb"), []), DEFAULT)[0][0]
    plain = {(r.seqid.num, a.name): a.pos.z for r in gemmi.read_pdb_string(text())[0][0] for a in r}
    assert not any(atom.has_altloc() for residue in chain for atom in residue)
    return {r.seqid.num: {round((a.pos.z - plain[r.seqid.num, a.name]) / SHIFT) for a in r} for r in chain}


@pytest.mark.parametrize(
    ("occupancies", "expected"),
    [
        ({1: (0.6, 0.4), 2: (0.3, 0.7)}, {2: {1}, 3: {1}}),  # 0.9 against 1.1
        ({1: (0.8, 0.2), 2: (0.3, 0.7)}, {2: {0}, 3: {0}}),
        ({1: (0.6, 0.4), 2: (0.4, 0.6)}, {2: {0}, 3: {0}}),  # equal: the first
        ({1: (0.6, 0.4), 3: (0.4, 0.6)}, {2: {0}, 4: {1}}),  # not connected
        ({1: (0.2, 0.8), 2: (0.5, 0.5), 3: (0.6, 0.4), 4: (0.9, 0.1)}, {2: {0}, 3: {0}, 4: {0}, 5: {0}}),
    ],
)
def test_neighbours_have_one_conformer_by_total_occupancy(tmp_path, occupancies, expected, caplog):
    with caplog.at_level(logging.INFO, "nnrep"):
        found = conformers(tmp_path, text(split(occupancies)))
    assert {number: found[number] for number in expected} == expected
    assert all(found[number] == {0} for number in found.keys() - expected.keys())
    for places in expected.values():
        assert f"of alternate locations, {'AB'[min(places)]} is taken of" in caplog.text


RING = ("CG", "CD1", "CD2", "CE1", "CE2", "CZ", "OH")


@pytest.mark.parametrize("shared", RING)
@pytest.mark.parametrize("order", [1, -1])
def test_a_ring_is_of_one_conformer_where_an_atom_of_it_has_no_label(tmp_path, shared, order):
    """One atom of the first conformer has a blank label instead of A."""

    def edit(chain: gemmi.Chain) -> None:
        split({2: (0.5, 0.5)}, set(RING))(chain)
        for atom in chain[2]:
            if atom.name == shared and atom.altloc == "A":
                atom.altloc, atom.occ = "\0", 1.0

    lines = text(edit).splitlines()
    start = next(i for i, line in enumerate(lines) if " TYR A   3" in line)
    end = max(i for i, line in enumerate(lines) if " TYR A   3" in line) + 1
    content = "\n".join([*lines[:start], *lines[start:end][::order], *lines[end:], ""])
    assert conformers(tmp_path, content)[3] == {0}


def test_of_a_conformer_that_lacks_atoms_the_rest_is_made_anew(tmp_path, caplog):
    def edit(chain: gemmi.Chain) -> None:
        split({2: (0.4, 0.6)}, set(RING))(chain)
        chain[2].remove_atom("CE1", "B", gemmi.Element("C"))

    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, text(edit))
    assert "added the missing atoms of TYR A 3 (CE1)" in caplog.text
    atoms = {
        atom.name: 10 * molecule.positions[atom.index]
        for atom in list(molecule.topology.residues())[2].atoms()
    }
    for other in ("CD1", "CZ"):
        assert np.linalg.norm(atoms["CE1"] - atoms[other]) == pytest.approx(1.39, abs=0.05)


@pytest.mark.parametrize("names", [{"CG"}, {"CB", "CG", "OH", "HB2"}, {"N", "CA", "C", "O"}])
def test_atoms_that_are_written_twice_are_read_once(tmp_path, names, caplog):
    """As programs do that leave out the labels of alternate locations."""
    lines = [
        line
        for line in text().splitlines()
        for _ in range(1 + (line[12:16].strip() in names and " TYR A   3" in line))
    ]
    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, "\n".join(lines) + "\n")
    assert molecule.pdb == prepare(tmp_path, text()).pdb
    assert "atoms of TYR A 3 are there twice" in caplog.text


@pytest.mark.parametrize(("occupancy", "kept"), [(0.6, "TYR"), (0.3, "PHE")])
def test_mutants_may_come_in_blocks(tmp_path, occupancy, kept):
    """Conformer A of residues 3 and 4, then conformer B of both, residue 3 another amino acid."""

    def edit(chain: gemmi.Chain) -> None:
        others = [chain[index].clone() for index in (2, 3)]
        others[0].name = "PHE"
        for name, element in (("OH", "O"), ("HH", "H")):
            others[0].remove_atom(name, "\0", gemmi.Element(element))
        for residues, label, value in (
            ((chain[2], chain[3]), "A", occupancy),
            (others, "B", 1 - occupancy),
        ):
            for atom in (atom for residue in residues for atom in residue):
                atom.altloc, atom.occ = label, value
                atom.pos.z += SHIFT * (label == "B")
        for place, residue in enumerate(others):
            chain.add_residue(residue, 4 + place)

    molecule = prepare(tmp_path, text(edit))
    assert residue_names(molecule) == ["ASN", "LEU", kept, "ILE", "GLN", "TRP"]


@pytest.mark.skipif(not SHARED_STRUCTURES.is_dir(), reason="no structures beside the checkout")
@pytest.mark.parametrize("first", [0.6, 0.4])
@pytest.mark.parametrize("label", ["A", "\0"])
def test_a_disulphide_is_of_one_conformer(tmp_path, first, label, caplog):
    """The sulphurs of two conformers; A of one cysteine has the occupancy of B of the other."""
    whole = gemmi.read_structure(str(SHARED_STRUCTURES / "2MGO.pdb"))
    while len(whole) > 1:
        del whole[1]
    for residue in whole[0][0]:
        if residue.name == "CYS":
            atom = next(atom for atom in residue if atom.name == "SG")
            place = atom.pos
            other = atom.clone()
            atom.altloc, atom.occ = label, first
            other.altloc, other.occ, other.pos = "B", 1 - first, gemmi.Position(place.x, place.y, place.z + 1)
            residue.add_atom(other)
            first = 1 - first
    whole.connections.clear()
    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, whole.make_pdb_string(gemmi.PdbWriteOptions(minimal=True)))
    assert molecule.n == 134
    assert any(b[0].name == b[1].name == "SG" for b in molecule.topology.bonds())
    assert "A is taken of CYS A 1, CYS A 6" in caplog.text
