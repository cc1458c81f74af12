"""Structures: completed, kept, written, listed."""

import gzip
import logging
import os
import random
import subprocess
import sys
from collections import Counter

import gemmi
import numpy as np
import pytest
from checkout import SHARED_STRUCTURES as SHARED
from structure_texts import (
    BACKBONE,
    DEFAULT,
    atom_names,
    energy,
    fails,
    heavy_positions,
    prepare,
    residue_names,
    strip,
    structure,
    text,
)

from nnrep.errors import ConfigError
from nnrep.structures import store
from nnrep.structures.molecule import Molecule
from nnrep.structures.places import find_structure, list_structures
from nnrep.structures.preparation import Heterogens, Preparation
from nnrep.structures.prepare import prepared
from nnrep.structures.residues import AMINO_ACIDS, atom_of, drop_atoms
from nnrep.structures.side_chains import complete_side_chain, ideal_residue
from nnrep.structures.write import write_pdb

pytestmark = pytest.mark.usefixtures("cache")


# What is kept.


def test_the_store_gives_back_what_it_got_or_nothing(cache):
    assert store.load("unfolded", "key") is None
    store.save("unfolded", "key", "ATOM\nEND\n")
    assert store.load("unfolded", "key") == "ATOM\nEND\n"
    path = store.stored_path("unfolded", "key")
    assert [path.name for path in path.parent.iterdir()] == ["key.pdb"]
    for damaged in (b"", path.read_bytes()[:-2], b"ATOM\nEND\n", b"\xff\xfe"):
        path.write_bytes(damaged)
        assert store.load("unfolded", "key") is None


def test_a_structure_is_prepared_once(cache, monkeypatch):
    fresh = prepared(None, [], DEFAULT)
    (path,) = (cache / "prepared").iterdir()
    content = path.read_bytes()
    with monkeypatch.context() as context:
        context.setattr("nnrep.structures.complete.complete", None)
        stored = prepared(None, [], DEFAULT)
    assert stored.pdb == fresh.pdb
    assert stored.source == fresh.source == "embedded in nnrep, model 1, chain A"
    assert np.array_equal(stored.positions, fresh.positions)
    path.write_bytes(content[:-100])
    assert prepared(None, [], DEFAULT).pdb == fresh.pdb
    assert path.read_bytes() == content
    prepared(None, [], Preparation(heterogens=Heterogens.refuse))
    assert len(list((cache / "prepared").iterdir())) == 2


