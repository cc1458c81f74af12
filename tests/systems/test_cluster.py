"""Clusters: their starts, and their lowest minima."""

import itertools

import jax
import numpy as np
import pytest

import nnrep
from nnrep.errors import ConfigError, UserError
from nnrep.systems.cluster import ClusterConfig

GOLDEN = (1 + 5**0.5) / 2


def icosahedron() -> np.ndarray:
    """An atom and twelve around it (13, 3), nearly as LJ13 has them."""
    corners = [
        np.roll([0, a, b * GOLDEN], k) for k in range(3) for a, b in itertools.product((-1, 1), repeat=2)
    ]
    return 0.57 * np.array([[0.0, 0, 0], *corners])


def minimized(system):
    rest = nnrep.Stopping(min_delta=0, patience=10**6, rms_force=1e-8)
    stage = nnrep.Stage("free", nnrep.reparam.identity(), nnrep.lbfgs(0.1), rest, 2000)
    return nnrep.minimize(system, stage)


def test_the_icosahedron_is_the_known_minimum_of_thirteen():
    jax.config.update("jax_enable_x64", True)
    system = nnrep.load_system("cluster", n=13)
    start = nnrep.System(system.energy, icosahedron())
    assert minimized(start).energy[0] == pytest.approx(-44.326801, abs=1e-6)


@pytest.mark.parametrize("n", [2, 13, 200])
def test_starts_are_drawn_for_each_seed_within_the_ball(n):
    system = nnrep.load_system("cluster", n=n, start_radius=0.5)
    starts = [np.asarray(system.start(seed)) for seed in range(3)]
    for start in starts:
        assert start.shape == (n, 3)
        assert np.linalg.norm(start, axis=1).max() <= 0.5 * n ** (1 / 3) * (1 + 1e-6)
    assert not np.allclose(starts[0], starts[1])
    np.testing.assert_array_equal(starts[1], system.start(1))


def test_a_start_is_even_in_the_ball():
    radii = np.linalg.norm(nnrep.load_system("cluster", n=2000, start_radius=1.0).positions, axis=1)
    shares = np.sort((np.asarray(radii) / 2000 ** (1 / 3)) ** 3)
    assert abs(shares - (np.arange(2000) + 0.5) / 2000).max() < 0.05  # Kolmogorov and Smirnov's distance


@pytest.mark.parametrize(("key", "value"), [("n", 1), ("n", 0), ("start_radius", 0), ("start_radius", -1)])
def test_values_out_of_range_are_refused(key, value):
    with pytest.raises(ConfigError, match=key):
        ClusterConfig(**{key: value})


def test_a_cluster_that_does_not_fit_into_memory_is_refused():
    with pytest.raises(UserError, match=r"system\.n: the pairs of 10000000 particles would take"):
        nnrep.load_system("cluster", n=10**7)
