"""The list of distinct minima."""

import numpy as np
import pytest
from given_molecules import gro, top
from structure_texts import pdb_of, peptide

import nnrep
from nnrep import Stage, Stopping
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.exploration.minima import Met, Minima, Minimum, Same, merged
from nnrep.exploration.quench import descend
from nnrep.exploration.settings import SameConfig
from nnrep.exploration.shape import same_minimum
from nnrep.reparam import identity
from nnrep.structures.exchanges import exchanges_of
from nnrep.systems import System

ATOMS = np.arange(6)
BY_BOTH = Same(ATOMS, 0.1, 1.0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def minimum(energy, positions, step=0, count=1):
    return Minimum(energy, 0.0, np.asarray(positions), Met(0, step, float(step), 1, 300.0), count)


def turned(positions, rng):
    """The same after a rotation and a shift."""
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation[:, 0] *= np.sign(np.linalg.det(rotation))
    return positions @ rotation + rng.normal(size=3)


def test_of_minima_that_count_as_one_the_lowest_is_kept(rng):
    x, y = rng.normal(size=(2, 6, 3))
    minima = Minima(BY_BOTH, most=10)
    minima.add(minimum(2.0, x, step=1))
    minima.add(minimum(5.0, y, step=2))
    minima.add(minimum(1.5, turned(x + 0.01 * rng.normal(size=x.shape), rng), step=3))
    minima.add(minimum(1.8, turned(x, rng), step=4))
    assert [each.energy for each in minima.all] == [1.5, 5.0]
    assert [each.visits for each in minima.all] == [3, 1]
    assert minima.all[0].first.step == 1  # when the first of them was met
    assert minima.lowest == 1.5


def test_the_first_of_several_ladders_is_told_by_its_step_and_seed_not_by_time(rng):
    """Ladders in several processes are at the same step at different times."""
    x = rng.normal(size=(6, 3))
    early, late = Met(2, 100, 1.0, 0, 300.0), Met(0, 100, 9.0, 1, 300.0)
    for order in ((early, late), (late, early)):
        minima = Minima(BY_BOTH, most=10)
        for met in order:
            minima.add(Minimum(1.0, 0.0, x, met, 1))
        assert minima.all[0].first == late


@pytest.mark.parametrize(
    ("same", "count"),
    [
        (Same(ATOMS, 0.1, None), 2),  # by positions alone: energies 0 and 3 at x are one
        (Same(ATOMS, None, 1.0), 2),  # by energies alone: x and y at 0 are one
        (BY_BOTH, 3),
        (Same(ATOMS[:3], 0.1, None), 1),  # y differs from x in the other atoms only
    ],
)
def test_criteria(rng, same, count):
    x = rng.normal(size=(6, 3))
    y = x.copy()
    y[3:] += rng.normal(size=(3, 3))
    minima = Minima(same, most=10)
    for energy, positions in ((0.0, x), (3.0, x), (0.5, y)):
        minima.add(minimum(energy, positions))
    assert len(minima.all) == count
    assert sum(each.visits for each in minima.all) == 3


def test_the_list_is_bounded_and_has_no_energies_that_are_not_finite(rng):
    minima = Minima(BY_BOTH, most=3)
    for energy in (4.0, np.nan, 1.0, 3.0, np.inf, 2.0):
        minima.add(minimum(energy, rng.normal(size=(6, 3))))
    assert [each.energy for each in minima.all] == [1.0, 2.0, 3.0]
    assert Minima(BY_BOTH, most=3).lowest == np.inf


def test_a_list_goes_on_from_its_snapshot(rng):
    minima, empty = Minima(BY_BOTH, most=5), Minima(BY_BOTH, most=5)
    for energy in (4.0, 1.0, 3.0):
        minima.add(minimum(energy, rng.normal(size=(6, 3)), step=int(energy)))
    read = Minima(BY_BOTH, most=5)
    read.restore(minima.snapshot())
    for one, other in zip(read.all, minima.all, strict=True):
        assert one[:2] == other[:2]
        assert one[3:] == other[3:]
        np.testing.assert_array_equal(one.positions, other.positions)
    read.restore(empty.snapshot())
    assert read.all == ()


def test_lists_of_several_ladders_are_merged(rng):
    x, y = rng.normal(size=(2, 6, 3))
    one, other = Minima(BY_BOTH, most=5), Minima(BY_BOTH, most=5)
    one.add(minimum(1.0, x, step=7))
    other.add(minimum(1.1, turned(x, rng), step=2))
    other.add(minimum(2.0, y))
    whole = merged([one, other], BY_BOTH, most=5)
    assert [(each.energy, each.visits) for each in whole.all] == [(1.0, 2), (2.0, 1)]
    assert whole.all[0].first.step == 2


def test_minima_that_differ_by_an_exchange_of_alike_atoms_are_one(rng):
    positions, exchanges = (
        rng.normal(size=(6, 3)),
        (np.array([1, 0, 2, 3, 4, 5]), np.array([0, 1, 2, 3, 5, 4])),
    )
    for exchange in (*exchanges, exchanges[0][exchanges[1]]):
        other = minimum(0.0, turned(positions[exchange], rng))
        whole = [minimum(0.0, rng.normal(size=(6, 3))), other]
        same = Same(ATOMS, 0.01, None, exchanges=exchanges)
        assert same.matches(minimum(0.0, positions), whole).tolist() == [False, True]
        assert not same._replace(exchanges=()).matches(minimum(0.0, positions), whole).any()


def test_alike_atoms_of_a_chain():
    """Those of Trp-cage: one Tyr, Asp and Arg, and the last residue."""
    molecule = nnrep.load_system("protein", pdb="1L2Y").molecule
    atoms = list(molecule.topology.atoms())
    named = [
        {f"{atoms[k].residue.name} {atoms[k].name}" for k in np.flatnonzero(each != np.arange(len(each)))}
        for each in exchanges_of(molecule.topology)
    ]
    assert named == [
        {"TYR CD1", "TYR CD2", "TYR CE1", "TYR CE2"},
        {"ASP OD1", "ASP OD2"},
        {"ARG NH1", "ARG NH2"},
        {"SER O", "SER OXT"},
    ]
    for each in exchanges_of(molecule.topology):
        np.testing.assert_array_equal(each[each], np.arange(len(each)))


def same_of(system, **given):
    return same_minimum(system, build(SameConfig, given))


def test_the_smaller_a_molecule_the_nearer_are_minima_that_count_as_one(tmp_path):
    (tmp_path / "x.top").write_text(top())
    (tmp_path / "x.gro").write_text(gro())
    files = {"topology": str(tmp_path / "x.top"), "coordinates": str(tmp_path / "x.gro")}
    formamide, trp_cage = nnrep.load_system("molecule", **files), nnrep.load_system("protein", pdb="1L2Y")
    small, large = same_of(formamide), same_of(trp_cage)
    assert (len(small.atoms), small.rmsd, small.energy) == (6, pytest.approx(0.015), pytest.approx(0.6))
    assert (len(large.atoms) > 40, large.rmsd, large.energy) == (True, pytest.approx(0.1), None)
    given = same_of(formamide, rmsd=2.0, energy=5.0)
    assert (given.rmsd, given.energy) == (pytest.approx(0.2), 5.0)


def test_where_atoms_are_frozen_the_others_count_in_their_places():
    system = nnrep.load_system("protein", pdb="1L2Y", frozen="1-15")
    same, positions = same_of(system), np.array(system.positions)[: system.n]
    assert not same.superposed
    assert not system.frozen[same.atoms].any()
    assert 3 <= len(same.atoms) < 40
    assert same.energy == pytest.approx(0.1 * len(same.atoms))
    near, far = (
        positions + np.where(system.frozen, 0, by)[:, None] * [1, 0, 0] for by in (0.5 * same.rmsd, 0.2)
    )
    found = same.matches(minimum(0.0, positions), [minimum(0.0, near), minimum(0.0, far)])
    assert found.tolist() == [True, False]


def turned_about(positions, start, end, moved, angle):
    """Positions whose atoms `moved` are turned about the bond from start to end."""
    axis = positions[end] - positions[start]
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    apart = positions - positions[end]
    return np.where(moved[:, None], apart @ rotation.T, apart)


def test_minima_of_a_small_molecule_are_told_apart(tmp_path):
    """Those of alanine dipeptide in vacuum, from phi and psi turned by thirds."""
    (tmp_path / "dipeptide.pdb").write_text(pdb_of(peptide("ACE", "ALA", "NME")))
    system = nnrep.load_system("protein", pdb=str(tmp_path / "dipeptide.pdb"))
    atoms = list(system.molecule.topology.atoms())
    place = {f"{atom.residue.name} {atom.name}": atom.index for atom in atoms}
    n, ca, c = (place[f"ALA {name}"] for name in ("N", "CA", "C"))
    last = np.array([atom.residue.name == "NME" for atom in atoms])
    behind_psi = last | np.isin(np.arange(system.n), [c, place["ALA O"]])
    behind_phi = np.array([atom.residue.name != "ACE" for atom in atoms])
    behind_phi[[n, place["ALA H"]]] = False
    anyhow = same_of(system, rmsd=1.0, energy=1e9)  # as large molecules
    stage = Stage("quench", identity(), nnrep.lbfgs(), Stopping(min_delta=0, rms_force=2.0), 2000)
    minima, coarse = (Minima(each, 100) for each in (same_of(system), anyhow))
    energies: list[float] = []
    for phi in range(3):
        for psi in range(3):
            x = np.asarray(system.positions, float)[: system.n]
            x = turned_about(x, n, ca, behind_phi, 2 * np.pi / 3 * phi)
            x = turned_about(x, ca, c, behind_psi, 2 * np.pi / 3 * psi)
            result = descend(system, [stage], x, 2000)
            energies.append(float(result.energy[0]))
            for each in (minima, coarse):
                each.add(minimum(energies[-1], system.from_file_frame(result.positions[0])))
    distinct = 1 + np.sum(np.diff(np.sort(energies)) > 0.5)
    assert distinct >= 4
    assert len(minima.all) == distinct > len(coarse.all)


def atoms_apart(**more):
    return System(lambda x: (x**2).sum(), np.zeros((4, 3)), **more)


def test_particles_are_alike_unless_something_tells_them_apart():
    """Masses may, as those of two elements; then an RMSD can be asked for."""
    for masses in (None, np.full(4, 63.5)):
        alike = same_of(atoms_apart(masses=masses))
        assert (alike.rmsd, alike.energy) == (None, 1e-3)
        with pytest.raises(ConfigError, match=r"same\.rmsd: must be null, as the particles"):
            same_of(atoms_apart(masses=masses), rmsd=0.5)
    alloy = {"masses": np.array([63.5, 63.5, 197.0, 197.0]), "energy_unit": "eV", "length_unit": "Å"}
    two = same_of(atoms_apart(**alloy))
    assert (two.rmsd, two.energy) == (None, 1e-3)
    given = same_of(atoms_apart(**alloy), rmsd=0.5)
    assert (given.rmsd, given.energy) == (0.5, None)
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    for unit, angstrom in (("nm", 0.1), ("Å", 1.0), ("", 1.0)):
        chain = atoms_apart(edges=edges, length_unit=unit)
        assert same_of(chain).rmsd == pytest.approx(angstrom)
        assert same_of(chain, rmsd=2.0).rmsd == pytest.approx(2 * angstrom)
