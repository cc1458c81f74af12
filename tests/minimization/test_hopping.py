"""Basin hopping: it finds the lowest of many minima, ends at the lowest point, and draws by its own key."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import nnrep
from nnrep.errors import ConfigError
from nnrep.minimization.basin_hopping import HoppingState, Moves, by_hopping, hopping, on_surface
from nnrep.minimization.optimizers.optimizer import Lowest, lowest_of

STEPS = 4000


def rugged(positions):
    """Rastrigin's function about (1, -2, 0.5): a minimum near every whole number from there, the lowest 0."""
    x = positions - jnp.asarray([1.0, -2.0, 0.5])
    return jnp.sum(x**2 + 2 * (1 - jnp.cos(2 * jnp.pi * x)))


def search(steps=STEPS, **numbers):
    moves = {"size": 1.0, "temperature": 1.0, "rest": 1e-3, "longest": 50} | numbers
    whole = nnrep.Stopping(min_delta=0, patience=10**6)
    return nnrep.Stage("hopping", nnrep.reparam.identity(), hopping(nnrep.lbfgs(0.1), **moves), whole, steps)


def system():
    return nnrep.System(rugged, np.array([[4.2, 1.3, -3.4]]))


def test_it_finds_the_lowest_minimum_where_a_descent_does_not():
    result = nnrep.minimize(system(), search(), seeds=5)
    assert result.energy == pytest.approx(0, abs=1e-4)
    descent = nnrep.minimize(system(), optimizer=nnrep.lbfgs(0.1))
    assert descent.energy[0] > 1


def test_the_stage_ends_at_the_lowest_point_it_has_met():
    result = nnrep.minimize(system(), search(steps=1000, temperature=1e6), seeds=3)
    lowest = result.history.groupby("seed")["energy"].min().to_numpy()
    assert (result.energy <= lowest + 1e-5).all()
    before = result.history.groupby("seed")["energy"].nth(-2).to_numpy()
    assert (before > lowest + 0.1).any()  # accepted whatever they are, moves have left it


def test_seeds_draw_their_own_moves_and_the_same_ones_again():
    once, again = (nnrep.minimize(system(), search(steps=300), seeds=3) for _ in range(2))
    np.testing.assert_array_equal(once.positions, again.positions)
    energies = once.history.groupby("seed")["energy"].apply(tuple)
    assert len(set(energies)) == 3


def test_replicas_of_a_batch_do_as_they_do_alone():
    together = nnrep.minimize(system(), search(steps=300), seeds=3, batch_size=3)
    alone = nnrep.minimize(system(), search(steps=300), seeds=3, batch_size=1)
    np.testing.assert_allclose(together.energy, alone.energy, atol=1e-3)


@jax.jit
def walk(temperature, energies, key):
    """Params and state after points of these energies, at all of which the gradient is zero."""
    descent = nnrep.lbfgs(0.1)
    optimizer = by_hopping(descent.build(descent.hyperparameters), Moves(0.5, temperature, 1e-2, 100))
    still = jnp.zeros((2, 3))

    def see(carry, energy):
        params, state = carry
        updates, state = optimizer.update(still, state, params, value=energy, key=key)
        return (params + updates, state), None

    return jax.lax.scan(see, (still, optimizer.init(still)), energies)[0]


def test_at_temperature_zero_only_lower_minima_are_accepted():
    params, state = walk(0.0, jnp.asarray([3.0, 4.0, 2.0, 2.5]), jax.random.key(0))
    assert isinstance(state, HoppingState)
    assert float(state.origin.value) == 2.0
    assert float(state.lowest.value) == 2.0
    assert int(state.moves) == 4
    assert float(abs(params - state.origin.params).max()) <= 0.5


def test_rises_are_accepted_as_often_as_metropolis_has_it():
    keys = jax.random.split(jax.random.key(0), 1000)
    accepted = jax.vmap(walk, (None, None, 0))(2.0, jnp.asarray([0.0, 1.0]), keys)[1].origin.value
    assert np.mean(accepted) == pytest.approx(np.exp(-0.5), abs=0.06)  # four standard errors


