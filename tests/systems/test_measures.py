"""Superposition against gemmi's, and what it must do by its definition."""

import tracemalloc
from collections import Counter
from unittest import mock

import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.systems import measures
from nnrep.systems.measures import (
    piece_of_each,
    pieces_of,
    radius_of_gyration,
    rmsd,
    rmsd_to_each,
    superposed_on_host,
)
from nnrep.systems.measures import superposed as laid_on
from nnrep.systems.protein import atom_groups

superposed = jax.jit(rmsd)
SIZES = (3, 4, 20)  # few, for each is compiled


def gemmi_rmsd(positions: np.ndarray, reference: np.ndarray) -> float:
    points = [[gemmi.Position(*row) for row in rows] for rows in (reference, positions)]
    return gemmi.superpose_positions(*points).rmsd


@st.composite
def point_sets(draw):
    """Two sets of points, from nearly alike to unrelated; a generator for more."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    first = rng.normal(size=(draw(st.sampled_from(SIZES)), 3)) * draw(st.floats(0.1, 10))
    share = draw(st.floats(0.01, 1))
    second = (1 - share) * moved(first, rng) + share * rng.normal(size=first.shape)
    return first, second, rng


def moved(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return points @ Rotation.random(random_state=rng).as_matrix().T + rng.normal(size=3)


@given(point_sets())
def test_rmsd_is_that_of_gemmi(case):
    first, second, _ = case
    assert float(superposed(first, second)) == pytest.approx(gemmi_rmsd(first, second), rel=1e-6, abs=1e-6)


@given(point_sets())
def test_rmsd_to_each_is_that_to_one(case):
    first, second, rng = case
    others = np.stack([second, moved(first, rng), -first])
    by_jax = [float(superposed(first, each)) for each in others]
    np.testing.assert_allclose(
        rmsd_to_each(first, others), by_jax, rtol=1e-9, atol=1e-12 * np.ptp(first) * 10
    )


@pytest.mark.parametrize("dim", [2, 3])
def test_rmsd_to_each_knows_rotations_and_shifts_but_no_mirror_images(dim):
    rng = np.random.default_rng(5)
    positions = rng.normal(size=(6, dim))
    rotation, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    rotation[:, 0] *= np.sign(np.linalg.det(rotation))
    mirrored = positions * [-1, *[1] * (dim - 1)]
    same, other = rmsd_to_each(positions, np.stack([positions @ rotation + 3, mirrored]))
    assert same == pytest.approx(0, abs=1e-14)
    assert other > 0.1


@given(point_sets())
def test_rmsd_does_not_change_with_the_place_of_either_set(case):
    first, second, rng = case
    expected = float(superposed(first, second))
    assert float(superposed(moved(first, rng), moved(second, rng))) == pytest.approx(expected, rel=1e-9)
    assert float(superposed(second, first)) == pytest.approx(expected, rel=1e-9)


@given(point_sets())
def test_rmsd_is_zero_after_a_rigid_motion(case):
    first, _, rng = case
    assert float(superposed(moved(first, rng), first)) == pytest.approx(0, abs=1e-12 * np.ptp(first) * 10)


@given(point_sets())
def test_what_is_superposed_has_kept_its_shape_and_lies_as_well_as_can_be(case):
    first, second, _ = case
    laid = np.asarray(laid_on(first, second))
    np.testing.assert_allclose(laid.mean(axis=0), 0, atol=1e-9)
    centred = first - first.mean(axis=0)
    np.testing.assert_allclose(laid @ laid.T, centred @ centred.T, atol=1e-9 * np.ptp(first) ** 2)
    assert np.linalg.det(np.linalg.lstsq(centred, laid)[0]) > -1e-9  # no mirror image
    distances = np.sum((laid - (second - second.mean(axis=0))) ** 2, axis=1)
    assert np.sqrt(distances.mean()) == pytest.approx(float(superposed(first, second)), rel=1e-9, abs=1e-12)


@given(point_sets())
def test_no_rotation_does_better(case):
    first, second, rng = case
    best = float(superposed(first, second))
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    for rotation in Rotation.random(20, random_state=rng).as_matrix():
        assert np.sqrt(np.mean(np.sum((first @ rotation - second) ** 2, axis=1))) >= best - 1e-12


def test_mirror_images_do_not_superpose():
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3.0]])
    mirrored = corner * [1, 1, -1]
    assert float(rmsd(corner, mirrored)) > 0.3
    assert float(rmsd(corner, mirrored)) == pytest.approx(gemmi_rmsd(corner, mirrored), rel=1e-9)
    calphas = alpha_carbons()
    assert float(rmsd(-calphas, calphas)) > 0.2
    assert float(rmsd(-calphas, calphas)) == pytest.approx(gemmi_rmsd(-calphas, calphas), rel=1e-6)


def alpha_carbons() -> np.ndarray:
    molecule = prepared(None, [], Preparation())
    return molecule.positions[np.asarray(atom_groups(molecule.topology).ca)]


def test_rmsd_of_alpha_carbons_is_that_of_gemmi():
    rng = np.random.default_rng(0)
    native = alpha_carbons()
    for noise in (1e-3, 0.05, 1.0):
        changed = moved(native + noise * rng.normal(size=native.shape), rng)
        expected = gemmi_rmsd(10 * changed, 10 * native) / 10
        assert float(rmsd(changed, native)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("noise", [0.0, 1e-4, 1e-2, 1.0])
def test_rmsd_in_float32(noise):
    """To a few roundings of the coordinates, however small it is."""
    rng = np.random.default_rng(1)
    native = alpha_carbons()
    changed = moved(native + noise * rng.normal(size=native.shape), rng)
    exact = float(rmsd(changed, native))
    jax.config.update("jax_enable_x64", False)
    single = rmsd(jnp.asarray(changed), jnp.asarray(native))
    assert single.dtype == "float32"
    assert float(single) == pytest.approx(exact, rel=1e-5, abs=1e-6)


DEGENERATE = {
    "a point": np.zeros((1, 3)),
    "two points": np.array([[0, 0, 0], [0, 0, 1.0]]),
    "in one place": np.ones((5, 3)),
    "in a line": np.outer(np.arange(5), [1.0, 2, 3]),
    "in a plane": np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [3, 1, 0], [1, 1, 0.0]]),
}


@pytest.mark.parametrize("first", DEGENERATE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_degenerate_sets(first, dtype):
    points = DEGENERATE[first]
    rng = np.random.default_rng(2)
    others = [other for other in DEGENERATE.values() if len(other) == len(points)]
    for other in [*others, rng.normal(size=points.shape)]:
        value = float(rmsd(jnp.asarray(moved(points, rng), dtype), jnp.asarray(other, dtype)))
        spread = [np.sqrt(np.mean(np.sum((x - x.mean(axis=0)) ** 2, axis=1))) for x in (points, other)]
        assert abs(spread[0] - spread[1]) - 1e-5 <= value <= np.hypot(*spread) + 1e-5
    assert float(rmsd(jnp.asarray(moved(points, rng), dtype), jnp.asarray(points, dtype))) < 1e-5
    # Through the third dimension a flat set is its own mirror image.
    if len(points) == 5:
        mirrored = points * [1, -1, 1] if first == "in a plane" else -points
        assert float(rmsd(jnp.asarray(mirrored, dtype), jnp.asarray(points, dtype))) < 1e-5


def test_rmsd_of_many_sets_at_once():
    frames = np.random.default_rng(3).normal(size=(4, 6, 3))
    values = jax.vmap(rmsd, (0, None))(frames, frames[0])
    np.testing.assert_allclose(values, [float(rmsd(frame, frames[0])) for frame in frames], atol=1e-12)


def test_radius_of_gyration():
    ends = np.array([[0, 0, 0], [2.0, 0, 0]])
    assert radius_of_gyration(ends, np.ones(2)) == pytest.approx(1)
    assert radius_of_gyration(ends + 5, np.array([2.0, 2.0])) == pytest.approx(1)
    # A mass of 3 at 0 and of 1 at 2: the centre is at 1/2.
    assert radius_of_gyration(ends, np.array([3.0, 1.0])) == pytest.approx(np.sqrt(0.75))
    assert radius_of_gyration(ends[:1], np.ones(1)) == 0
    shell = np.random.default_rng(4).normal(size=(500, 3))
    shell /= np.linalg.norm(shell, axis=1, keepdims=True)
    shell = np.concatenate([shell, -shell])
    assert radius_of_gyration(7 * shell, np.ones(1000)) == pytest.approx(7)


@given(seed=st.integers(0, 2**31 - 1), n=st.integers(4, 12))
def test_structures_are_superposed_by_numpy_as_by_jax(seed, n):
    positions, reference = np.random.default_rng(seed).normal(size=(2, n, 3))
    by_jax = laid_on(jnp.asarray(positions), jnp.asarray(reference))
    centred = reference - reference.mean(axis=0)
    left, left_by_jax = (
        np.linalg.norm(each - centred) for each in (superposed_on_host(positions, reference), by_jax)
    )
    assert left == pytest.approx(left_by_jax, rel=1e-4)


@pytest.mark.parametrize("most_neighbours", [0, 100])
@given(seed=st.integers(0, 2**31 - 1), n=st.integers(1, 40))
def test_pieces_are_those_of_a_search_pair_by_pair(most_neighbours, seed, n):
    """Against a union of every pair within reach, one after the other; also with what crowds take."""
    positions = np.random.default_rng(seed).normal(size=(n, 3))
    piece = list(range(n))
    for i in range(n):
        for j in range(i):
            if np.linalg.norm(positions[i] - positions[j]) <= 0.7:
                piece = [piece[j] if p == piece[i] else p for p in piece]
    expected = sorted(Counter(piece).values(), reverse=True)
    with mock.patch.object(measures, "MOST_NEIGHBOURS", most_neighbours):
        assert pieces_of(positions, 0.7).tolist() == expected
        each = piece_of_each(positions, 0.7)
    joined = np.equal.outer(each, each)
    np.testing.assert_array_equal(joined, np.equal.outer(piece, piece))


def test_a_collapsed_chain_takes_no_memory_for_its_pairs():
    """A list of all pairs of so many would be 80 GB."""
    positions = np.random.default_rng(0).normal(scale=1e-3, size=(100_000, 3))
    positions[0] = 10
    tracemalloc.start()
    try:
        assert pieces_of(positions, 1.0).tolist() == [99_999, 1]
        assert tracemalloc.get_traced_memory()[1] < 1e8
    finally:
        tracemalloc.stop()


def test_a_particle_far_away_is_a_piece_of_its_own():
    chain = np.arange(10)[:, None] * np.array([1.0, 0, 0])
    assert pieces_of(chain, 1.5).tolist() == [10]
    chain[4] += 100
    assert pieces_of(chain, 1.5).tolist() == [5, 4, 1]
