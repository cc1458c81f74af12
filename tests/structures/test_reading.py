"""What is read from a structure file, and what is refused in one line."""

import logging

import gemmi
import pytest
from structure_texts import (
    DEFAULT,
    Edit,
    atom_names,
    energy,
    fails,
    prepare,
    residue_names,
    structure,
    text,
)

from nnrep.structures.places import find_structure
from nnrep.structures.preparation import Heterogens, Preparation
from nnrep.structures.read import read_structure
from nnrep.structures.residues import atom_of, drop_atoms

pytestmark = pytest.mark.usefixtures("cache")


# What is read.


def test_the_model_that_was_asked_for(tmp_path):
    ensemble = structure(residues=6)
    second = ensemble[0].clone()
    second.num = 7
    second[0][0][0].pos.x += 0.5
    ensemble.add_model(second)
    content = ensemble.make_pdb_string(gemmi.PdbWriteOptions(minimal=True))
    first, other = (prepare(tmp_path, content, Preparation(model=model)) for model in (1, 2))
    assert other.positions[0, 0] - first.positions[0, 0] == pytest.approx(0.05)
    assert other.source == "x.pdb, model 2, chain A"
    fails(lambda: prepare(tmp_path, content, Preparation(model=3)), "system.model", "has 2 model(s), got 3")


def test_the_chain_that_was_asked_for(tmp_path):
    both = structure(residues=6)
    other = both[0][0].clone()
    other.name = "B"
    del other[5]
    for residue in other:
        for atom in residue:
            atom.pos.x += 50
    both[0].add_chain(other)
    content = both.make_pdb_string(gemmi.PdbWriteOptions(minimal=True))
    molecule = prepare(tmp_path, content, Preparation(chain="B"))
    assert len(residue_names(molecule)) == 5
    assert molecule.source.endswith("chain B")
    assert {chain.id for chain in molecule.topology.chains()} == {"B"}
    fails(lambda: prepare(tmp_path, content), "system.chain", "chain(s) A, B", "system.chain=A")
    fails(lambda: prepare(tmp_path, content, Preparation(chain="C")), "system.chain", "A, B, got C")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"model": 0}, ("model: must be an integer of at least 1, got 0",)),
        ({"model": True}, ("model", "got True")),
        ({"chain": "A B"}, ("chain", "'A B'")),
        ({"heterogens": "drop"}, ("heterogens: must be one of drop, refuse",)),
    ],
)
def test_options_out_of_range(options, parts):
    fails(lambda: Preparation(**options), *parts)


def test_numbers_and_letters_of_the_file_are_kept(tmp_path):
    def edit(chain: gemmi.Chain) -> None:
        ids = [(-3, " "), (-2, " "), (-2, "A"), (-2, "B"), (7, " "), (8, " ")]
        for residue, (number, code) in zip(chain, ids, strict=True):
            residue.seqid = gemmi.SeqId(number, code)
        chain.name = "Q"

    molecule = prepare(tmp_path, text(edit))
    ids = [residue.id + residue.insertionCode.strip() for residue in molecule.topology.residues()]
    assert ids == ["-3", "-2", "-2A", "-2B", "7", "8"]
    assert molecule.source == "x.pdb, model 1, chain Q"
    assert energy(molecule) == pytest.approx(energy(prepare(tmp_path, text())), abs=0.1)


def test_names_that_a_pdb_file_cannot_hold(tmp_path):
    def edit(chain: gemmi.Chain) -> None:
        for residue in chain:
            residue.seqid.num += 20_000
        chain.name = "AAA"

    content = structure(edit, 6).make_mmcif_document().as_string()
    molecule = prepare(tmp_path, content, Preparation(chain="AAA"), "x.cif")
    assert [residue.id for residue in molecule.topology.residues()] == list("123456")
    assert molecule.source == "x.cif, model 1, chain AAA"


def locate(residue: gemmi.Residue, letters: str, occupancies: list[float], names: set[str]) -> None:
    """Give atoms alternate locations, each 1 A above the one before."""
    for atom in [atom.clone() for atom in residue if atom.name in names]:
        residue.remove_atom(atom.name, "\0", atom.element)
        for letter, occupancy in zip(letters, occupancies, strict=True):
            atom.altloc, atom.occ = letter, occupancy
            residue.add_atom(atom)
            atom.pos.z += 1


