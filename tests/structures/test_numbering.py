"""Residues that share a number, and chains that share a letter."""

import logging

import gemmi
import pytest
from structure_texts import energy, fails, prepare, residue_names, structure, text

from nnrep.structures.numbering import Site, own_codes

RESIDUES = ("ASN", "LEU", "TYR", "ILE", "GLN", "TRP")


pytestmark = pytest.mark.usefixtures("cache")


def share_number(*pairs: int):
    """Give residues the number of the one before them."""

    def edit(chain: gemmi.Chain) -> None:
        for index in pairs:
            chain[index].seqid = chain[index - 1].seqid

    return edit


@pytest.mark.parametrize("index", range(1, 6))
@pytest.mark.parametrize("name", ["x.pdb", "x.cif"])
def test_neighbours_that_share_a_number_are_both_read(tmp_path, index, name, caplog):
    edited = structure(share_number(index), 6)
    content = edited.make_mmcif_document().as_string() if name == "x.cif" else text(share_number(index))
    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, content, name=name)
    assert tuple(residue_names(molecule)) == RESIDUES
    assert energy(molecule) == pytest.approx(energy(prepare(tmp_path, text(), name="y.pdb")), abs=0.01)
    assert f"{RESIDUES[index - 1]} A {index} and {RESIDUES[index]} A {index} share a number" in caplog.text
    codes = [residue.insertionCode.strip() for residue in molecule.topology.residues()]
    assert codes == ["A" if place == index else "" for place in range(6)]


def test_two_of_one_name_and_number_are_both_read(tmp_path):
    """GLY 10 and GLY 11 of the Trp-cage, as one number."""

    def edit(chain: gemmi.Chain) -> None:
        chain[10].seqid = chain[9].seqid

    lines = text(None, 20).replace(" GLY A  11 ", " GLY A  10 ")
    molecule = prepare(tmp_path, lines)
    assert len(residue_names(molecule)) == 20
    assert energy(molecule) == pytest.approx(
        energy(prepare(tmp_path, text(None, 20), name="y.pdb")), abs=0.01
    )


def test_three_in_one_place_and_one_with_a_code_of_its_own(tmp_path):
    def edit(chain: gemmi.Chain) -> None:
        for index in (2, 3):
            chain[index].seqid = chain[1].seqid
        chain[4].seqid = gemmi.SeqId(2, "A")

    molecule = prepare(tmp_path, text(edit))
    assert [r.id + r.insertionCode.strip() for r in molecule.topology.residues()] == [
        "1",
        "2",
        "2B",
        "2C",
        "2A",
        "6",
    ]


def test_hydrogens_at_the_end_of_the_file_belong_to_their_residues(tmp_path):
    lines = text().splitlines()
    atoms = [line for line in lines if line.startswith("ATOM")]
    late = sorted(atoms, key=lambda line: line[77] == "H")
    molecule = prepare(tmp_path, "\n".join([*late, "END", ""]))
    assert tuple(residue_names(molecule)) == RESIDUES
    assert energy(molecule) == pytest.approx(energy(prepare(tmp_path, text(), name="y.pdb")), abs=0.01)


def twice(letter: str, first_number: int) -> str:
    """Two copies of a peptide, 60 A apart, with one letter."""
    chains = []
    for copy in range(2):

        def edit(chain: gemmi.Chain, copy: int = copy) -> None:
            chain.name = letter
            for residue in chain:
                residue.seqid.num += copy * first_number
                for atom in residue:
                    atom.pos.x += 60 * copy

        chains.append(text(edit).replace("END\n", ""))
    return "".join(chains) + "END\n"


@pytest.mark.parametrize("letter", ["", "A", "Q"])
def test_two_chains_of_one_letter_are_named(tmp_path, letter):
    who = f"the letter {letter}" if letter else "no letter"
    fails(
        lambda: prepare(tmp_path, twice(letter, 0)),
        "x.pdb",
        f"two chains have {who}",
        "ASN",
        "TRP",
        "letters of",
    )
    fails(
        lambda: prepare(tmp_path, twice(letter, 6)),
        "x.pdb",
        "gap between TRP",
        "chains have letters of their own",
    )


def site(number: int, residue: str, atom: str, location: str = "") -> Site:
    return Site("A", str(number), "", residue, atom, location)


def backbone(number: int, residue: str, location: str = "") -> list[Site]:
    return [site(number, residue, atom, location) for atom in ("N", "CA", "C", "O")]


def test_alternate_locations_make_alternatives_of_residues_in_one_place():
    mutants = [*backbone(1, "THR", "A"), *backbone(1, "SER", "B"), *backbone(2, "GLY")]
    blocks = [
        *backbone(1, "THR", "A"),
        *backbone(2, "GLY", "A"),
        *backbone(1, "SER", "B"),
        *backbone(2, "GLY", "B"),
    ]
    assert own_codes(mutants, "x") == own_codes(blocks, "x") == {}
    plain = [*backbone(1, "THR"), *backbone(1, "SER"), *backbone(2, "GLY")]
    assert own_codes(plain, "x") == dict.fromkeys(range(4, 8), "A")
