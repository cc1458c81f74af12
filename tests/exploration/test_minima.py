"""The list of distinct minima."""

import numpy as np
import pytest

import nnrep
from nnrep.exploration.minima import Met, Minima, Minimum, Same, merged
from nnrep.structures.exchanges import exchanges_of

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
        same = Same(ATOMS, 0.01, None, exchanges)
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