def test_preparing_is_the_same_in_every_process(tmp_path):
    content = text(lambda chain: strip(chain, {"N", "CA", "C", "O", "CB"}))
    random.seed(5)
    state = random.getstate()
    here = prepare(tmp_path, content)
    assert random.getstate() == state
    code = "from nnrep.structures.prepare import *; print(prepared('x.pdb', [], Preparation()).hash)"
    environment = os.environ | {"NNREP_CACHE": str(tmp_path / "other"), "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code]
    other = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert other.stdout.strip() == here.hash, other.stderr


# What is completed.


def without_hydrogens(chain: gemmi.Chain) -> None:
    for residue in chain:
        drop_atoms(residue, lambda atom: atom.is_hydrogen())


def test_the_embedded_structure_is_whole():
    molecule = prepared(None, [], DEFAULT)
    assert molecule.n == 304
    assert energy(molecule) < 0
    start = np.array([atom.pos.tolist() for residue in structure()[0][0] for atom in residue]) / 10
    np.testing.assert_allclose(molecule.positions, start, atol=1e-9)


@pytest.mark.parametrize("kept", [BACKBONE | {"CB"}, BACKBONE, {*BACKBONE, "CB", "CG", "CG1", "OXT", "HB2"}])
def test_stripped_side_chains_come_back(tmp_path, kept, caplog):
    with caplog.at_level(logging.INFO, "nnrep"):
        molecule = prepare(tmp_path, text(lambda chain: strip(chain, kept), 20))
    whole = prepared(None, [], DEFAULT)
    names = [Counter((a.residue.id, a.name) for a in m.topology.atoms()) for m in (molecule, whole)]
    assert names[0] == names[1]
    assert energy(molecule) < 500
    was, now = heavy_positions(whole), heavy_positions(molecule)
    for place in was:
        if place[1] in kept - {"OXT"}:
            np.testing.assert_allclose(now[place], was[place], atol=1e-9)
        elif place[1] == "CB":
            assert np.linalg.norm(now[place] - was[place]) < 0.025
    points = np.array(list(now.values()))
    distances = np.linalg.norm(points[:, None] - points, axis=-1) + np.eye(len(points))
    assert distances.min() > 0.11  # nm: no two heavy atoms are nearer than a bond
    assert "x.pdb: added the missing atoms of ASN A 1 (" in caplog.text


def test_hydrogens_come_back(tmp_path):
    molecule = prepare(tmp_path, text(without_hydrogens, 20))
    assert molecule.n == 304
    assert energy(molecule) < 0


def test_only_the_last_residue_gets_a_second_oxygen(tmp_path):
    molecule = prepare(tmp_path, text(residues=6))
    atoms = [(atom.residue.index, atom.name) for atom in molecule.topology.atoms()]
    assert [index for index, name in atoms if name == "OXT"] == [5]
    place = {name: molecule.positions[i] for i, (index, name) in enumerate(atoms) if index == 5}
    arms = {name: place[name] - place["C"] for name in ("CA", "O", "OXT")}
    assert np.linalg.norm(arms["OXT"]) == pytest.approx(0.125, abs=1e-3)
    assert np.linalg.det(np.array(list(arms.values()))) == pytest.approx(0, abs=1e-4)
    assert np.linalg.norm(place["OXT"] - place["O"]) > 0.2


def test_an_occupied_place_is_avoided():
    chain = structure()[0][0]
    residue = chain[2]  # TYR
    kept = BACKBONE | {"CB"}
    drop_atoms(residue, lambda atom: atom.name not in kept)
    free = residue.clone()
    complete_side_chain(free, np.zeros((0, 3)))
    obstacle = np.array([atom_of(free, name).pos.tolist() for name in ("CG", "CZ", "OH")])
    assert "OH" in complete_side_chain(residue, obstacle)
    places = np.array([atom.pos.tolist() for atom in residue if atom.name not in kept])
    assert np.linalg.norm(places[:, None] - obstacle, axis=-1).min() > 0.9
    assert atom_of(residue, "CB").pos.dist(atom_of(residue, "CG").pos) == pytest.approx(1.51, abs=0.03)


@pytest.mark.parametrize("name", AMINO_ACIDS)
def test_a_lost_atom_comes_back_at_its_bond_lengths(name):
    ideal = ideal_residue(name)
    for lost in list(ideal.positions)[4:]:
        residue = gemmi.Residue()
        residue.name = name
        for other, position in ideal.positions.items():
            if other != lost:
                atom = gemmi.Atom()
                atom.name, atom.element, atom.pos = other, gemmi.Element(other[0]), gemmi.Position(*position)
                residue.add_atom(atom)
        assert complete_side_chain(residue, np.zeros((0, 3))) == [lost]
        found = np.array(atom_of(residue, lost).pos.tolist())
        np.testing.assert_allclose(found, ideal.positions[lost], atol=1e-3)


DIPEPTIDE = """\
HETATM    1  CH3 ACE     1       2.000   2.090   0.000  1.00  0.00           C
HETATM    2  C   ACE     1       3.427   2.641   0.000  1.00  0.00           C
HETATM    3  O   ACE     1       4.391   1.877   0.000  1.00  0.00           O
ATOM      4  N   ALA     2       3.555   3.970   0.000  1.00  0.00           N
ATOM      5  CA  ALA     2       4.853   4.614   0.000  1.00  0.00           C
ATOM      6  CB  ALA     2       5.661   4.221  -1.232  1.00  0.00           C
ATOM      7  C   ALA     2       5.630   4.208   1.246  1.00  0.00           C
ATOM      8  O   ALA     2       6.820   3.902   1.181  1.00  0.00           O
"""
METHYLAMIDE = """\
HETATM    9  N   NME     3       4.953   4.204   2.394  1.00  0.00           N
HETATM   10  CH3 NME     3       5.600   3.835   3.643  1.00  0.00           C
"""
AMIDE = "HETATM    9  N   NH2     3       4.953   4.204   2.394  1.00  0.00           N\n"


@pytest.mark.parametrize(
    ("last", "atoms"),
    [
        (METHYLAMIDE, 22),
        (AMIDE, 19),
        (AMIDE.replace("NH2", "NHE"), 19),
        (METHYLAMIDE.replace("NME", "NMA"), 22),
        (METHYLAMIDE.replace("NME", "NAC"), 22),
    ],
)
@pytest.mark.parametrize("end", ["", "TER\n"])
def test_capped_ends_are_kept(tmp_path, last, atoms, end):
    molecule = prepare(tmp_path, DIPEPTIDE + end + last)
    assert molecule.n == atoms
    assert residue_names(molecule) == ["ACE", "ALA", "NME" if atoms == 22 else "NH2"]
    assert energy(molecule) < 500


def test_names_of_other_programs(tmp_path):
    def other_names(chain: gemmi.Chain) -> None:
        for name, to in (("O", "OT1"), ("OXT", "OT2")):
            atom_of(chain[19], name).name = to
        atom_of(chain[4], "HB2").name = "1HB"
        atom_of(chain[4], "HB3").name = "2HB"

    content = text(other_names, 20)
    assert prepare(tmp_path, content).n == 304


@pytest.mark.parametrize(
    ("name", "hydrogens"),
    [
        ("HIS", 1),
        ("HID", 1),
        ("HSE", 1),
        ("HIE", 1),
        ("HIP", 2),
        ("ASP", 0),
        ("ASH", 1),
        ("LYN", 2),
        ("LYS", 3),
    ],
)
def test_protonations_are_those_that_the_name_says(tmp_path, name, hydrogens):
    def edit(chain: gemmi.Chain) -> None:
        strip(chain, BACKBONE)
        chain[3].name = name

    molecule = prepare(tmp_path, text(edit))
    ends = {"HD1", "HE2", "HD2", "HZ1", "HZ2", "HZ3"} - ({"HD2"} if name[0] == "H" else set())
    ends -= {"HE2", "HD2"} if name[0] == "L" else set()
    found = [atom for atom in atom_names(molecule, 3) if atom in ends]
    assert len(found) == hydrogens
    if name in ("HSE", "HIE"):
        assert found == ["HE2"]
    assert np.isfinite(energy(molecule))


# Real structures, where they lie beside the checkout.

COUNTS = {"1PLW": 75, "1UNC": 573, "2JOF": 284, "2MGO": 134, "2WXC": 711, "3GB1": 855, "5AWL": 166}
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no structures beside the checkout")


@needs_shared
@pytest.mark.parametrize("entry", COUNTS)
def test_entries_of_the_paper(entry):
    molecule = prepared(entry, [SHARED], DEFAULT)
    assert molecule.n == COUNTS[entry]
    assert molecule.name == entry
    assert -20_000 < energy(molecule) < 2_000
    bonds = [b for b in molecule.topology.bonds() if b[0].name == b[1].name == "SG"]
    assert len(bonds) == (1 if entry == "2MGO" else 0)


@needs_shared
def test_preparing_twice_gives_the_same_bytes(monkeypatch, tmp_path):
    texts = []
    for name in "ab":
        monkeypatch.setenv("NNREP_CACHE", str(tmp_path / name))
        texts.append([prepared(entry, [SHARED], DEFAULT).pdb for entry in ("5AWL", "1UNC")])
    assert texts[0] == texts[1]
    assert "CREATED" not in texts[0][0]


@needs_shared
@pytest.mark.parametrize("told", [True, False])
def test_a_disulphide_is_kept_where_it_is_near_or_told(tmp_path, told):
    whole = (SHARED / "2MGO.pdb").read_text()
    content = whole.split("ENDMDL")[0].replace("MODEL        1", "REMARK")
    lines = [line for line in content.splitlines() if told or not line.startswith(("SSBOND", "CONECT"))]
    moved = turned_sulphur(lines, 95) if told else lines  # 3.1 A from the other one
    molecule = prepare(tmp_path, "\n".join(moved) + "\nEND\n")
    assert molecule.n == 134
    assert any(b[0].name == b[1].name == "SG" for b in molecule.topology.bonds())
    again = Molecule.from_pdb(molecule.pdb, "x", "x")
    assert any(b[0].name == b[1].name == "SG" for b in again.topology.bonds())


@needs_shared
@pytest.mark.parametrize(("old", "new"), [("CYS A    6", "CYS B    6"), ("1555   1555", "1555   2655")])
def test_a_disulphide_to_elsewhere_is_none(tmp_path, old, new):
    lines = (SHARED / "2MGO.pdb").read_text().split("ENDMDL")[0].splitlines()
    lines = [line.replace(old, new) for line in lines if not line.startswith(("CONECT", "MODEL"))]
    molecule = prepare(tmp_path, "\n".join(turned_sulphur(lines, 160)) + "\nEND\n")
    assert molecule.n == 136
    assert not any(b[0].name == b[1].name == "SG" for b in molecule.topology.bonds())


@needs_shared
def test_a_disulphide_that_is_told_and_torn_is_refused(tmp_path):
    lines = (SHARED / "2MGO.pdb").read_text().split("ENDMDL")[0].replace("MODEL        1", "").splitlines()
    content = "\n".join(turned_sulphur(lines, 160)) + "\nEND\n"
    fails(lambda: prepare(tmp_path, content), "disulphide of CYS A 1 and CYS A 6", "4.5 A long", "SSBOND")


def turned_sulphur(lines: list[str], degrees: float) -> list[str]:
    """The sulphur of CYS 6 turned about its bond from CA to CB, and the hydrogens of CYS 6 removed."""
    columns = (slice(30, 38), slice(38, 46), slice(46, 54))
    where = {
        line[12:16].strip(): np.array([float(line[part]) for part in columns])
        for line in lines
        if "CYS A   6" in line and line.startswith("ATOM")
    }
    axis = (where["CB"] - where["CA"]) / np.linalg.norm(where["CB"] - where["CA"])
    arm, angle = where["SG"] - where["CB"], np.deg2rad(degrees)
    along = axis * (axis @ arm)
    place = where["CB"] + along + (arm - along) * np.cos(angle) + np.cross(axis, arm) * np.sin(angle)
    text_of = "".join(f"{x:8.3f}" for x in place)
    return [
        line[:30] + text_of + line[54:] if " SG  CYS A   6" in line else line
        for line in lines
        if not ("CYS A   6" in line and line.startswith("ATOM") and line[12:16].strip().startswith("H"))
    ]


# What is written and listed.


def test_models_are_written_and_read_again(tmp_path):
    molecule = prepare(tmp_path, text())
    frames = np.stack([molecule.positions, molecule.positions + 1])
    write_pdb(tmp_path / "out.pdb", molecule.topology, frames)
    read = gemmi.read_structure(str(tmp_path / "out.pdb"))
    assert len(read) == 2
    positions = np.array([[a.pos.tolist() for r in model[0] for a in r] for model in read]) / 10
    np.testing.assert_allclose(positions, frames, atol=6e-5)
    write_pdb(tmp_path / "out.pdb", molecule.topology, molecule.positions)
    assert (tmp_path / "out.pdb").read_text() == molecule.pdb


@pytest.mark.parametrize("value", [np.nan, np.inf, 1000.0, -100.0])
def test_what_a_pdb_file_cannot_hold_is_not_written(tmp_path, value):
    molecule = prepare(tmp_path, text())
    positions = np.stack([molecule.positions] * 2)
    positions[1, 4, 2] = value
    fails(
        lambda: write_pdb(tmp_path / "out.pdb", molecule.topology, positions), "out.pdb", "atom 5 of model 2"
    )
    assert not (tmp_path / "out.pdb").exists()
    with pytest.raises(OSError, match=r"x\.pdb/out\.pdb") as caught:
        write_pdb(tmp_path / "x.pdb" / "out.pdb", molecule.topology, molecule.positions)
    assert caught.value.strerror == "Not a directory"
    assert {path.name for path in tmp_path.iterdir()} == {"x.pdb", "cache"}


def test_structures_are_listed(nnrep, tmp_path, cache):
    (cache / "structures").mkdir(parents=True)
    (cache / "structures" / "1AAA.pdb.gz").write_bytes(gzip.compress(text().encode()))
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "bad.pdb").write_text("hello")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pdb2jof.ent").write_text(text())
    (tmp_path / "mine" / "notes.txt").touch()
    result = nnrep("structures", "mine", env=os.environ | {"NNREP_STRUCTURES": "env"})
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[:2] for row in rows] == [
        ["name", "place"],
        ["1L2Y", "embedded"],
        ["2JOF", "folder"],
        ["bad", "NNREP_STRUCTURES"],
        ["1AAA", "cache"],
    ]
    assert rows[1][2:5] == ["1", "304", "A"]
    assert rows[2][-1] == "mine/pdb2jof.ent"
    assert "env/bad.pdb: no atoms in it" in result.stdout
    assert [listed.name for listed in list_structures([tmp_path / "mine"])] == ["1L2Y", "2JOF", "1AAA"]


def test_listing_takes_folders_only(nnrep):
    assert nnrep("structures", "--help").stdout.startswith("usage: nnrep structures [DIR ...]")
    for argument, part in (("nowhere", "nowhere: no such folder"), ("--all", "takes folders only")):
        result = nnrep("structures", argument)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith(f"nnrep: {argument}: ")
        assert part in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_finding_and_listing_come_without_jax(tmp_path):
    code = "import sys, nnrep.structures.listing as l; l.show_structures([]); assert 'jax' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_config_errors_name_their_key():
    with pytest.raises(ConfigError) as caught:
        find_structure("nope", [])
    assert caught.value.key == "system.pdb"
