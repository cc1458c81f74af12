"""The estimated backbone of large energies of one's own."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from jax.tree_util import Partial

import nnrep
from nnrep.energies.loop import coupled_energy
from nnrep.errors import UserError
from nnrep.modes import probing, slow
from nnrep.modes.backbone import Backbone, Sampling, dense_backbone, term_backbone
from nnrep.modes.probing import probed_backbone
from nnrep.modes.spectrum import slow_modes_of


def chain(n):
    """A loop, the energy of its couplings alone, and the configurations of its Hessian."""
    system = nnrep.load_system("loop", n=n, loop_length=7)
    energy = Partial(coupled_energy, system.energy.args[0])
    return system, energy, Sampling(system.draw_configuration, 4, 0)


@pytest.mark.parametrize("backbone", Backbone)
def test_estimate_of_a_local_energy_finds_its_couplings(backbone, monkeypatch):
    monkeypatch.setattr(probing, "FIRST_COLOURS", 32)
    system, energy, sampling = chain(600)
    sampling = sampling._replace(backbone=backbone)
    exact = term_backbone(system.coupling_terms, (), sampling)
    estimate = probed_backbone(energy, sampling)
    assert estimate.colours < 600 / 2
    assert estimate.error <= probing.ERROR_TOLERANCE
    difference = abs((estimate.backbone - exact).toarray())
    np.fill_diagonal(difference, 0)
    assert difference.sum() < 0.05 * exact.sum()
    assert estimate.backbone.nnz < 1.01 * exact.nnz
    assert abs(estimate.backbone - estimate.backbone.T).max() < 1e-12 * exact.max()


def test_slow_modes_of_an_estimate_are_those_of_the_backbone(monkeypatch):
    monkeypatch.setattr(probing, "FIRST_COLOURS", 32)
    system, energy, sampling = chain(400)
    sampling = sampling._replace(samples=10)
    exact = slow_modes_of(term_backbone(system.coupling_terms, (), sampling), 6)
    estimate = slow_modes_of(probed_backbone(energy, sampling).backbone, 6)
    angles = scipy.linalg.subspace_angles(np.asarray(exact.vectors), np.asarray(estimate.vectors))
    assert angles.max() < 0.05


def all_pairs(x):
    """Every pair is coupled about as strongly: no colouring helps."""
    i, j = np.triu_indices(len(x), 1)
    return jnp.sum(jnp.exp(-jnp.sum((x[i] - x[j]) ** 2, axis=1)))


def test_energy_of_all_pairs_ends_in_its_exact_backbone(monkeypatch):
    monkeypatch.setattr(probing, "FIRST_COLOURS", 4)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(40, 3)))
    sampling = Sampling(Partial(lambda x, key, t: x, x), 2, 0)
    estimate = probed_backbone(all_pairs, sampling)
    assert (estimate.colours, estimate.error) == (40, 0.0)
    np.testing.assert_allclose(estimate.backbone.toarray(), dense_backbone(all_pairs, sampling), rtol=1e-12)


def test_reported_error_is_that_of_the_checked_columns(monkeypatch):
    monkeypatch.setattr(probing, "FIRST_COLOURS", 8)
    monkeypatch.setattr(probing, "CHECKED", 200)
    _, energy, sampling = chain(200)
    estimate = probed_backbone(energy, sampling, tolerance=np.inf)
    exact, seen = np.array(dense_backbone(energy, sampling)), estimate.backbone.toarray()
    for matrix in (exact, seen):
        np.fill_diagonal(matrix, 0)
    worst = np.max(abs(seen - exact).sum(axis=0) / exact.sum(axis=0))
    assert estimate.colours == 8
    assert estimate.error == pytest.approx(worst, rel=1e-6)


def springs(n, x):
    stiffness = 1 + jnp.arange(n - 1) % 3
    return jnp.sum(stiffness * jnp.sum((x[1:] - x[:-1]) ** 2, axis=1))


def test_own_energy_beyond_the_dense_size_is_estimated_and_says_so(monkeypatch, caplog):
    """A large chain of springs: its backbone is known, and its slow modes as well."""
    monkeypatch.setattr(slow, "MAX_DENSE_COORDINATES", 600)
    n = 700
    energy = partial(springs, n)
    system = nnrep.System(energy=energy, positions=np.random.default_rng(0).normal(size=(n, 2)))
    with caplog.at_level("INFO", logger="nnrep"):
        modes = nnrep.slow_modes(system, k=3, samples=2)
    assert "Hessian of 700 particles probed in 128 colours: the backbone's error is" in caplog.text
    assert 0 <= modes.backbone_error <= probing.ERROR_TOLERANCE
    links = np.diag(2 * np.sqrt(2) * (1 + np.arange(n - 1) % 3), 1)
    links += links.T
    vectors = np.linalg.eigh(np.diag(links.sum(axis=1)) - links)[1][:, :3]
    assert scipy.linalg.subspace_angles(vectors, np.asarray(modes.vectors)).max() < 0.05


def test_estimate_that_would_not_fit_is_refused():
    shape = jnp.zeros((1_000_000, 3))
    sampling = Sampling(Partial(lambda x, key, t: x, shape), 1, 0)
    with pytest.raises(UserError, match="estimated Hessian blocks of all 1000000 particles would take"):
        probed_backbone(lambda x: jnp.sum(x**2), sampling)


def test_error_of_couplings_of_very_different_strength_is_within_the_tolerance():
    """All columns are compared, not only those that the estimate checks itself."""
    n = 1100
    far = np.random.default_rng(0).permutation(n).reshape(-1, 2)

    def energy(x):
        stiff = jnp.sum((jnp.linalg.norm(x[1:] - x[:-1], axis=1) - 1) ** 2)
        return stiff + 1e-3 * jnp.sum((x[far[:, 0]] - x[far[:, 1]]) ** 2)

    x = jnp.asarray(np.random.default_rng(1).normal(size=(n, 2)))
    sampling = Sampling(Partial(lambda x, key, t: x + 0.1 * jax.random.normal(key, x.shape), x), 3, 0)
    exact, estimate = dense_backbone(energy, sampling), probed_backbone(energy, sampling)
    difference = abs(estimate.backbone.toarray() - exact)
    np.fill_diagonal(difference, 0)
    assert estimate.colours < n
    assert np.max(difference.sum(axis=0) / (exact.sum(axis=0) - np.diag(exact))) < probing.ERROR_TOLERANCE
