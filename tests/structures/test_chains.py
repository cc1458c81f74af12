"""Several chains: `system.chain=A,B` and `system.chain=all`."""

import gemmi
import numpy as np
import pytest
from structure_texts import (
    bridged,
    energy,
    fails,
    mmcif_of,
    pdb_of,
    peptide,
    prepare,
    residue_names,
)

from nnrep.structures.preparation import Preparation

pytestmark = pytest.mark.usefixtures("cache")


ALL = Preparation(chain="all")
SEQUENCES = {"A": ("GLY", "ALA", "SER"), "B": ("ACE", "LYS", "NME"), "C": ("TRP", "GLY")}


def chains(spacing: float = 30.0, names: str = "ABC") -> gemmi.Structure:
    whole = gemmi.Structure()
    model = gemmi.Model(1)
    for place, (sequence, name) in enumerate(zip(SEQUENCES.values(), names, strict=False)):
        chain = peptide(*sequence)[0][0]
        chain.name = name
        for atom in (atom for residue in chain for atom in residue):
            atom.pos.y += spacing * place
        model.add_chain(chain)
    whole.add_model(model)
    return whole


@pytest.mark.parametrize("name", ["x.pdb", "x.cif"])
@pytest.mark.parametrize(
    ("wanted", "letters"), [("all", "ABC"), ("A,B", "AB"), ("C,A", "CA"), ("B", "B"), ("B,C", "BC")]
)
def test_chosen_chains_are_molecules_of_their_own(tmp_path, name, wanted, letters):
    content = mmcif_of(chains()) if name == "x.cif" else pdb_of(chains())
    molecule = prepare(tmp_path, content, Preparation(chain=wanted), name)
    assert [chain.id for chain in molecule.topology.chains()] == list(letters)
    assert molecule.source == f"{name}, model 1, chain{'s' * (len(letters) > 1)} {', '.join(letters)}"
    alone = [prepare(tmp_path, content, Preparation(chain=letter), name) for letter in letters]
    assert residue_names(molecule) == [residue for each in alone for residue in residue_names(each)]
    assert molecule.n == sum(each.n for each in alone)
    bonds = [(a.residue.chain.id, b.residue.chain.id) for a, b in molecule.topology.bonds()]
    assert all(one == other for one, other in bonds)


def test_far_chains_have_the_sum_of_their_energies(tmp_path):
    content = pdb_of(chains(spacing=800.0))
    together = prepare(tmp_path, content, ALL)
    alone = [prepare(tmp_path, content, Preparation(chain=letter)) for letter in "ABC"]
    # Hydrogens are relaxed together; what is left between charges is 1389 kJ A / 800 A.
    assert energy(together) == pytest.approx(sum(map(energy, alone)), abs=6.0)


@pytest.mark.parametrize("name", ["x.pdb", "x.cif"])
def test_a_disulphide_between_chains(tmp_path, name):
    both = bridged("ALA", "CYS", "GLY")
    content = mmcif_of(both) if name == "x.cif" else pdb_of(both)
    molecule = prepare(tmp_path, content, ALL, name)
    pairs = [
        {a.residue.chain.id, b.residue.chain.id}
        for a, b in molecule.topology.bonds()
        if a.name == b.name == "SG"
    ]
    assert pairs == [{"A", "B"}]
    (one,) = [prepare(tmp_path, content, Preparation(chain="A"), name)]
    assert "HG" in [atom.name for atom in one.topology.atoms()]


def test_names_of_chains_that_a_pdb_file_cannot_hold(tmp_path):
    content = mmcif_of(chains(names=["AAA", "A", "B1"]))
    molecule = prepare(tmp_path, content, ALL, "x.cif")
    ids = [chain.id for chain in molecule.topology.chains()]
    assert len(set(ids)) == 3
    assert ids[1] == "A"
    assert all(len(name) == 1 for name in ids)
    assert molecule.n == prepare(tmp_path, pdb_of(chains()), ALL).n
    assert prepare(tmp_path, content, Preparation(chain="AAA,B1"), "x.cif").source.endswith("chains AAA, B1")


def test_what_is_refused(tmp_path):
    content = pdb_of(chains())
    advice = ("system.chain", "chain(s) A, B, C", "system.chain=A,B", "system.chain=all")
    fails(lambda: prepare(tmp_path, content), *advice)
    fails(lambda: prepare(tmp_path, content, Preparation(chain="A,Q")), "system.chain", "A, B, C, got Q")
    fails(lambda: Preparation(chain="A,A"), "chain", "chains that differ", "'A,A'")
    for wrong in ("A,", ",A", "A,,B", "A,B C"):
        fails(lambda wrong=wrong: Preparation(chain=wrong), "chain", "several such as A,B")
    torn = chains()
    for atom in torn[0][1][2]:
        atom.pos.x += 20
    fails(lambda: prepare(tmp_path, pdb_of(torn), ALL), "gap between LYS B 2 and NME B 3")
    close = chains(spacing=0.5)
    fails(lambda: prepare(tmp_path, pdb_of(close), ALL), "A 1", "C 1", "on top of each other")


def test_rmsd_and_radius_of_several_chains(tmp_path):
    from nnrep.choices.settings import build
    from nnrep.systems.protein import ProteinConfig, protein_system

    molecule = prepare(tmp_path, pdb_of(chains()), ALL)
    system = protein_system(build(ProteinConfig, {}), molecule)
    assert system.residues == 8
    moved = np.array(system.reference) + np.array([1.0, 0.0, 0.0])
    assert all(float(value) == pytest.approx(0, abs=1e-6) for value in system.measure(moved).values())
    assert float(system.energy(moved)) == pytest.approx(energy(molecule), rel=1e-9)
