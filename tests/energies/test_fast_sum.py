"""The fast sum over all pairs against the sum pair by pair, wherever the points are."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnrep.energies import boxes as boxes_module
from nnrep.energies import fast_sum as fast_sum_module
from nnrep.energies.boxes import boxes_of, neighbours_of
from nnrep.energies.fast_sum import FAST, Accuracy, fast_sum_and_gradient
from nnrep.energies.loop import LoopParameters, Potential, fast_loop_energy, loop_energy
from nnrep.systems.loop import FAST_NUMBERS_EACH

N, CAP = 3000, 0.01


def coil(n: int) -> np.ndarray:
    turn = 2 * np.pi * np.arange(n) / 10
    return np.stack([1.8 * np.cos(turn), 1.8 * np.sin(turn), 1.13 * np.arange(n) / 10], axis=1)


def cloud(n: int, d: int = 3) -> np.ndarray:
    return 0.25 * n ** (1 / 3) * np.random.default_rng(0).normal(size=(n, d))


def stretched(n: int) -> np.ndarray:
    return np.arange(n)[:, None] * np.array([1.13, 0, 0])


SHAPES = {
    "start": cloud(N),
    "coil": coil(N),
    "stretched": stretched(N),
    "two far pieces": np.concatenate([cloud(N // 2), coil(N // 2) + np.array([1e5, 0, 30])]),
    "coincident atoms": np.concatenate([cloud(N // 2)] * 2),
    "plane": np.pad(cloud(N, 2), ((0, 0), (0, 1))),
    "two dimensions": cloud(N, 2) * 3,
}


@partial(jax.jit, static_argnames="accuracy")
def fast(x, accuracy=None):
    return fast_sum_and_gradient(x, CAP, accuracy)


def pair_by_pair(x: np.ndarray) -> tuple[float, np.ndarray]:
    """The sum and its gradient, a row at a time."""
    total, gradient = 0.0, np.zeros_like(x)
    for i in range(len(x) - 1):
        apart = x[i] - x[i + 1 :]
        r = np.linalg.norm(apart, axis=1)
        total += np.sum(1 / (r + CAP))
        force = -apart / (np.maximum(r, 1e-15) * (r + CAP) ** 2)[:, None]
        gradient[i] += force.sum(axis=0)
        gradient[i + 1 :] -= force
    return total, gradient


@pytest.mark.parametrize("shape", SHAPES)
def test_sum_and_gradient_are_those_pair_by_pair(shape):
    x = SHAPES[shape]
    total, gradient = fast(jnp.asarray(x))
    expected, slopes = pair_by_pair(x)
    assert float(total) == pytest.approx(expected, rel=1e-5 if shape == "plane" else 1e-6)
    assert np.sqrt(np.mean((gradient - slopes) ** 2)) < 1e-3 * np.sqrt(np.mean(slopes**2))


def test_sum_in_single_precision():
    x = SHAPES["coil"].astype("float32")
    total, gradient = fast(jnp.asarray(x))
    assert total.dtype == gradient.dtype == "float32"
    assert float(total) == pytest.approx(pair_by_pair(x.astype(float))[0], rel=1e-6)


def test_all_points_in_one_place():
    """Boxes without any width are far from each other, which costs nothing."""
    x = jnp.full((N, 3), 2.5)
    total, gradient = fast(x)
    assert float(total) == pytest.approx(N * (N - 1) / 2 / CAP, rel=1e-9)
    np.testing.assert_allclose(gradient, 0, atol=1e-3)


def test_error_falls_with_the_order_and_with_the_separation():
    x, expected = jnp.asarray(SHAPES["coil"]), pair_by_pair(SHAPES["coil"])[0]
    accuracies = [Accuracy(2, 0.7), Accuracy(3, 0.7), FAST[3], Accuracy(8, 0.5)]
    errors = [abs(float(fast(x, accuracy)[0]) / expected - 1) for accuracy in accuracies]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e-5
    assert errors[-1] < 1e-10


def test_gradient_agrees_with_finite_differences():
    """Where the sum is as good as exact: boxes move with the points, which the gradient leaves out."""
    x = jnp.asarray(SHAPES["coil"])
    direction = jnp.asarray(np.random.default_rng(3).normal(size=x.shape))
    step, best = 1e-4, Accuracy(8, 0.5)
    change = (fast(x + step * direction, best)[0] - fast(x - step * direction, best)[0]) / (2 * step)
    assert float(jnp.vdot(fast(x, best)[1], direction)) == pytest.approx(float(change), rel=1e-5)


def test_sum_does_not_change_with_frame_or_order():
    rng = np.random.default_rng(1)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    x = SHAPES["coil"]
    before = float(fast(jnp.asarray(x))[0])
    moved = rng.permutation(x) @ rotation + [100, 0, -3]
    assert float(fast(jnp.asarray(moved))[0]) == pytest.approx(before, rel=1e-6)


def test_sum_of_what_is_not_finite_is_not_finite():
    assert not np.isfinite(float(fast(jnp.asarray(SHAPES["coil"]).at[7].set(jnp.nan))[0]))


def points_below(boxes, box: int) -> np.ndarray:
    """The places of the points of a box, counted through all leaves."""
    leaves, m = boxes.places.shape
    first = last = int(box)
    while first < leaves - 1:
        first, last = 2 * first + 1, 2 * last + 2
    return np.arange((first - leaves + 1) * m, (last - leaves + 2) * m)


@pytest.mark.parametrize("n", [333, 1000])
def test_every_pair_of_points_is_in_one_pair_of_boxes(n):
    boxes = boxes_of(jnp.asarray(coil(n)), 6)
    neighbours = neighbours_of(boxes, 0.7)
    assert bool(neighbours.complete)
    counts = np.zeros((boxes.places.size,) * 2, int)
    for pairs in (neighbours.near, neighbours.far):
        assert int(pairs.total) > 0
        for one, other in zip(pairs.one[: int(pairs.total)], pairs.other[: int(pairs.total)], strict=True):
            below = points_below(boxes, one), points_below(boxes, other)
            counts[np.ix_(*below)] += 1
            if one != other:
                counts[np.ix_(*below[::-1])] += 1
    assert (counts == 1).all()
    real = np.asarray(boxes.real).ravel() > 0
    assert sorted(np.asarray(boxes.places).ravel()[real]) == list(range(n))


def test_without_room_for_pairs_of_boxes_all_pairs_are_summed(monkeypatch):
    x = jnp.asarray(SHAPES["start"])
    monkeypatch.setattr(boxes_module, "MOST_NEAR", 9)
    monkeypatch.setattr(fast_sum_module, "LEAF", 50)
    assert not bool(neighbours_of(boxes_of(x, 6), 0.7).complete)
    total, gradient = jax.jit(lambda x: fast_sum_and_gradient(x, CAP))(x)
    expected, slopes = pair_by_pair(np.asarray(x))
    assert float(total) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-9 * abs(slopes).max())


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_memory_is_what_is_asked_for(precision):
    n = 20_000
    shape = jax.ShapeDtypeStruct((n, 3), precision)
    compiled = jax.jit(lambda x: fast_sum_and_gradient(x, CAP)).lower(shape).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < FAST_NUMBERS_EACH * shape.dtype.itemsize * n


@pytest.mark.parametrize("potential", Potential)
def test_fast_energy_of_a_loop_is_the_exact_one(potential):
    parameters = LoopParameters(potential=potential, repulsion_strength=1.0)
    x = jnp.asarray(SHAPES["coil"] + 0.1 * SHAPES["start"])
    exact, slopes = jax.jit(jax.value_and_grad(partial(loop_energy, parameters)))(x)
    energy, gradient = jax.jit(jax.value_and_grad(partial(fast_loop_energy, parameters)))(x)
    assert float(energy) == pytest.approx(float(exact), rel=1e-6)
    assert float(jnp.linalg.norm(gradient - slopes)) < 1e-3 * float(jnp.linalg.norm(slopes))


def test_replicas_side_by_side_have_the_sums_of_each():
    both = jnp.stack([jnp.asarray(SHAPES["coil"]), jnp.asarray(SHAPES["start"])])
    together = jax.jit(jax.vmap(lambda x: fast_sum_and_gradient(x, CAP)))(both)
    for x, total, gradient in zip(both, *together, strict=True):
        alone, slopes = fast(x)
        assert float(total) == pytest.approx(float(alone), rel=1e-12)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-8, atol=1e-8 * float(abs(slopes).max()))
