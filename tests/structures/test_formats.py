"""Files of other programs and years: columns, byte order marks, names of residues, records left behind."""

import codecs

import gemmi
import pytest
from structure_texts import (
    energy,
    fails,
    mmcif_of,
    pdb_of,
    peptide,
    prepare,
    residue_names,
    structure,
    text,
)

from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.structures.residues import FOUR_CHARACTERS

pytestmark = pytest.mark.usefixtures("cache")


def same(tmp_path, content: str | bytes, name: str = "x.pdb", of: str | None = None) -> Molecule:
    """The molecule of a file, which is that of another one."""
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    molecule = prepared(str(tmp_path / name), [], Preparation())
    usual = prepare(tmp_path, text() if of is None else of, name="usual.pdb")
    assert molecule.n == usual.n
    assert residue_names(molecule) == residue_names(usual)
    assert energy(molecule) == pytest.approx(energy(usual), abs=0.01)
    return molecule


def atoms_edited(content: str, edit) -> str:
    lines = content.splitlines()
    return "\n".join(edit(line) if line.startswith(("ATOM", "HETATM")) else line for line in lines) + "\n"


# Lines of PDB files.


@pytest.mark.parametrize(
    ("segment", "alpha"), [("", ""), ("      PEP", ""), ("      PROA", ""), ("      PEP ", "CA")]
)
def test_atom_names_from_column_13_without_a_good_element(tmp_path, segment, alpha):
    """CHARMM, NAMD, and programs that take alpha carbons for calcium."""

    def edit(line: str) -> str:
        name = line[12:16].strip()
        end = f"{segment:10}{alpha}" if name == "CA" else segment
        return f"{line[:12]}{name:4}{line[16:66]}{end}"

    whole = text(None, 20)
    same(tmp_path, atoms_edited(whole, edit), of=whole)


@pytest.mark.parametrize(("code", "first"), [("1ABC", 1), ("9XYZ", 95), ("2HHB", 990), ("1CRN", 9990)])
def test_columns_of_entries_before_1996(tmp_path, code, first):
    lines = text().splitlines()
    for width in (4, 5):
        numbered = [f"{line[:72]:72}{code}{number:{width}}" for number, line in enumerate(lines, start=first)]
        same(tmp_path, "\n".join(numbered) + "\n")


def test_segments_may_differ_within_a_residue(tmp_path):
    lines = text().splitlines()
    same(
        tmp_path, "\n".join(f"{line[:72]:72}S{number % 3}  {line[76:]}" for number, line in enumerate(lines))
    )


@pytest.mark.parametrize("name", ["x.pdb", "x.cif"])
@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(tmp_path, name, mark):
    content = mmcif_of(structure(residues=6)) if name == "x.cif" else text()
    encoded = content.encode(mark)
    assert encoded.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    same(tmp_path, encoded, name)


@pytest.mark.parametrize("name", ["x.pdb", "x.cif"])
@pytest.mark.parametrize("chain", ["A", " "])
def test_residue_names_of_four_characters(tmp_path, name, chain):
    names = [*FOUR_CHARACTERS, "NALA", "CGLY", "NHIE"]
    usual = [FOUR_CHARACTERS.get(each, each[1:]) for each in names]
    whole = peptide("ACE", *usual, "NME")
    content = atoms_edited(pdb_of(whole), lambda line: named(line, chain, names))
    if name == "x.cif":
        renamed = whole.clone()
        for residue, new in zip(list(renamed[0][0])[1:], names, strict=False):
            residue.name = new
        content = mmcif_of(renamed)
    usual_text = atoms_edited(pdb_of(whole), lambda line: named(line, chain, usual))
    same(tmp_path, content, name, of=usual_text)


def named(line: str, chain: str, names: list[str]) -> str:
    """An atom's line with the name of its residue in columns 18 to 21, caps as they are."""
    number = int(line[22:26]) - 2
    name = names[number] if 0 <= number < len(names) else line[17:20]
    return f"{line[:17]}{name:4}{chain}{line[22:]}"


def test_a_chain_of_two_letters_is_no_part_of_a_name(tmp_path):
    content = atoms_edited(text(), lambda line: f"{line[:20]}HA{line[22:]}")
    molecule = prepare(tmp_path, content)
    assert molecule.n == prepare(tmp_path, text(), name="usual.pdb").n
    assert residue_names(molecule)[1] == "LEU"


def test_a_neutral_arginine_is_named(tmp_path):
    content = pdb_of(peptide("ACE", "ALA", "ARG", "NME")).replace("ARG A", "ARGNA")
    fails(lambda: prepare(tmp_path, content), "x.pdb", "no template for ARGN A 3", "neutral arginine")


# Columns of mmCIF files.


