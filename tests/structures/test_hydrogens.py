"""Hydrogens by their bonds, and atoms that were never placed."""

import logging
from collections.abc import Callable

import gemmi
import numpy as np
import pytest
from structure_texts import energy, fails, pdb_of, peptide, prepare, residue_names, text

from nnrep.structures.residues import AMINO_ACIDS, atom_of, drop_atoms

pytestmark = pytest.mark.usefixtures("cache")


def renamed(rename: Callable[[int, str], str]) -> str:
    """The Trp-cage with hydrogens of other names."""

    def edit(chain: gemmi.Chain) -> None:
        for residue in chain:
            for count, atom in enumerate(atom for atom in residue if atom.is_hydrogen()):
                atom.name = rename(count, atom.name)

    return text(edit, 20)


NAMES = {
    "all H": lambda count, name: "H",
    "PyMOL": lambda count, name: f"H{count + 1:02}",
    "numbers": lambda count, name: f"H{count + 1}",
    "no digits": lambda count, name: name.rstrip("0123456789"),
    "deuterium": lambda count, name: "D" + name[1:],
    "some deuterium": lambda count, name: ("D" + name[1:]) if count % 3 == 0 else name,
    "digits first": lambda count, name: (name[-1] + name[:-1]) if name[-1].isdigit() else name,
    "greek": lambda count, name: f"HX{count % 10}",
}


@pytest.mark.parametrize(
    ("names", "element"), [*((name, "H") for name in NAMES), ("all H", "D"), ("deuterium", "D")]
)
def test_hydrogens_of_other_names_are_kept(tmp_path, names, element, caplog):
    content = renamed(NAMES[names])
    if element == "D":
        content = content.replace("           H  \n", "           D  \n")
    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, content)
    usual = prepare(tmp_path, text(None, 20), name="usual.pdb")
    assert molecule.n == usual.n
    # Names of twins may change places; charges and kinds of twins are the same.
    assert energy(molecule) == pytest.approx(energy(usual), abs=0.01)
    if names in ("all H", "PyMOL", "greek"):
        assert "x.pdb: hydrogens of ASN A 1" in caplog.text
        assert "are named by their bonds" in caplog.text


FORMS = ("HID", "HIE", "HIP", "ASH", "GLH", "LYN", "CYM")


@pytest.mark.parametrize("names", ["all H", "PyMOL"])
def test_hydrogens_of_every_residue_in_every_form(tmp_path, names):
    usual = prepare(tmp_path, pdb_of(peptide("ACE", *AMINO_ACIDS, *FORMS, "NME")), name="usual.pdb")
    read = gemmi.read_pdb_string(usual.pdb)
    for residue in read[0][0]:
        for count, atom in enumerate(atom for atom in residue if atom.is_hydrogen()):
            atom.name = NAMES[names](count, atom.name)
    molecule = prepare(tmp_path, pdb_of(read))
    assert molecule.n == usual.n
    assert residue_names(molecule) == residue_names(usual)
    assert energy(molecule) == pytest.approx(energy(usual), abs=0.01)


@pytest.mark.parametrize("name", ["ASH", "GLH"])
@pytest.mark.parametrize("renamed_too", [True, False])
def test_an_acid_with_its_hydrogen_on_the_other_oxygen(tmp_path, name, renamed_too):
    usual = prepare(tmp_path, pdb_of(peptide("ACE", "ALA", name, "GLY", "NME")), name="usual.pdb")
    one, two = ("OD1", "OD2") if name == "ASH" else ("OE1", "OE2")
    other = {one: two, two: one} | ({"HD2": "HD1", "HE2": "HE1"} if renamed_too else {})
    read = gemmi.read_pdb_string(usual.pdb)
    for atom in read[0][0][2]:
        atom.name = other.get(atom.name, atom.name)
    molecule = prepare(tmp_path, pdb_of(read))
    assert molecule.n == usual.n
    assert energy(molecule) == pytest.approx(energy(usual), abs=0.01)


def test_methyl_hydrogens_at_a_cut_side_chain_are_made_anew(tmp_path, caplog):
    """As programs write them that complete the valence of CB."""
    names = sorted(set(AMINO_ACIDS) - {"GLY", "ALA"})
    whole = prepare(tmp_path, pdb_of(peptide("ACE", *names, "NME")), name="whole.pdb")
    read = gemmi.read_pdb_string(whole.pdb)
    for residue in list(read[0][0])[1:-1]:
        cut_at_beta(residue)
    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, pdb_of(read))
    assert [atom.name for atom in molecule.topology.atoms()] == [atom.name for atom in whole.topology.atoms()]
    assert "replaced the hydrogens of ARG A 2, ASN A 3" in caplog.text