@pytest.mark.parametrize(("occupancies", "step"), [([0.6, 0.4], 0), ([0.4, 0.6], 1), ([0.5, 0.5], 0)])
def test_the_most_occupied_location_is_kept(tmp_path, occupancies, step):
    names = {"OG", "HB2"}  # atoms without an alternate location stay beside those with one

    def edit(chain: gemmi.Chain) -> None:
        locate(chain[13], "AB", occupancies, names)

    (tmp_path / "x.pdb").write_text(text(edit, 20))
    chain = read_structure(find_structure(str(tmp_path / "x.pdb"), []), DEFAULT)[0][0]
    before = {atom.name: atom.pos.z for atom in structure()[0][0][13]}
    after = {atom.name: atom.pos.z for atom in chain[13]}
    assert after.keys() == before.keys()
    moved = {name for name in before if abs(after[name] - before[name]) > 0.5}
    assert moved == (names if step else set())
    assert not any(atom.has_altloc() for residue in chain for atom in residue)


def test_of_two_residues_in_one_place_the_most_occupied_is_kept(tmp_path):
    def edit(chain: gemmi.Chain) -> None:
        other = chain[4].clone()
        other.name = "GLU"
        for residue, letter, occupancy in ((chain[4], "A", 0.3), (other, "B", 0.7)):
            for atom in residue:
                atom.altloc, atom.occ = letter, occupancy
        for name, element in (("NE2", "N"), ("HE21", "H"), ("HE22", "H")):
            other.remove_atom(name, "B", gemmi.Element(element))
        chain.add_residue(other, 5)

    molecule = prepare(tmp_path, text(edit))
    assert residue_names(molecule)[4] == "GLU"
    assert "OE2" in atom_names(molecule, 4)
    assert len(residue_names(molecule)) == 6


def test_deuterium_is_hydrogen(tmp_path):
    def edit(chain: gemmi.Chain) -> None:
        for atom in chain[2]:
            if atom.name in ("H", "HH", "HB2"):
                atom.name, atom.element = "D" + atom.name[1:], gemmi.Element("D")

    assert prepare(tmp_path, text(edit)).pdb == prepare(tmp_path, text()).pdb


WATER = "HETATM 9001  O   HOH A 201      90.000  90.000  90.000  1.00  0.00           O\n"
SULPHATE = "HETATM 9002  S   SO4 A 202      80.000  90.000  90.000  1.00  0.00           S\n"
ZINC = "HETATM 9003 ZN    ZN Z   1      70.000  90.000  90.000  1.00  0.00          ZN\n"
FREE_GLYCINE = """\
HETATM 9004  N   GLY A 203      60.000  90.000  90.000  1.00  0.00           N
HETATM 9005  CA  GLY A 203      60.000  91.400  90.000  1.00  0.00           C
HETATM 9006  C   GLY A 203      60.000  92.100  91.400  1.00  0.00           C
"""
DNA = "ATOM   9101  P    DA D   1      50.000  90.000  90.000  1.00  0.00           P\n"


def with_more(*more: str) -> str:
    return text().removesuffix("END\n").rstrip() + "\nTER\n" + "".join(more) + "END\n"


def test_water_and_ligands_are_left_out(tmp_path, caplog):
    content = with_more(WATER, SULPHATE, FREE_GLYCINE, ZINC)
    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, content)
    assert molecule.pdb == prepare(tmp_path, text()).pdb
    assert "x.pdb: GLY, SO4, ZN left out" in caplog.text
    refuse = Preparation(heterogens=Heterogens.refuse)
    fails(
        lambda: prepare(tmp_path, content, refuse), "system.heterogens", "SO4, ZN", "system.heterogens=drop"
    )
    assert prepare(tmp_path, with_more(WATER), refuse).n == molecule.n


def test_dna_beside_a_protein_must_be_left_out_by_name(tmp_path):
    content = with_more(DNA, DNA.replace("   1  ", "   2  ").replace("50.0", "55.0"))
    fails(lambda: prepare(tmp_path, content), "system.chain", "DNA or RNA (chains D)", "system.chain=A")
    assert prepare(tmp_path, content, Preparation(chain="A")).pdb == prepare(tmp_path, text()).pdb


# What cannot be computed.


def rename(name: str) -> Edit:
    def edit(chain: gemmi.Chain) -> None:
        chain[2].name = name

    return edit


def shift(chain: gemmi.Chain) -> None:
    for residue in list(chain)[3:]:
        for atom in residue:
            atom.pos.x += 30


def remove_residue(chain: gemmi.Chain) -> None:
    del chain[3]


def remove_atom(index: int, name: str) -> Edit:
    def edit(chain: gemmi.Chain) -> None:
        drop_atoms(chain[index], lambda atom: atom.name == name)

    return edit