def without(column: str) -> str:
    document = gemmi.cif.read_string(mmcif_of(structure(residues=6)))
    document[0].find_loop(f"_atom_site.{column}").get_loop().remove_column(f"_atom_site.{column}")
    return document.as_string()


SPARED = (
    "group_PDB", "id", "type_symbol", "label_alt_id", "label_asym_id", "label_entity_id", "label_seq_id",
    "pdbx_PDB_ins_code", "occupancy", "B_iso_or_equiv", "pdbx_formal_charge", "auth_asym_id",
    "pdbx_PDB_model_num", "auth_seq_id",
)  # fmt: skip


@pytest.mark.parametrize("column", SPARED)
def test_columns_that_can_be_spared(tmp_path, column):
    same(tmp_path, without(column), "x.cif")


@pytest.mark.parametrize("symbol", ["?", ".", "name"])
def test_elements_that_are_none_follow_from_names(tmp_path, symbol):
    document = gemmi.cif.read_string(mmcif_of(structure(residues=6)))
    for row in document[0].find("_atom_site.", ["type_symbol", "label_atom_id"]):
        row[0] = row[1] if symbol == "name" else symbol
    same(tmp_path, document.as_string(), "x.cif")


@pytest.mark.parametrize("column", ["Cartn_x", "Cartn_y", "Cartn_z", "label_atom_id", "label_comp_id"])
def test_columns_that_are_needed(tmp_path, column):
    content = without(column)
    if f"auth_{column.removeprefix('label_')}" in content:
        same(tmp_path, content, "x.cif")
    else:
        fails(lambda: prepare(tmp_path, content, name="x.cif"), "x.cif", f"no column _atom_site.{column}")


@pytest.mark.parametrize("blanks", ["", "\n\n  ", "# x\n\n"])
def test_mmcif_may_begin_with_blanks_and_comments(tmp_path, blanks):
    same(tmp_path, blanks + mmcif_of(structure(residues=6)), "x.cif")


@pytest.mark.parametrize("comment", ["", "# made by hand\n#\n"])
@pytest.mark.parametrize("start", ["loop_", "_entry.id x\nloop_"])
def test_mmcif_without_a_data_block(tmp_path, comment, start):
    content = mmcif_of(structure(residues=6))
    content = comment + start + content[content.index("loop_\n_atom_site") + 5 :]
    fails(lambda: prepare(tmp_path, content, name="x.cif"), "x.cif", "no data_ block", "data_1ABC")


# CONECT records.


def conect(content: str, pairs: list[tuple[int, int]]) -> str:
    lines = "".join(f"CONECT{one:5}{other:5}\n" for one, other in pairs)
    return content.replace("END\n", "") + lines + "END\n"


@pytest.mark.parametrize("shift", [0, 1, 2, 17])
def test_serial_numbers_that_no_longer_fit_are_no_bonds(tmp_path, shift):
    bonds = [(number + shift, number + shift + 3) for number in range(1, 100, 2)]
    for content in (
        text(),
        pdb_of(peptide("ACE", "SER", "ALA", "NME")),
        pdb_of(peptide("ALA", "TRP", "NH2")),
    ):
        same(tmp_path, conect(content, bonds), of=content)


# Ends of chains.


@pytest.mark.parametrize(
    "names",
    [
        ("ACE", "ALA", "NME"),
        ("ACE", "GLY", "LYS", "NME"),
        ("ACE", "PRO", "VAL", "NH2"),
        ("ALA", "SER", "NME"),
    ],
)
def test_patches_of_charmm_inside_residues(tmp_path, names):
    whole = prepare(tmp_path, pdb_of(peptide(*names)), name="whole.pdb")
    read = gemmi.read_pdb_string(whole.pdb)
    chain = read[0][0]
    first = {"CH3": "CAY", "C": "CY", "O": "OY", "H1": "HY1", "H2": "HY2", "H3": "HY3"}
    last = {
        "N": "NT",
        "H": "HNT",
        "C": "CAT",
        "H1": "HT1",
        "H2": "HT2",
        "H3": "HT3",
        "HN1": "HT1",
        "HN2": "HT2",
    }
    if names[0] == "ACE":
        for place, atom in enumerate(chain[0]):
            atom.name = first[atom.name]
            chain[1].add_atom(atom, place)
        del chain[0]
    for atom in chain[-1]:
        atom.name = last[atom.name]
        chain[-2].add_atom(atom)
    del chain[-1]
    for residue in chain:
        for atom in residue:
            atom.name = "HN" if atom.name == "H" else atom.name
    same(tmp_path, pdb_of(read), of=whole.pdb)


@pytest.mark.parametrize("name", ["TYR", "GLY", "LYS"])
def test_a_single_residue_is_refused(tmp_path, name):
    parts = ("x.pdb", "no template for a single amino acid", f"{name} A 1")
    fails(lambda: prepare(tmp_path, pdb_of(peptide(name))), *parts)
