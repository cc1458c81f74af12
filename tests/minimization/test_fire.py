"""FIRE: where it ends, that no unit matters to it, and how far it moves."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flat import chained, minimize
from minima import ENERGIES, rosenbrock, valley
from structure_texts import tripeptide

import nnrep
from nnrep.errors import ConfigError
from nnrep.minimization.loop import run_chunk
from nnrep.minimization.optimizers.fire import scale_by_fire
from nnrep.systems.protein import ProteinConfig, protein_system


def start_of(name):
    return np.full((4, 3), ENERGIES[name][2]) + 0.01 * np.arange(12).reshape(4, 3)


@partial(jax.jit, static_argnums=(0, 3))
def path_of(energy, start, most, steps, scale=1.0):
    """Points after every step, from a start that may be any pytree."""
    optimizer = scale_by_fire(lambda step: most)

    def step(carry, _):
        x, state = carry
        updates, state = optimizer.update(jax.grad(lambda x: scale * energy(x))(x), state, x)
        x = jax.tree.map(jnp.add, x, updates)
        return (x, state), x

    return jax.lax.scan(step, (start, optimizer.init(start)), length=steps)[1]


@pytest.mark.parametrize("most", [0.01, 0.5])
@pytest.mark.parametrize("name", ENERGIES)
def test_minima_are_found(name, most):
    energy, minimum, _ = ENERGIES[name]
    system = nnrep.System(energy=energy, positions=start_of(name))
    stopping = nnrep.Stopping(min_delta=0, patience=5)
    result = minimize(system, optimizer=nnrep.fire(most), stopping=stopping, max_steps=6000)
    assert result.energy[0] == pytest.approx(minimum, abs=1e-8)
    assert result.gradient_rms[0] < 1e-4
    assert result.evaluations[0] == result.steps_fine[0]


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**60])
def test_the_unit_of_energy_does_not_matter(scale):
    for name, (energy, *_) in ENERGIES.items():
        path = path_of(energy, jnp.asarray(start_of(name)), 0.5, 200)
        scaled = path_of(energy, jnp.asarray(start_of(name)), 0.5, 200, scale)
        np.testing.assert_allclose(scaled, path, rtol=1e-6, atol=1e-6)


def test_the_unit_of_length_does_not_matter():
    path = path_of(valley, jnp.asarray(start_of("valley")), 0.5, 200)
    unit = 2.0**-30
    scaled = path_of(lambda x: valley(x / unit), jnp.asarray(unit * start_of("valley")), unit * 0.5, 200)
    np.testing.assert_allclose(scaled / unit, path, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("most", [1e-3, 0.1])
def test_no_number_moves_far_and_the_first_step_is_a_tenth_of_that(most):
    for name, (energy, *_) in ENERGIES.items():
        start = start_of(name)
        points = np.concatenate([start[None], path_of(energy, jnp.asarray(start), most, 300)])
        moves = abs(np.diff(points, axis=0)).max(axis=(1, 2))
        assert moves[0] == pytest.approx(most / 10)
        assert moves.max() <= most * (1 + 1e-6)
        assert moves.max() > 0.3 * most


def test_starts_side_by_side_go_as_they_do_alone():
    starts = jnp.stack([jnp.asarray(start_of("rosenbrock")) + shift for shift in (0, 0.1, 0.7)])
    together = jax.vmap(lambda start: path_of(rosenbrock, start, 0.5, 100))(starts)
    for start, path in zip(starts, together, strict=True):
        np.testing.assert_allclose(path, path_of(rosenbrock, start, 0.5, 100), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_without_a_gradient_it_stays_and_types_are_kept(dtype):
    start = {"a": jnp.ones(3, dtype), "b": jnp.ones((2, 2), dtype)}
    for energy in (lambda x: 0 * x["a"].sum(), lambda x: ((x["a"] - 1) ** 2).sum()):
        path = path_of(energy, start, 0.5, 50)
        assert all(leaf.dtype == dtype and (leaf == 1).all() for leaf in jax.tree.leaves(path))


def test_it_sets_out_with_the_first_gradient_and_comes_to_rest_at_the_minimum():
    optimizer = scale_by_fire(lambda step: 0.5)
    state, update = optimizer.init(jnp.zeros(2)), jax.jit(optimizer.update)
    _, state = update(jnp.zeros(2), state)
    moves, state = update(jnp.asarray([-4.0, 2.0]), state)
    np.testing.assert_allclose(moves, [0.05, -0.025])
    for _ in range(3000):  # a time step that shrank at rest would vanish
        moves, state = update(jnp.zeros(2), state)
    assert not moves.any()
    assert state.rate > 0


@pytest.mark.parametrize("slope", [1e-30, 1e30])
def test_squares_neither_overflow_nor_vanish_in_float32(slope):
    start = jnp.zeros(5, jnp.float32)
    path = path_of(lambda x: jnp.sum(x), start, jnp.float32(0.5), 1000, jnp.float32(slope))
    np.testing.assert_allclose(np.diff(path[20:], axis=0), -0.5, rtol=1e-3)


def test_a_protein_comes_to_rest_where_gradient_descent_is_still_on_its_way():
    system = protein_system(ProteinConfig(perturbation=0.1), tripeptide())
    rest = nnrep.Stopping(min_delta=0, patience=10**6, rms_force=0.1)  # kJ/mol/nm
    found = minimize(system, optimizer=nnrep.fire(5e-3), stopping=rest, seeds=2, max_steps=20_000)
    assert found.status == (nnrep.Status.converged,) * 2
    assert np.all(found.gradient_rms < 0.1)
    same_steps = {"stopping": rest, "max_steps": int(found.steps_fine.max())}
    plain = minimize(system, optimizer=chained(nnrep.sgd, 5e-3, clamp=0.1), seeds=2, **same_steps)
    assert np.all(plain.gradient_rms > 0.1)
    assert np.all(found.energy < plain.energy)


def test_rates_are_traced():
    system = nnrep.System(energy=valley, positions=start_of("valley"))
    run_chunk.jitted.clear_cache()
    for rate in (1e-3, 2e-3):
        optimizer = chained(nnrep.fire, rate, clamp=100 * rate, decay_rate=1 - rate, decay_steps=10)
        minimize(system, optimizer=optimizer, max_steps=40)
    assert run_chunk.jitted._cache_size() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, r"^learning_rate: must be positive, got 0$"),
        ({"clamp": 0}, r"^clamp: must be positive, or null"),
        ({"decay_rate": 2}, r"^decay_rate: must be above 0"),
        ({"decay_steps": 0}, r"^decay_steps: must be at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        chained(nnrep.fire, **({"rate": 1e-2} | options))