def cut_at_beta(residue: gemmi.Residue) -> None:
    """Leave the backbone, and CB with three hydrogens."""
    alpha, beta = (np.array(atom_of(residue, name).pos.tolist()) for name in ("CA", "CB"))
    along = (beta - alpha) / np.linalg.norm(beta - alpha)
    aside = np.cross(along, [0.0, 0.0, 1.0])
    aside /= np.linalg.norm(aside)
    drop_atoms(residue, lambda atom: atom.name not in {"N", "CA", "C", "O", "CB", "H", "HA"})
    for number, angle in enumerate((0, 2, 4), start=1):
        around = np.cos(angle) * aside + np.sin(angle) * np.cross(along, aside)
        hydrogen = gemmi.Atom()
        hydrogen.name, hydrogen.element = f"HB{number}", gemmi.Element("H")
        hydrogen.pos = gemmi.Position(*(beta + 0.36 * along + 1.03 * around))
        residue.add_atom(hydrogen)


def test_a_hydrogen_too_many_is_made_anew(tmp_path, caplog):
    def edit(chain: gemmi.Chain) -> None:
        atom = atom_of(chain[2], "HH").clone()
        atom.name = "HXX"
        oxygen = atom_of(chain[2], "OH").pos
        atom.pos = gemmi.Position(2 * oxygen.x - atom.pos.x, oxygen.y, oxygen.z)
        chain[2].add_atom(atom)

    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, text(edit))
    assert molecule.n == prepare(tmp_path, text(), name="usual.pdb").n
    assert "replaced the hydrogens of TYR A 3 (OH)" in caplog.text


def test_an_acid_at_the_end_is_named(tmp_path):
    def edit(chain: gemmi.Chain) -> None:
        end = chain[19]
        atom = gemmi.Atom()
        atom.name, atom.element = "HXT", gemmi.Element("H")
        oxygen = atom_of(end, "OXT").pos
        atom.pos = gemmi.Position(oxygen.x + 0.6, oxygen.y + 0.6, oxygen.z + 0.4)
        end.add_atom(atom)

    fails(lambda: prepare(tmp_path, text(edit, 20)), "x.pdb", "HXT of SER A 20", "OXT", "no hydrogen")


# Atoms that were never placed.

PLACES = [
    (0.0, 0.0, 0.0),
    (9999.0, 9999.0, 9999.0),
    (999.0, 999.0, 999.0),
    (9999.999, 9999.999, 9999.999),
    (9.0, 40.0, 3.0),
]
ATOMS = [
    (0, "CG"),
    (1, "CD1"),
    (2, "OH"),
    (2, "CZ"),
    (3, "CB"),
    (4, "NE2"),
    (5, "CH2"),
    (2, "CA"),
    (3, "N"),
    (4, "C"),
    (1, "O"),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("index", "name"), ATOMS)
def test_an_atom_that_was_never_placed_is_named(tmp_path, place, index, name):
    def edit(chain: gemmi.Chain) -> None:
        atom_of(chain[index], name).pos = gemmi.Position(*place)
        drop_atoms(chain[index], lambda atom: atom.is_hydrogen())

    label = ("ASN", "LEU", "TYR", "ILE", "GLN", "TRP")[index]
    fails(lambda: prepare(tmp_path, text(edit)), "system.pdb", "x.pdb", name, f"{label} A {index + 1}")


@pytest.mark.parametrize("name", ["HB2", "HH", "HE1"])
def test_a_hydrogen_that_was_never_placed_is_named(tmp_path, name):
    for place in PLACES:

        def edit(chain: gemmi.Chain, place: tuple[float, ...] = place) -> None:
            atom_of(chain[2], name).pos = gemmi.Position(*place)

        fails(lambda edit=edit: prepare(tmp_path, text(edit)), "system.pdb", f"{name} of TYR A 3")


@pytest.mark.parametrize("place", PLACES[:2])
def test_a_side_chain_that_was_never_placed_is_named(tmp_path, place):
    def edit(chain: gemmi.Chain) -> None:
        for name in ("CE1", "CE2", "CZ", "OH"):
            atom_of(chain[2], name).pos = gemmi.Position(*place)
        drop_atoms(chain[2], lambda atom: atom.is_hydrogen())

    fails(lambda: prepare(tmp_path, text(edit)), "x.pdb", "CE1, CE2, CZ, OH of TYR A 3 was never placed")
