"""Starts of molecules: the stretched chain, and the unfolded one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from checkout import SHARED_STRUCTURES as STRUCTURES
from openmm import app
from scipy.spatial.distance import pdist

from nnrep.errors import ConfigError, UserError
from nnrep.structures import store, unfold
from nnrep.structures.extended import extended
from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.structures.simulation import Solvent
from nnrep.structures.unfold import UnfoldConfig, unfolded, unfolding_key

OF_THE_PAPER = ["1PLW", "1UNC_trimmed", "2JOF", "2MGO", "2WXC", "3GB1", "5AWL"]
SHORT = {"steps": 100, "solvent": Solvent.vacuum}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNREP_CACHE", str(tmp_path))


def load(name: str) -> Molecule:
    path = STRUCTURES / f"{name}.pdb"
    if name == "embedded":
        return prepared(None, [], Preparation())
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    return prepared(str(path), [], Preparation())


@pytest.fixture(scope="module")
def trp_cage() -> Molecule:
    return load("embedded")


def peptide(pieces: dict[str, str]) -> Molecule:
    """A molecule of the atoms of residues, each a line of name and x, y, z in A an atom."""
    lines = [
        f"ATOM  {serial:5d}  {name:<3s} {residue:3s} A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
        for serial, (number, residue, (name, x, y, z)) in enumerate(
            (number, residue, (fields[0], *map(float, fields[1:])))
            for number, (residue, text) in enumerate(pieces.items(), 1)
            for fields in map(str.split, text.strip().splitlines())
        )
    ]
    return Molecule.from_pdb("\n".join([*lines, "END", ""]), "peptide", "a test")


def bonds(molecule: Molecule) -> np.ndarray:
    return np.array([(one.index, other.index) for one, other in molecule.topology.bonds()])


def lengths(positions: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)


def handedness(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """The sign of the volume that three neighbours span with their atom, for every atom of four."""
    neighbours: list[list[int]] = [[] for _ in range(molecule.n)]
    for one, other in bonds(molecule):
        neighbours[one].append(other)
        neighbours[other].append(one)
    corners = [(centre, sorted(near)) for centre, near in enumerate(neighbours) if len(near) == 4]
    return np.array(
        [np.sign(np.linalg.det(positions[near[:3]] - positions[centre])) for centre, near in corners]
    )


def rmsd(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    left, singular, right = np.linalg.svd(one.T @ other)
    singular[-1] *= np.sign(np.linalg.det(left @ right))
    return float(
        np.sqrt(max(0.0, np.mean(np.sum(one**2 + other**2, axis=1)) - 2 * singular.sum() / len(one)))
    )


# Stretched chains.


@pytest.mark.parametrize("name", ["embedded", *OF_THE_PAPER])
def test_a_stretched_chain_is_sound(name):
    molecule = load(name)
    positions = extended(molecule)
    assert positions.shape == (molecule.n, 3)
    np.testing.assert_allclose(positions.mean(axis=0), 0, atol=1e-12)
    atoms = list(molecule.topology.atoms())
    pairs = bonds(molecule)
    disulphide = np.array([atoms[one].name == atoms[other].name == "SG" for one, other in pairs])
    assert disulphide.sum() == (1 if name == "2MGO" else 0)

    stretch = abs(lengths(positions, pairs) - lengths(molecule.positions, pairs))[~disulphide]
    assert stretch.max() < 0.02, "atoms are out of order"
    peptide_bonds = np.array([[atoms[i].name for i in pair] == ["C", "N"] for pair in pairs])
    assert peptide_bonds.sum() == molecule.topology.getNumResidues() - 1
    np.testing.assert_allclose(lengths(positions, pairs[peptide_bonds]), 0.132, atol=1e-6)
    assert pdist(positions).min() > 0.09

    np.testing.assert_array_equal(handedness(molecule, positions), handedness(molecule, molecule.positions))
    for residue in molecule.topology.residues():
        place = {atom.name: positions[atom.index] for atom in residue.atoms()}
        if "CB" in place:  # L: seen from the hydrogen, CO, R and N run clockwise
            assert np.linalg.det([place[arm] - place["CA"] for arm in ("N", "C", "CB")]) > 0

    alpha = [atom.index for atom in atoms if atom.name == "CA"]
    span = np.linalg.norm(positions[alpha[0]] - positions[alpha[-1]])
    assert 0.3 < span / (len(alpha) - 1) < 0.38


def test_every_residue_more_makes_the_chain_longer(trp_cage):
    positions = extended(trp_cage)
    alpha = [atom.index for atom in trp_cage.topology.atoms() if atom.name == "CA"]
    spans = np.linalg.norm(positions[alpha] - positions[alpha[0]], axis=1)
    assert np.all(np.diff(spans) > 0.2)


def test_atoms_that_are_not_bonded_keep_their_distance(trp_cage):
    """Of residues that are not neighbours: a methyl and an indole come nearest, hydrogen to hydrogen."""
    positions = extended(trp_cage)
    residue = np.array([atom.residue.index for atom in trp_cage.topology.atoms()])
    apart = residue[:, None] + 1 < residue
    assert np.linalg.norm(positions[:, None] - positions, axis=-1)[apart].min() > 0.17


def test_a_stretched_chain_knows_nothing_of_the_fold(trp_cage):
    """Only the bond lengths and angles at hydrogens are the molecule's own."""
    moved = replace(trp_cage, positions=trp_cage.positions @ np.diag([-1.0, -1.0, 1.0]) + 5.0)
    np.testing.assert_allclose(extended(moved), extended(trp_cage), atol=1e-9)
    np.testing.assert_array_equal(extended(trp_cage), extended(trp_cage))


