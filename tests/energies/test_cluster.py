"""The cluster's energy against sums over pairs written out, and against its known minima."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pair_sum import pair_energy

from nnrep.energies.cluster import CORE, cluster_energy_and_gradient, cluster_pairs, cluster_terms


@pytest.fixture(autouse=True)
def double():
    jax.config.update("jax_enable_x64", True)


def reference(x):
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(np.asarray(x), 2)]
    return sum(4 * (r**-12 - r**-6) for r in distances)


def apart(n, seed=0):
    """Positions (n, 3), on a lattice of spacing 1.2 with noise."""
    side = int(np.ceil(n ** (1 / 3)))
    lattice = np.array(list(itertools.product(range(side), repeat=3)))[:n]
    return 1.2 * lattice + np.random.default_rng(seed).normal(scale=0.05, size=(n, 3))


@pytest.mark.parametrize("n", [2, 3, 13, 30])
def test_the_energy_is_the_sum_over_pairs(n):
    x = apart(n)
    energy, gradient = cluster_energy_and_gradient((), jnp.asarray(x))
    assert float(energy) == pytest.approx(reference(x), rel=1e-12)
    assert float(cluster_terms((), jnp.asarray(x))["lennard_jones"]) == float(energy)
    assert float(pair_energy(cluster_pairs(n), jnp.asarray(x))) == pytest.approx(float(energy), rel=1e-12)
    of_pairs = jax.grad(lambda x: pair_energy(cluster_pairs(n), x))(jnp.asarray(x))
    np.testing.assert_allclose(gradient, of_pairs, rtol=1e-9, atol=1e-9)
    way, h = np.random.default_rng(1).normal(size=x.shape), 1e-6
    change = (reference(x + h * way) - reference(x - h * way)) / (2 * h)
    assert float(jnp.vdot(gradient, way)) == pytest.approx(change, rel=1e-6)


@pytest.mark.parametrize("distance", [0.0, 1e-8, 0.3, CORE**0.5])
def test_particles_too_near_are_pushed_apart(distance):
    x = jnp.asarray([[0.0, 0, 0], [distance, 0, 0]])
    energy, gradient = cluster_energy_and_gradient((), x)
    assert np.isfinite(float(energy))
    assert float(energy) > 0
    assert np.all(np.isfinite(gradient))
    assert float(gradient[0, 0]) >= 0 >= float(gradient[1, 0])
    beyond = cluster_energy_and_gradient((), x.at[1, 0].add(0.1))[0]
    assert float(beyond) < float(energy)


def test_the_tangent_at_the_core_joins_smoothly():
    near, far = (jnp.asarray([[0.0, 0, 0], [(CORE + shift) ** 0.5, 0, 0]]) for shift in (-1e-9, 1e-9))
    inside, outside = (cluster_energy_and_gradient((), x) for x in (near, far))
    assert float(inside[0]) == pytest.approx(float(outside[0]), rel=1e-6)
    np.testing.assert_allclose(inside[1], outside[1], rtol=1e-6)