def move(chain: gemmi.Chain, by: float) -> None:
    for residue in chain:
        for atom in residue:
            atom.pos.x += by


def place_on(chain: gemmi.Chain) -> None:
    atom_of(chain[2], "CZ").pos = atom_of(chain[4], "CD").pos


def insertion_code(chain: gemmi.Chain) -> None:
    remove_atom(2, "CA")(chain)
    chain[2].seqid = gemmi.SeqId(2, "A")


def repeat_atom(chain: gemmi.Chain) -> None:
    atom = atom_of(chain[2], "CZ").clone()
    atom.pos.x += 0.9
    chain[2].add_atom(atom)


def water(chain: gemmi.Chain) -> None:
    for residue in chain:
        residue.name = "HOH"
        drop_atoms(residue, lambda atom: atom.name != "O")


def number_in(line_start: str, columns: slice, value: str) -> str:
    """The text with other characters in the columns of one line."""
    lines = text().splitlines()
    index = next(i for i, line in enumerate(lines) if line_start in line)
    lines[index] = lines[index][: columns.start] + value + lines[index][columns.stop :]
    return "\n".join(lines) + "\n"


X = slice(30, 38)
TYR_CG = " CG  TYR A   3"
BAD = {
    "only water": (text(water), ("system.pdb", "only water and no protein", "file of a protein")),
    "DNA alone": (DNA, ("system.pdb", "DNA or RNA (chains D) and no protein")),
    "a ligand alone": (SULPHATE, ("system.pdb", "no protein")),
    "norleucine": (text(rename("NLE")), ("NLE A 3 (made from LEU)", "amber14-all.xml", "replace it")),
    "selenomethionine": (text(rename("MSE")), ("MSE A 3 (made from MET)",)),
    "D-alanine": (text(rename("DAL")), ("DAL A 3",)),
    "unknown": (text(rename("QQQ")), ("QQQ A 3",)),
    "gap": (text(shift), ("system.pdb", "gap between TYR A 3 and ILE A 4", "A)", "without gaps")),
    "residue missing": (text(remove_residue), ("gap between TYR A 3 and GLN A 5",)),
    "backbone": (text(remove_atom(2, "C")), ("TYR A 3 lacks C of the backbone",)),
    "insertion code": (text(insertion_code), ("TYR A 2A lacks CA",)),
    "last residue": (text(remove_atom(5, "O")), ("last residue TRP A 6 lacks O", "cut off")),
    "cut line": (text()[:3000].rsplit("\n", 1)[0] + "\n" + text()[3000:3045], ("x.pdb", "cut off")),
    "cut number": (number_in(TYR_CG, slice(40, 80), ""), ("x.pdb", "cut off in line", "CG  TYR A   3")),
    "not a number": (number_in(TYR_CG, X, "  x.yzab"), ("x.pdb", "coordinates cannot be read", "x.yzab")),
    "nan": (number_in(TYR_CG, X, "     nan"), ("CG of TYR A 3 has no finite position",)),
    "infinite": (number_in(TYR_CG, X, "     inf"), ("CG of TYR A 3 has no finite position",)),
    "overlap": (text(place_on), ("CZ of TYR A 3 and CD of GLN A 5 are on top of each other",)),
    "twice": (text(repeat_atom), ("TYR A 3 has CZ twice",)),
    "no structure": ("hello\n", ("x.pdb: no atoms", "PDB or mmCIF")),
    "cut mmCIF": (structure().make_mmcif_document().as_string()[:-300], ("x.pdb: damaged or cut off",)),
    "mmCIF without atoms": ("data_x\n_entry.id x\n", ("x.pdb: no atoms",)),
    "far away": (
        structure(lambda chain: move(chain, 20_000)).make_mmcif_document().as_string(),
        ("N of ASN A 1 is too far away", "origin"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_computed_is_said_in_one_line(tmp_path, cache, name):
    content, parts = BAD[name]
    fails(lambda: prepare(tmp_path, content), *parts)
    assert not cache.exists()


def test_a_ring_is_refused(tmp_path):
    def edit(chain: gemmi.Chain) -> None:
        start, end = atom_of(chain[0], "N"), atom_of(chain[5], "C")
        start.pos = gemmi.Position(end.pos.x + 0.9, end.pos.y + 0.9, end.pos.z)

    fails(lambda: prepare(tmp_path, text(edit)), "ring", "TRP A 6 to ASN A 1", "open chains")


def test_a_misplaced_cap_is_refused(tmp_path):
    fails(lambda: prepare(tmp_path, text(rename("ACE"))), "the cap ACE A 3")
