"""What every registered map must do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

import nnrep
from nnrep.choices.settings import build
from nnrep.minimization.fit import fit_params
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.reparam.base import moved_of, with_moved
from nnrep.reparam.build import built_map
from nnrep.reparam.fit import Fit
from nnrep.reparam.registry import MAPS

N, KEY = 24, 3
SEVERAL = 2  # of the networks' parameters, moved side by side


@pytest.fixture(scope="module")
def system():
    jax.config.update("jax_enable_x64", True)
    return nnrep.load_system("loop", n=N, loop_length=5, repulsion="exact")


@pytest.fixture(scope="module", params=MAPS)
def reparam(request, system):
    jax.config.update("jax_enable_x64", True)
    settings = build(MAPS[request.param], {"name": request.param})
    return built_map(system, settings, ModesConfig(of=ModesOf.graph), 8, {"threads": 1}).reparam


@pytest.fixture
def params(reparam, system):
    return reparam.init(jax.random.key(KEY), system.positions)


def test_it_starts_at_finite_positions(reparam, params, system):
    positions = reparam.decode(params)
    assert positions.shape == system.positions.shape
    assert positions.dtype == system.positions.dtype
    assert np.isfinite(positions).all()
    same = reparam.decode(reparam.init(jax.random.key(KEY), system.positions))
    np.testing.assert_array_equal(positions, same)


def test_gradients_are_those_of_finite_differences(reparam, params, system):
    def loss(moved):
        return system.energy(reparam.decode(with_moved(params, moved)))

    moved = moved_of(params)
    gradient = jax.grad(loss)(moved)
    leaves, structure = jax.tree.flatten(moved)
    keys = jax.random.split(jax.random.key(0), len(leaves))
    steps = [jax.random.normal(key, leaf.shape, leaf.dtype) for key, leaf in zip(keys, leaves, strict=True)]
    direction = jax.tree.unflatten(structure, steps)
    h = 1e-6
    ahead, behind = (jax.tree.map(lambda x, u, s=s: x + s * h * u, moved, direction) for s in (1, -1))
    slope = sum(jnp.vdot(g, u) for g, u in zip(jax.tree.leaves(gradient), steps, strict=True))
    assert np.isfinite(slope)
    assert (loss(ahead) - loss(behind)) / (2 * h) == pytest.approx(float(slope), rel=1e-5, abs=1e-9)


def test_compiled_and_batched_it_gives_the_same(reparam, params):
    positions = reparam.decode(params)
    np.testing.assert_allclose(jax.jit(reparam.decode)(params), positions, rtol=1e-9, atol=1e-12)
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf] * SEVERAL), params)
    for each in jax.vmap(reparam.decode)(batch):
        np.testing.assert_allclose(each, positions, rtol=1e-9, atol=1e-12)


def test_fitting_comes_no_further_from_the_target(reparam, params, system):
    def error(params):
        return float(jnp.mean((reparam.decode(params) - target) ** 2))

    target = system.start(7)
    fitted = fit_params(Partial(reparam.decode), params, target, Fit(200, 1e-2, patience=200))
    assert error(fitted) < error(params) or error(params) < 1e-20


def test_a_resumed_run_ends_as_an_unbroken_one(reparam, system, tmp_path):
    stages = nnrep.two_stages(reparam, stopping=nnrep.Stopping(min_delta=0, patience=10**6, check_every=5))

    def run(**following):
        monitor = nnrep.Monitor(**following)
        return nnrep.minimize(system, stages, seeds=2, max_steps=60, monitor=monitor)

    checkpoint, chunks = tmp_path / "checkpoint.npz", iter(range(100))
    broken = run(checkpoint=checkpoint, should_stop=lambda: next(chunks) == 2)
    assert nnrep.Status.interrupted in broken.status
    resumed, unbroken = run(checkpoint=checkpoint), run()
    np.testing.assert_array_equal(resumed.positions, unbroken.positions)
    np.testing.assert_array_equal(resumed.energy, unbroken.energy)
    assert np.isfinite(unbroken.energy).all()