def test_a_descent_that_is_not_finite_is_left():
    _, state = walk(1.0, jnp.asarray([1.0, jnp.nan, jnp.inf]), jax.random.key(0))
    assert float(state.origin.value) == 1.0
    assert np.isfinite(state.origin.params).all()


MIDDLE = np.array([5.0, 0.0, 0.0])


def grid_and_one_beside_it(height=2.5):
    """Twenty-seven particles of a cubic grid about `MIDDLE`, of spacing 1, and one at a height above it."""
    grid = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
    return jnp.asarray(np.vstack([grid, [0.0, 0.0, height]]) + MIDDLE)


@pytest.mark.parametrize(("height", "radius"), [(2.5, 2.5), (100.0, 1 + 3**0.5)])
def test_what_is_loose_is_put_on_the_sphere_around_all(height, radius):
    cluster = grid_and_one_beside_it(height)
    keys = jax.random.split(jax.random.key(0), 500)
    loose, places = jax.vmap(on_surface, (0, None, None))(keys, cluster, 0.1)
    np.testing.assert_array_equal(np.flatnonzero(loose[0]), [27])
    np.testing.assert_allclose(jnp.linalg.norm(places - MIDDLE, axis=2), radius, rtol=1e-5)
    assert abs(places.mean(axis=(0, 1)) - MIDDLE).max() < 0.1  # of no direction more than of others
    assert int(on_surface(keys[0], cluster, 0.8)[0].sum()) == 9  # corners as well


@pytest.mark.parametrize("surface", [None, 0.0, 0.1])
def test_a_move_puts_loose_particles_on_the_surface_and_the_others_near(surface):
    descent, cluster = nnrep.lbfgs(0.1), grid_and_one_beside_it()
    optimizer = by_hopping(descent.build(descent.hyperparameters), Moves(0.1, 1.0, 1e-2, 100, surface))
    at_rest = {"value": jnp.asarray(-1.0), "key": jax.random.key(3)}
    updates, _ = optimizer.update(jnp.zeros_like(cluster), optimizer.init(cluster), cluster, **at_rest)
    largest = abs(updates).max(axis=1)
    assert largest[:27].max() <= 0.1 + 1e-6
    assert (largest[27] > 0.2) == (surface == 0.1)


def test_the_outermost_optimiser_remembers_where_a_stage_ends():
    assert lowest_of((1, 2)) is None
    outer, inner = Lowest("there", 1.0), Lowest("here", 0.0)
    assert lowest_of((1, outer, (inner,))) is outer


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 0),
        ("size", np.inf),
        ("temperature", -1),
        ("rest", 0),
        ("longest", 0),
        ("longest", 2**31),
        ("size", "far"),
        ("surface", 1),
        ("surface", -0.1),
        ("surface", "all"),
    ],
)
def test_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        hopping(nnrep.lbfgs(0.1), **{name: value})


def test_any_optax_transformation_descends():
    optimizer = hopping(optax.adam(0.05), size=1.0, rest=1e-2, longest=200)
    stage = nnrep.Stage("hopping", nnrep.reparam.identity(), optimizer, nnrep.Stopping(patience=10**6), 4000)
    assert nnrep.minimize(system(), stage, seeds=3).energy == pytest.approx(0, abs=0.01)


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(ConfigError, match="optimizer: must be an optimiser of nnrep"):
        hopping("lbfgs")


@pytest.mark.parametrize(("n", "energy"), [(7, -16.505384), (13, -44.326801)])
def test_known_minima_of_clusters_are_found(n, energy):
    cluster = nnrep.load_system("cluster", n=n)
    rest = nnrep.Stopping(min_delta=0, rms_force=1e-3)
    last = nnrep.Stage("fine", nnrep.reparam.identity(), nnrep.lbfgs(0.1), rest, 1000)
    stages = (search(10_000, size=0.36, temperature=0.8, rest=1e-2, longest=1000), last)
    result = nnrep.minimize(cluster, stages, seeds=5, max_steps=20_000)
    assert result.energy.min() == pytest.approx(energy, abs=1e-4)
