"""`system.start=FILE`: another structure of the molecule, which must have its residues and atoms."""

import gzip

import gemmi
import numpy as np
import pandas as pd
import pytest
from checkout import SHARED_STRUCTURES
from structure_texts import bridged, fails, own_cache, pdb_of, prepare, text

import nnrep
from nnrep.choices.identity import hash_of, plain_form
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.structures import other_start
from nnrep.structures.molecule import Molecule
from nnrep.structures.other_start import start_from
from nnrep.structures.preparation import Preparation
from nnrep.structures.write import write_pdb
from nnrep.systems.protein import ProteinConfig

ODD = "odd name, (1) #2.pdb"


@pytest.fixture
def native(tmp_path, monkeypatch):
    own_cache(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    return prepare(tmp_path, text(residues=4), name="native.pdb")


def turned(chain):
    """Somewhere else, its residues' atoms from the last to the first, CA of the first moved by 0.5 A."""
    chain[0].find_atom("CA", "*").pos.x += 0.5
    for residue in chain:
        atoms = [atom.clone() for atom in residue]
        for _ in atoms:
            del residue[0]
        for atom in reversed(atoms):
            atom.pos = gemmi.Position(7 - atom.pos.y, atom.pos.x, atom.pos.z)
            residue.add_atom(atom)


def config(start):
    return build(ProteinConfig, {"name": "protein", "pdb": "native.pdb", "start": start})


def test_atoms_are_found_in_whatever_order(native, tmp_path):
    (tmp_path / ODD).write_text(text(turned, residues=4))
    positions = start_from(ODD, native)
    x, y, z = (native.positions - native.positions.mean(axis=0)).T
    wanted = np.stack([-y, x, z], axis=1)
    ca = next(atom.index for atom in native.topology.atoms() if atom.name == "CA")
    wanted[ca, 1] += 0.05
    np.testing.assert_allclose(positions, wanted - wanted.mean(axis=0), atol=2e-4)
    system = nnrep.load_system("protein", pdb="native.pdb", start=ODD)
    np.testing.assert_allclose(np.asarray(system.positions), positions, atol=1e-6)
    np.testing.assert_allclose(
        np.asarray(system.reference), native.positions - native.positions.mean(axis=0), atol=1e-6
    )
    assert 0 < float(system.measure(system.positions)["rmsd_all"]) < 0.1


def test_a_start_of_several_chains(tmp_path, monkeypatch):
    own_cache(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    content = pdb_of(bridged("ALA", "CYS", "GLY"))
    both = prepare(tmp_path, content, Preparation(chain="all"), name="both.pdb")
    one = prepare(tmp_path, content, Preparation(chain="B"), name="one.pdb")
    for molecule in (both, one):
        positions = start_from("both.pdb", molecule)
        np.testing.assert_allclose(positions, molecule.positions - molecule.positions.mean(axis=0), atol=1e-9)
    other = prepare(tmp_path, content.replace(" A ", " X "), Preparation(chain="X"), name="other.pdb")
    fails(
        lambda: start_from("both.pdb", other),
        "system.start: both.pdb has the protein chain(s) A, B; must have the chain(s) X of other",
    )


@pytest.mark.parametrize("told", [False, True])
def test_a_disulphide_may_be_stretched_in_a_start(tmp_path, monkeypatch, told):
    """Such as a structure that was written on the way to a folded one."""
    own_cache(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    molecule = prepare(tmp_path, pdb_of(bridged("ALA", "CYS", "GLY")), Preparation(chain="all"))
    apart = molecule.positions.copy()
    apart[molecule.n // 2 :, 2] += 1.0  # nm
    write_pdb(tmp_path / "apart.pdb", molecule.topology, apart)
    if told:
        bond = "SSBOND   1 CYS A    2    CYS B    2                          1555   1555  2.03\n"
        (tmp_path / "apart.pdb").write_text(bond + (tmp_path / "apart.pdb").read_text())
    np.testing.assert_allclose(start_from("apart.pdb", molecule), apart - apart.mean(axis=0), atol=2e-4)


def test_a_start_that_cannot_be_used_is_named_by_its_own_key(native, tmp_path):
    def torn(chain):
        chain[0].find_atom("CA", "*").pos.x += 3

    (tmp_path / ODD).write_text(text(torn, residues=4))
    with pytest.raises(ConfigError, match=r"^system\.start: odd name, \(1\) #2\.pdb: .* bonded, but"):
        start_from(ODD, native)


def test_a_start_is_known_by_what_it_holds(native, tmp_path):
    content = text(turned, residues=4)
    (tmp_path / "a.pdb").write_text(content)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ODD).write_text(content)
    (tmp_path / "b.pdb.gz").write_bytes(gzip.compress(content.encode()))
    (tmp_path / "other.pdb").write_text(text(residues=4))
    names = ("a.pdb", f"folder/{ODD}", str(tmp_path / "a.pdb"), "b.pdb.gz")
    hashes = {hash_of(config(name)) for name in names}
    assert len(hashes) == 1
    assert hashes != {hash_of(config("other.pdb"))}
    assert plain_form(config("a.pdb"))["start"] == "a.pdb"
    assert hash_of(config("native")) == hash_of(ProteinConfig(pdb="native.pdb"))
    (tmp_path / "a.pdb").write_text(text(residues=4))
    assert hashes != {hash_of(config("a.pdb"))}


def test_other_molecules_are_refused_by_what_differs(native, tmp_path, monkeypatch):
    (tmp_path / "short.pdb").write_text(text(residues=3))
    fails(
        lambda: start_from("short.pdb", native),
        "system.start: short.pdb: must have the 4 residues of native, has 3",
    )
    (tmp_path / "same.pdb").write_text(text(residues=4))
    lines = native.pdb.splitlines(keepends=True)
    fewer = "".join(line for line in lines if line[12:26].split() != ["HA", "LEU", "A", "2"])
    less, renamed = (
        Molecule.from_pdb(content, "other", "") for content in (fewer, native.pdb.replace("LEU", "ILE"))
    )
    found = [
        ((less, native), "must have the atoms of native, has no HA of LEU 2"),
        ((native, less), "must have the atoms of other, has HA of LEU 2, which other has not"),
        ((renamed, native), "must have the residues of native, has ILE where that has LEU (residue 2)"),
    ]
    for (there, wanted), message in found:
        monkeypatch.setattr(other_start, "prepared_from", lambda *_, there=there: there)
        fails(lambda wanted=wanted: start_from("same.pdb", wanted), f"system.start: same.pdb: {message}")


FAULTS = {
    "natve": "system.start: must be one of native, unfolded, extended, perturbed, random, or a structure",
    "nowhere.pdb": "system.start: nowhere.pdb: no such file",
    "short.pdb": "system.start: short.pdb: must have the 3 residues of native, has 2",
    "empty.pdb": "empty.pdb",
}


@pytest.mark.parametrize("start", FAULTS)
def test_faults_are_one_line_and_leave_nothing(command, tmp_path, monkeypatch, start):
    own_cache(tmp_path, monkeypatch)
    (tmp_path / "native.pdb").write_text(text(residues=3))
    (tmp_path / "short.pdb").write_text(text(residues=2))
    (tmp_path / "empty.pdb").write_text("")
    result = command(
        "run", "system=protein", "system.pdb=native.pdb", f"system.start={start}", "reparam=none"
    )
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert FAULTS[start] in result.stderr
    assert not (tmp_path / "outputs").exists()


def test_a_run_begins_where_the_file_says(command, tmp_path):
    (tmp_path / "native.pdb").write_text(text(residues=3))
    (tmp_path / ODD).write_text(text(turned, residues=3))
    given = (
        "system=protein",
        "system.pdb=native.pdb",
        f"system.start='{ODD}'",
        "reparam=none",
        "max_steps=20",
    )
    result = command("run", *given, "hydra.run.dir=run", "record.pictures=false")
    assert result.returncode == 0, result.stderr
    (row,) = pd.read_csv(tmp_path / "run" / "runs.csv").to_dict("records")
    assert row["start"] == ODD.removesuffix(".pdb")
    assert row["structure"] == "native"
    assert 0.05 < row["rmsd_all_start"] < 0.15
    assert row["energy"] < row["energy_start"]
    assert command("run", *given, "hydra.run.dir=run", "resume=true").returncode == 0
    (tmp_path / ODD).write_text(text(residues=3))
    other = command("run", *given, "hydra.run.dir=run", "resume=true")
    assert other.returncode == 2
    assert "cannot resume, files.start was " in other.stderr


AUTHORS = {"2JOF_unfolded_1000K_20k.pdb": 3.529, "2JOF_unfolded_1000K_200k.pdb": 6.948}  # A, CA, by gemmi


@pytest.mark.parametrize("name", AUTHORS)
def test_the_starts_of_the_paper_are_as_far_away_as_they_are(name):
    if not (SHARED_STRUCTURES / name).exists():
        pytest.skip("the paper's structures are not there")
    pdb, start = (str(SHARED_STRUCTURES / each) for each in ("2JOF.pdb", name))
    system = nnrep.load_system("protein", pdb=pdb, start=start)
    assert float(system.measure(system.positions)["rmsd_ca"]) == pytest.approx(AUTHORS[name], abs=2e-3)