CAPPED = {
    "ACE": """
        H1   2.000 1.000 -0.000
        CH3  2.000 2.090  0.000
        H2   1.486 2.454  0.890
        H3   1.486 2.454 -0.890
        C    3.427 2.641 -0.000
        O    4.391 1.877 -0.000""",
    "ALA": """
        N    3.555 3.970 -0.000
        H    2.733 4.556 -0.000
        CA   4.853 4.614 -0.000
        HA   5.408 4.316  0.890
        CB   5.661 4.221 -1.232
        HB1  5.123 4.521 -2.131
        HB2  6.630 4.719 -1.206
        HB3  5.809 3.141 -1.241
        C    4.713 6.129  0.000
        O    3.601 6.653  0.000""",
    "NME": """
        N    5.846 6.835  0.000
        H    6.737 6.359 -0.000
        C    5.846 8.284  0.000
        H1   4.819 8.648  0.000
        H2   6.360 8.648  0.890
        H3   6.360 8.648 -0.890""",
}


AMIDE = """
        N    5.846 6.835  0.000
        HN1  6.737 6.359  0.000
        HN2  5.846 7.845  0.000"""


@pytest.mark.parametrize("last", [{}, {"NHE": AMIDE}, {"NH2": AMIDE}], ids=["NME", "NHE", "NH2"])
def test_caps_are_stretched_with_the_chain(last):
    molecule = peptide({name: CAPPED[name] for name in ("ACE", "ALA")} | (last or {"NME": CAPPED["NME"]}))
    positions = extended(molecule)
    pairs = bonds(molecule)
    assert len(pairs) == molecule.n - 1
    np.testing.assert_allclose(lengths(positions, pairs), lengths(molecule.positions, pairs), atol=0.005)
    assert pdist(positions).min() > 0.09


def test_chains_that_cannot_be_stretched_are_named(trp_cage):
    mirrored = replace(trp_cage, positions=trp_cage.positions * [1, 1, -1])
    with pytest.raises(UserError, match="residue ASN 1 of chain A is the mirror image of an L amino acid"):
        extended(mirrored)
    unknown = Molecule.from_pdb(trp_cage.pdb.replace("TRP", "XYZ"), "unknown", "a test")
    with pytest.raises(UserError, match="residue XYZ 6 of chain A is none of the 20 amino acids"):
        extended(unknown)
    in_two = [
        line[:21] + ("B" if line[22:26].strip().isdigit() and int(line[22:26]) > 7 else "A") + line[22:]
        for line in trp_cage.pdb.splitlines()
        if line.startswith("ATOM")
    ]
    with pytest.raises(UserError, match=r"system\.start=extended: takes one chain, got A, B"):
        extended(Molecule.from_pdb("\n".join(in_two), "two chains", "a test"))
    renamed = Molecule.from_pdb(trp_cage.pdb.replace(" SG ", " S1 ").replace(" OE1", " OX1"), "odd", "a test")
    with pytest.raises(UserError, match="residue GLN 5 of chain A has an atom OX1"):
        extended(renamed)


def test_names_of_twins_follow_the_molecule(trp_cage):
    """Some files have CD1 and CD2 of leucine, or CG1 and CG2 of valine, the other way round."""
    swapped = trp_cage.positions.copy()
    for residue in trp_cage.topology.residues():
        if residue.name == "LEU":
            place = {atom.name: atom.index for atom in residue.atoms()}
            for one, other in [("CD1", "CD2"), ("HD11", "HD21"), ("HD12", "HD22"), ("HD13", "HD23")]:
                swapped[[place[one], place[other]]] = swapped[[place[other], place[one]]]
    molecule = replace(trp_cage, positions=swapped)
    positions = extended(molecule)
    np.testing.assert_array_equal(handedness(molecule, positions), handedness(molecule, swapped))
    assert pdist(positions).min() > 0.09


