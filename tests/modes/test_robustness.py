"""Overlaps of slow subspaces, and the table of theorem 2.2."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import nnrep
from nnrep.modes import robustness
from nnrep.modes.backbone import Backbone
from nnrep.modes.overlap import agreement
from nnrep.modes.rigid import rigid_share
from nnrep.modes.robustness import UNWEIGHTED, robustness_table, spread_indices, unweighted_graph
from nnrep.modes.slow import sampling_of
from nnrep.records.modes_table import chosen_modes


def orthonormal(n, k, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, k)))[0]


def test_agreement_of_a_subspace_with_itself_and_its_complement():
    whole = orthonormal(20, 20)
    a, turned = whole[:, :5], whole[:, :5] @ orthonormal(5, 5, seed=1)
    assert agreement(a, turned).overlap == pytest.approx(1)
    assert agreement(a, turned).largest_angle == pytest.approx(0, abs=1e-5)
    assert agreement(a, whole[:, 5:10]).overlap == pytest.approx(0, abs=1e-12)
    assert agreement(a, whole[:, 5:10]).largest_angle == pytest.approx(90)


def test_agreement_of_two_lines_in_the_plane():
    a, b = np.array([[1.0], [0.0]]), np.array([[np.cos(0.3)], [np.sin(0.3)]])
    assert agreement(a, b).overlap == pytest.approx(np.cos(0.3) ** 2)
    assert agreement(a, b).largest_angle == pytest.approx(np.degrees(0.3))


def test_random_subspaces_overlap_by_their_share():
    seen = [agreement(orthonormal(60, 12, s), orthonormal(60, 12, s + 1)).overlap for s in range(0, 60, 2)]
    assert np.mean(seen) == pytest.approx(12 / 60, rel=0.1)


def springs(stiffness):
    def energy(x):
        return jnp.sum(stiffness * jnp.sum((x[1:] - x[:-1]) ** 2, axis=1))

    return energy


def table_of(stiffness, epsilons=(0.3, 0.7)):
    """Of a chain of springs, whose Hessian is the same wherever it is taken."""
    n = len(stiffness) + 1
    chain = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    positions = np.random.default_rng(0).normal(size=(n, 3))
    system = nnrep.System(energy=springs(jnp.asarray(stiffness)), positions=positions, edges=chain)
    sampling = sampling_of(system, 2, None, 0, Backbone.mean_norm)
    return pd.concat(robustness_table(system, sampling, {0: positions, 7: 2 * positions}, epsilons))


def test_equal_springs_have_the_modes_of_their_graph_wherever_they_are():
    table = table_of(np.full(29, 3.0))
    assert table["reference"].tolist() == [UNWEIGHTED] * 2 + ["step 0"] * 2 + ["step 7"] * 2
    np.testing.assert_allclose(table["overlap"], 1, atol=1e-10)
    # A path's eigenvalues are 2 - 2 cos(pi j / n), the largest close to 4.
    path = 2 - 2 * np.cos(np.pi * np.arange(30) / 30)
    counts = [np.sum(path < epsilon**2 * path[-1]) for epsilon in (0.3, 0.7)]
    assert table["modes"].tolist() == counts * 3
    gaps = [(path[count] - path[count - 1]) / path[-1] for count in counts]
    np.testing.assert_allclose(table["gap"], gaps * 3, rtol=1e-8)


def test_unequal_springs_leave_the_graph_but_not_themselves():
    stiffness = np.exp(np.random.default_rng(1).normal(size=29))
    table = table_of(stiffness)
    of_graph = table["reference"] == UNWEIGHTED
    assert (table["overlap"][of_graph] < 0.99).all()
    np.testing.assert_allclose(table["overlap"][~of_graph], 1, atol=1e-10)


def test_large_systems_leave_out_epsilons_with_too_many_modes(monkeypatch):
    monkeypatch.setattr(robustness, "ALL_MODES", 20)
    monkeypatch.setattr(robustness, "MOST_MODES", 15)
    table = table_of(np.full(29, 3.0), epsilons=(0.1, 0.3, 0.9))
    assert table["epsilon"].unique().tolist() == [0.1, 0.3]


def test_graph_of_a_system_that_names_no_edges_is_its_stronger_couplings():
    system = nnrep.System(energy=springs(jnp.ones(3)), positions=np.zeros((4, 3)))
    backbone = np.array([[9, 5, 1e-4, 0], [5, 9, 2, 0], [1e-4, 2, 9, 1], [0, 0, 1, 9.0]])
    expected = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0.0]])
    for matrix in (backbone, scipy.sparse.csr_array(backbone)):
        np.testing.assert_array_equal(unweighted_graph(system, matrix).toarray(), expected)


@pytest.mark.parametrize("dim", [2, 3])
def test_rigid_share_of_motions_and_of_strains(dim):
    x = np.random.default_rng(0).normal(size=(7, dim))
    turn = np.zeros((dim, dim))
    turn[0, 1], turn[1, 0] = 1, -1
    moves = [np.ones((7, dim)), x @ turn, x - x.mean(axis=0)]
    vectors = np.stack([(move / np.linalg.norm(move)).ravel() for move in moves], axis=1)
    np.testing.assert_allclose(rigid_share(vectors, x, True), [1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rigid_share(orthonormal(7 * dim, 7 * dim), x, True).sum(), dim * (dim + 1) / 2)
    np.testing.assert_allclose(rigid_share(np.eye(7), x, False), 1 / 7)


def test_a_line_does_not_turn_about_itself():
    x = np.outer(np.arange(5.0), [1, 0, 0])
    assert rigid_share(orthonormal(15, 15), x, True).sum() == pytest.approx(5)


def test_modes_to_draw_are_the_slowest_that_are_not_rigid_or_those_listed():
    table = pd.DataFrame({"rigid": [1.0, 0.0, 0.99, 0.2, 0.0]})
    assert chosen_modes(table, 2) == [1, 3]
    assert chosen_modes(table, 24) == [1, 3, 4]
    assert chosen_modes(table, [1, 5]) == [0, 4]
    assert chosen_modes(table[:1], 3) == [0]


@pytest.mark.parametrize(
    ("count", "wanted", "expected"),
    [(1, 5, [0]), (2, 5, [0, 1]), (3, 2, [0, 2]), (100, 2, [0, 99]), (100, 4, [0, 1, 10, 99])],
)
def test_configurations_are_spread_at_growing_distances(count, wanted, expected):
    assert spread_indices(count, wanted) == expected
