"""The map of the Hessian's Cholesky factor."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

import nnrep
from nnrep.choices.identity import hash_of
from nnrep.choices.settings import build
from nnrep.errors import ConfigError, UserError
from nnrep.modes.settings import ModesConfig
from nnrep.reparam import cholesky_at_start, identity, spectral_at_start
from nnrep.reparam.base import with_moved
from nnrep.reparam.cholesky import CholeskyConfig
from nnrep.reparam.none import is_identity

KEY = jax.random.key(7)
STIFFNESS = np.geomspace(1, 1e4, 12)
AXES = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]
REST = nnrep.Stopping(min_delta=0, patience=10**6, rms_force=1e-6)


@pytest.fixture(autouse=True)
def _double():
    jax.config.update("jax_enable_x64", True)


def bowl(stiffness):
    """A quadratic energy with such eigenvalues (12,), not at rest."""
    matrix = jnp.asarray((AXES * stiffness) @ AXES.T)

    def energy(x):
        return 0.5 * jnp.vdot(x.ravel(), matrix @ x.ravel())

    positions = np.random.default_rng(1).normal(size=(4, 3))
    return nnrep.System(energy=energy, positions=positions), np.asarray(matrix)


def metric(reparam, system):
    """D D^T of X = X0 + D Z, which does not change when Z is turned."""
    params = reparam.init(KEY, system.positions)

    def displaced(z):
        return reparam.decode(with_moved(params, z)).ravel()

    displacement = jax.jacobian(displaced)(params.moved)
    return np.asarray(displacement @ displacement.T)


def test_it_starts_where_it_is():
    system = nnrep.load_system("loop", n=24, loop_length=5)
    reparam = cholesky_at_start(system, 1e-3)
    for seed in (0, 1):
        start = system.start(seed)
        np.testing.assert_array_equal(reparam.decode(reparam.init(KEY, start)), start)


def test_it_is_newtons_metric():
    system, matrix = bowl(STIFFNESS)
    shift = 1e-6
    found = metric(cholesky_at_start(system, shift), system)
    expected = np.linalg.inv(matrix / STIFFNESS.max() + shift * np.eye(12))
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=1e-6 * expected.max())


def test_it_is_the_spectral_map_turned():
    system = nnrep.load_system("loop", n=12, potential="bond_lj")
    at_rest = dataclasses.replace(system, positions=nnrep.minimize(system, max_steps=20_000).positions[0])
    metrics = [metric(make(at_rest, 0.05), at_rest) for make in (cholesky_at_start, spectral_at_start)]
    # The largest eigenvalue is estimated, and so is the scale of all that the shift does not decide.
    assert np.linalg.norm(metrics[0] - metrics[1]) < 0.05 * np.linalg.norm(metrics[1])


@pytest.mark.parametrize("lowest", [-1.0, -50.0, -9e3])
def test_negative_eigenvalues_enlarge_the_shift(lowest):
    stiffness = np.concatenate([[lowest], STIFFNESS[1:]])
    system, matrix = bowl(stiffness)
    shift = 1e-5
    found = np.linalg.inv(metric(cholesky_at_start(system, shift), system))
    assert np.isfinite(found).all()
    # What was added to H / h, in units of the shift: a power of four, the first that is enough.
    scale = (found - np.diag(np.diag(found)))[0, 1] / matrix[0, 1]
    added = (found - scale * matrix)[0, 0]
    needed = -lowest * scale
    assert needed < added < 4.1 * max(needed, shift)
    power = np.log(added / shift) / np.log(4)
    assert power == pytest.approx(round(power), abs=1e-3)


@pytest.mark.parametrize("name", ["sgd", "lbfgs"])
def test_it_preconditions(name):
    system, _ = bowl(STIFFNESS)

    def steps(reparam, rate):
        make = {"sgd": nnrep.sgd, "lbfgs": nnrep.lbfgs}[name]
        stages = [nnrep.Stage("only", reparam, make(rate), REST, 200_000)]
        result = nnrep.minimize(system, stages, max_steps=200_000)
        assert result.status == (nnrep.Status.converged,)
        return int(result.evaluations[0])

    plain = steps(identity(), 1.0 / STIFFNESS.max() if name == "sgd" else 10.0)
    through = steps(cholesky_at_start(system, 1e-9), 0.9 / STIFFNESS.max() if name == "sgd" else 1e9)
    assert through < 15 < 25 < plain


def test_a_hessian_that_is_not_a_number_has_no_factor(monkeypatch):
    """The search for a shift would go on for ever."""
    unknown = Partial(lambda x: jnp.full((x.size, x.size), jnp.nan))
    monkeypatch.setattr("nnrep.reparam.cholesky.hessian_of", lambda system, **named: unknown)
    system, _ = bowl(STIFFNESS)
    _, *inverse = cholesky_at_start(system, 1e-3).init(KEY, system.positions).held
    assert all(np.isnan(band).any() for band in inverse)


def test_without_curvature_it_is_a_scaling():
    system = nnrep.System(energy=lambda x: 0.0 * jnp.sum(x), positions=np.arange(12.0).reshape(4, 3))
    np.testing.assert_allclose(metric(cholesky_at_start(system, 0.25), system), 4 * np.eye(12))


@pytest.mark.parametrize("shift", [0.0, -1.0, np.inf, np.nan])
def test_a_shift_that_is_not_positive_is_refused(shift):
    with pytest.raises(ConfigError, match=r"^shift: must be positive"):
        cholesky_at_start(bowl(STIFFNESS)[0], shift)


def test_a_hessian_that_is_too_large_is_refused_or_leaves_no_map(monkeypatch):
    monkeypatch.setattr("nnrep.modes.assembled.MAX_DENSE_COORDINATES", 10)
    system, _ = bowl(STIFFNESS)
    refused, none = (build(CholeskyConfig, {"name": "cholesky", "too_large": n}) for n in ("refuse", "none"))
    with pytest.raises(UserError, match=r"the Hessian of 12 coordinates"):
        refused.build(system, ModesConfig(), None)
    assert is_identity(none.build(system, ModesConfig(), None))
    assert hash_of(refused) == hash_of(none)
