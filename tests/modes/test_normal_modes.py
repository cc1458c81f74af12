"""Modes of the full Hessian, as normal-mode analysis has them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
from flat import minimize
from structure_texts import tripeptide

import nnrep
from nnrep.errors import ConfigError, UserError
from nnrep.modes import normal
from nnrep.modes.hessian import dense_hessian
from nnrep.systems.protein import ProteinConfig, protein_system


def relaxed(system):
    """The system at a minimum of its energy, to rounding."""
    shape = system.positions.shape
    value_and_grad = jax.jit(jax.value_and_grad(system.energy))

    def flat(x):
        energy, gradient = value_and_grad(x.reshape(shape))
        return float(energy), np.asarray(gradient).ravel()

    options = {"maxiter": 20_000, "maxfun": 40_000, "gtol": 1e-8, "ftol": 0, "maxcor": 50}
    start = np.asarray(system.positions).ravel()
    found = scipy.optimize.minimize(flat, start, jac=True, method="L-BFGS-B", options=options)
    return dataclasses.replace(system, positions=found.x.reshape(shape))


@pytest.fixture(scope="module")
def peptide():
    jax.config.update("jax_enable_x64", True)
    return relaxed(protein_system(ProteinConfig(), tripeptide()))


def rigid_motions(positions):
    """Orthonormal basis (n d, 6 or 3) of translations and rotations."""
    centred = np.asarray(positions - positions.mean(axis=0))
    n, dim = centred.shape
    moves = [np.tile(axis, (n, 1)) for axis in np.eye(dim)]
    for a in range(dim):
        for b in range(a):
            turn = np.zeros((dim, dim))
            turn[a, b], turn[b, a] = 1, -1
            moves.append(centred @ turn)
    return np.linalg.qr(np.stack([move.ravel() for move in moves], axis=1))[0]


@pytest.mark.parametrize("solver", ["dense", "lanczos"])
def test_six_zero_modes_at_a_minimum_of_a_peptide(peptide, solver):
    modes = nnrep.slow_modes(peptide, k=12, of="hessian", solver=solver)
    values = np.asarray(modes.values)
    assert np.all(abs(values[:6]) < 1e-3)
    assert values[6] > 1
    rigid = scipy.linalg.subspace_angles(np.asarray(modes.vectors[:, :6]), rigid_motions(peptide.positions))
    assert rigid.max() < 1e-4
    assert modes.vectors.shape == (3 * peptide.n, 12)


@pytest.mark.parametrize(("dim", "zero"), [(2, 3), (3, 6)])
def test_zero_modes_of_a_small_cluster(dim, zero):
    """All distances of five particles at springs of unequal stiffness: nothing else is soft."""

    def energy(x):
        i, j = np.triu_indices(5, 1)
        r = jnp.sqrt(jnp.sum((x[i] - x[j]) ** 2, axis=1))
        return jnp.sum((1 + i) * (r - 1) ** 2)

    start = np.random.default_rng(dim).normal(size=(5, dim))
    system = relaxed(nnrep.System(energy=energy, positions=start))
    values = np.asarray(nnrep.slow_modes(system, k=5 * dim, of="hessian").values)
    assert np.all(abs(values[:zero]) < 1e-6)
    assert values[zero] > 1e-3


def test_modes_are_those_of_a_dense_eigensolver_away_from_a_minimum():
    system = nnrep.load_system("loop", n=12, loop_length=4)
    modes = nnrep.slow_modes(system, k=36, of="hessian")
    hessian = np.asarray(jax.hessian(system.energy)(system.positions)).reshape(36, 36)
    values = np.linalg.eigvalsh(hessian)
    np.testing.assert_allclose(modes.values, values, atol=1e-9 * abs(values).max())
    assert values[0] < 0
    found = np.asarray(modes.vectors)
    np.testing.assert_allclose(hessian @ found, found * values, atol=1e-9 * abs(values).max())
    np.testing.assert_allclose(found.T @ found, np.eye(36), atol=1e-10)
    np.testing.assert_array_equal(modes.weights, modes.values)


def test_dense_hessian_is_that_of_jax():
    system = nnrep.load_system("loop", n=30, dim=2)
    expected = jax.hessian(system.energy)(system.positions).reshape(60, 60)
    np.testing.assert_allclose(dense_hessian(system.energy, system.positions), expected, atol=1e-12)


def test_products_take_the_place_of_a_large_hessian(monkeypatch):
    system = nnrep.load_system("loop", n=12, loop_length=4)
    dense = nnrep.slow_modes(system, k=6, of="hessian")
    monkeypatch.setattr(normal, "MAX_DENSE_COORDINATES", 10)
    modes = nnrep.slow_modes(system, k=6, of="hessian")
    assert (dense.solver, modes.solver) == ("dense", "lanczos")
    np.testing.assert_allclose(modes.values, dense.values, atol=1e-9 * float(abs(dense.values).max()))
    np.testing.assert_allclose(modes.vectors, dense.vectors, atol=1e-6)
    with pytest.raises(UserError, match="the dense Hessian of 12 particles would take"):
        nnrep.slow_modes(system, k=6, of="hessian", solver="dense")
    with pytest.raises(ConfigError, match="epsilon: must be null beyond 10 coordinates"):
        nnrep.slow_modes(system, epsilon=0.1, of="hessian")


def test_counts_and_epsilon_are_of_all_coordinates(peptide):
    every = np.asarray(nnrep.slow_modes(peptide, k=3 * peptide.n, of="hessian").values)
    assert nnrep.slow_modes(peptide, k=0.1, of="hessian").values.size == round(0.3 * peptide.n)
    below = nnrep.slow_modes(peptide, epsilon=0.2, of="hessian").values
    assert below.size == np.sum(every < 0.04 * every[-1])
    with pytest.raises(ConfigError, match=f"a count from 1 to n d = {3 * peptide.n}"):
        nnrep.slow_modes(peptide, k=3 * peptide.n + 1, of="hessian")


def test_float32_runs_find_them_in_float64(peptide):
    jax.config.update("jax_enable_x64", False)
    system = protein_system(ProteinConfig(), tripeptide())
    system = dataclasses.replace(system, positions=jnp.asarray(np.asarray(peptide.positions), jnp.float32))
    modes = nnrep.slow_modes(system, k=8, of="hessian")
    assert modes.values.dtype == jnp.float32
    assert np.all(abs(np.asarray(modes.values[:6])) < 1)
    assert float(modes.values[6]) > 1


def test_linear_map_along_normal_modes_starts_where_it_is_and_stays_in_their_span(peptide):
    modes = nnrep.slow_modes(peptide, k=20, of="hessian")
    start = dataclasses.replace(peptide, positions=peptide.positions + 0.01)
    moved = start.positions + 0.01 * np.random.default_rng(0).normal(size=start.positions.shape)
    start = dataclasses.replace(start, positions=moved)
    result = minimize(
        start, nnrep.reparam.linear(modes), optimizer=nnrep.adam(1e-3), coarse_steps=200, max_steps=200
    )
    np.testing.assert_allclose(result.positions_start[0], start.in_file_frame(moved), atol=1e-12)
    assert result.energy[0] < result.energy_start[0]
    displacement = (result.positions_coarse[0] - result.positions_start[0]).ravel()
    span = np.asarray(modes.vectors)
    assert np.linalg.norm(displacement) > 1e-3
    np.testing.assert_allclose(span @ (span.T @ displacement), displacement, atol=1e-10)


@pytest.mark.parametrize("first", ["float32", "float64"])
def test_own_energies_that_capture_numpy_arrays(first):
    """JAX remembers the type that such an array had in the precision in which it was seen first."""
    rng = np.random.default_rng(0)
    lengths, weights, start = rng.random(19) + 1, rng.random(20), rng.normal(size=(20, 3))

    def energy(x):
        stretch = jnp.linalg.norm(x[1:] - x[:-1], axis=1) - lengths
        return jnp.sum(stretch**2) + jnp.sum(weights * jnp.sum(x**2, axis=1))

    jax.config.update("jax_enable_x64", first == "float64")
    system = nnrep.System(energy=energy, positions=start)
    modes = nnrep.slow_modes(system, 4, of="hessian")
    result = minimize(system, nnrep.reparam.linear(modes), max_steps=40)
    assert result.energy[0] < result.energy_start[0]
    jax.config.update("jax_enable_x64", True)
    jax.clear_caches()
    hessian = np.asarray(jax.hessian(energy)(jnp.asarray(start))).reshape(60, 60)
    np.testing.assert_allclose(modes.values, np.linalg.eigvalsh(hessian)[:4], rtol=1e-5)


def test_linear_map_knows_normal_modes_in_one_dimension():
    """There n d is n: only the modes themselves can tell."""

    def energy(x):
        return jnp.sum((x[1:] - x[:-1] - 1) ** 2)

    system = nnrep.System(energy=energy, positions=np.random.default_rng(0).normal(size=(12, 1)))
    modes = nnrep.slow_modes(system, 5, of="hessian")
    result = minimize(system, nnrep.reparam.linear(modes), max_steps=20)
    np.testing.assert_allclose(result.positions_start[0], system.positions)


def test_hessian_that_is_not_finite_is_named():
    system = nnrep.System(energy=lambda x: jnp.sum(jnp.sqrt(jnp.abs(x))), positions=np.zeros((4, 3)))
    with pytest.raises(UserError, match="the Hessian is not finite at the start"):
        nnrep.slow_modes(system, 3, of="hessian")