# Unfolded molecules.


def test_an_unfolded_start_is_made_once_and_fresh_and_stored_are_equal(trp_cage, monkeypatch):
    config = UnfoldConfig(**SHORT)
    seen = []
    fresh = unfolded(trp_cage, config, lambda done, total: seen.append((done, total)))
    assert seen == [(100, 100)]
    assert store.load("unfolded", unfolding_key(trp_cage, config)) is not None
    np.testing.assert_allclose(fresh.mean(axis=0), 0, atol=1e-12)
    with monkeypatch.context() as patch:
        patch.setattr(unfold, "_simulated", lambda *_: pytest.fail("it was to be taken from the store"))
        np.testing.assert_array_equal(unfolded(trp_cage, config), fresh)
    store.stored_path("unfolded", unfolding_key(trp_cage, config)).unlink()
    np.testing.assert_array_equal(unfolded(trp_cage, config), fresh)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"temperature": 900.0},
        {"friction_per_ps": 5.0},
        {"timestep_fs": 1.0},
        {"minimize": False},
    ],
)
def test_every_choice_counts(trp_cage, change):
    first, other = (unfolded(trp_cage, UnfoldConfig(**SHORT | more)) for more in ({}, change))
    assert rmsd(first, other) > 0.005


@pytest.mark.parametrize("solvent", [Solvent.vacuum, Solvent.implicit])
def test_without_steps_the_molecule_is_only_relaxed(trp_cage, solvent):
    relaxed = unfolded(trp_cage, UnfoldConfig(steps=0, solvent=solvent))
    assert 0.001 < rmsd(relaxed, trp_cage.positions) < 0.08
    same = unfolded(trp_cage, UnfoldConfig(steps=0, solvent=solvent, minimize=False))
    # Bonds to hydrogen go to their lengths in the force field.
    assert rmsd(same, trp_cage.positions) < 0.005


def test_heat_shakes_the_molecule_and_breaks_no_bond(trp_cage):
    positions = unfolded(trp_cage, UnfoldConfig(steps=200))
    assert rmsd(positions, trp_cage.positions) > 0.05
    pairs = bonds(trp_cage)
    assert abs(lengths(positions, pairs) - lengths(trp_cage.positions, pairs)).max() < 0.05


def test_water_is_taken_away_again():
    molecule = peptide(CAPPED)
    positions = unfolded(molecule, UnfoldConfig(steps=20, solvent=Solvent.explicit))
    assert positions.shape == (molecule.n, 3)
    assert rmsd(positions, molecule.positions) < 0.1
    again = UnfoldConfig(steps=20, solvent=Solvent.explicit)
    store.stored_path("unfolded", unfolding_key(molecule, again)).unlink()
    np.testing.assert_array_equal(unfolded(molecule, again), positions)


def test_nothing_is_stored_of_what_was_interrupted(trp_cage, tmp_path, monkeypatch):
    monkeypatch.setattr(unfold, "PIECE", 50)

    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (50, 100)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unfolded(trp_cage, UnfoldConfig(**SHORT), interrupt)
    assert not (tmp_path / "unfolded").exists()


def test_a_timestep_that_is_too_long_is_named(trp_cage):
    config = UnfoldConfig(steps=200, timestep_fs=50.0, solvent=Solvent.vacuum)
    with pytest.raises(UserError, match=r"system.unfold.timestep_fs: must be short .* got 50$"):
        unfolded(trp_cage, config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": 0.0}, "temperature: must be positive"),
        ({"steps": -1}, "steps: must be from 0"),
        ({"timestep_fs": float("nan")}, "timestep_fs: must be positive"),
        ({"friction_per_ps": -1.0}, "friction_per_ps: must be zero or positive"),
        ({"seed": 2**31}, "seed: must be from 0"),
    ],
)
def test_unusable_choices_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        UnfoldConfig(**values)


def test_the_compiled_continuum_is_the_force_field_s_own(trp_cage):
    import openmm

    from nnrep.structures.force_field import force_field
    from nnrep.structures.simulation import CONTINUUM, open_context, solvated

    own = force_field(CONTINUUM.file).createSystem(trp_cage.topology, nonbondedMethod=app.NoCutoff)
    compiled, positions = solvated(trp_cage, trp_cage.positions, Solvent.implicit, constrained=False)
    assert not any(isinstance(force, openmm.CustomGBForce) for force in compiled.getForces())
    energies = []
    for system in (own, compiled):
        context = open_context(system, openmm.VerletIntegrator(0.001), "Reference", None)
        context.setPositions(positions)
        energies.append(context.getState(getEnergy=True).getPotentialEnergy()._value)
    assert energies[0] == pytest.approx(energies[1], abs=1e-3)
