"""Functions of a Laplacian: the series against the eigenvectors, inverses, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrep.errors import ConfigError
from nnrep.modes import filters
from nnrep.modes.filters import chebyshev_series, spectral_filter, symmetric
from nnrep.modes.spectrum import laplacian

N = 40
SHIFTS, POWERS = (1e-2, 0.1, 1.0, 10.0), (0.25, 0.5, 1.0, 3.0)


def chain(n=N):
    """A chain with one more coupling, of uneven strengths: five diagonals."""
    i = np.arange(n)
    adjacency = scipy.sparse.lil_array((n, n))
    adjacency[i[:-1], i[1:]] = 1 + 0.5 * np.sin(i[:-1])
    adjacency[i[:-10], i[10:]] = 0.1
    return laplacian(adjacency.tocsr() + adjacency.T.tocsr())


def scattered(n=N, seed=0):
    """A random sparse graph, whose entries lie on more diagonals than are kept as such."""
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, n, size=(3 * n, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    ones = scipy.sparse.coo_array((rng.random(len(pairs)) + 0.1, pairs.T), shape=(n, n)).tocsr()
    return laplacian(ones + ones.T)


MATRICES = {"chain": chain(), "scattered": scattered()}


def points(seed=0, n=N):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, 3)), float)


def eps():
    return float(jnp.finfo(jnp.result_type(float)).eps)


def formula(matrix, shift, power):
    """(L / lambda_max + shift)^(-power) by NumPy's eigenvectors."""
    values, vectors = np.linalg.eigh(matrix.toarray())
    return (vectors * (np.maximum(values, 0) / values[-1] + shift) ** -power) @ vectors.T


def assert_same(found, expected, units):
    np.testing.assert_allclose(found, expected, rtol=0, atol=units * eps() * float(abs(expected).max()))


def rounding(series):
    """Units in the last place by which a series may miss: its recurrence adds them up, term by term."""
    return 20 * series.degree + 2000


def test_the_two_matrices_are_kept_in_different_ways():
    kept = {
        name: len(np.unique(matrix.tocoo().col - matrix.tocoo().row)) for name, matrix in MATRICES.items()
    }
    assert kept["chain"] == 5 <= filters.MAX_DIAGONALS < kept["scattered"]


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize(("shift", "power"), [(0.01, 0.5), (0.1, 2.0), (1.0, 0.25), (10.0, 3.0)])
def test_series_and_matrix_are_the_formula(precision, name, shift, power):
    jax.config.update("jax_enable_x64", precision == "float64")
    matrix, x = MATRICES[name], points()
    dense, series = (spectral_filter(matrix, shift, power, dense=dense) for dense in (True, False))
    assert dense.degree == 0 < series.degree
    for either in (dense, series):
        for found, exponent in ((either.forward(x), power), (either.backward(x), -power)):
            assert found.dtype == precision
            assert_same(found, formula(matrix, shift, exponent) @ np.asarray(x, np.float64), rounding(series))


def test_a_small_shift_is_as_exact_where_the_largest_eigenvalue_is_estimated():
    """Lanczos comes to it from below, and a series grows at once outside its interval."""
    jax.config.update("jax_enable_x64", False)
    matrix, x = chain(1500), points(n=1500)
    series = spectral_filter(matrix, 1e-4, 0.5, dense=False)
    assert_same(series.forward(series.backward(x)), x, rounding(series))


def test_errors_name_the_key_that_is_given():
    with pytest.raises(ConfigError, match=r"^reparam\.spread: must be so large that a series can follow it"):
        spectral_filter(chain(), 1e-6, 1.0, dense=False, key="reparam.spread")


def test_small_matrices_are_dense_unless_a_series_is_asked_for(monkeypatch):
    assert spectral_filter(chain(), 0.1, 0.5).degree == 0
    monkeypatch.setattr(filters, "MAX_DENSE_FILTER", N - 1)
    assert spectral_filter(chain(), 0.1, 0.5).degree > 0


@settings(max_examples=10)
@given(
    st.sampled_from(sorted(MATRICES)),
    st.floats(*SHIFTS[:: len(SHIFTS) - 1]),
    st.floats(POWERS[0], POWERS[-1]),
    st.integers(0, 9),
)
def test_any_series_is_the_matrix_and_has_its_inverse(name, shift, power, seed):
    matrix, x = MATRICES[name], points(seed)
    dense, series = (spectral_filter(matrix, shift, power, dense=dense) for dense in (True, False))
    assert_same(series.forward(x), dense.forward(x), rounding(series))
    assert_same(series.backward(x), dense.backward(x), rounding(series))
    condition = (1 + 1 / shift) ** power
    for either in (dense, series):
        assert_same(either.backward(either.forward(x)), x, rounding(series) * condition)
        assert_same(either.forward(either.backward(x)), x, rounding(series) * condition)


@given(st.floats(SHIFTS[0], SHIFTS[-1]), st.floats(-POWERS[-1], POWERS[-1]))
def test_a_series_has_the_terms_that_it_needs_and_no_more(shift, power):
    series = chebyshev_series(shift, power)
    x = np.linspace(0, filters.BEYOND, 101)
    wanted = (x + shift) ** -power

    def error(terms):
        found = np.polynomial.chebyshev.chebval(2 * x / filters.BEYOND - 1, terms)
        return abs(found - wanted).max() / wanted.max()

    assert error(series) < 100 * eps()
    if len(series) > 4:
        assert error(series[: len(series) // 2]) > error(series)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("name", MATRICES)
def test_a_filter_is_symmetric(name, dense):
    forward = spectral_filter(MATRICES[name], 0.02, 0.7, dense=dense).forward
    x, y = points(1), points(2)
    assert float(jnp.vdot(y, forward(x))) == pytest.approx(float(jnp.vdot(forward(y), x)), rel=1e-12)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("name", MATRICES)
def test_gradients_through_a_filter_agree_with_finite_differences(name, dense):
    forward = spectral_filter(MATRICES[name], 0.02, 0.7, dense=dense).forward

    def energy(z):
        return jnp.sum(jnp.sin(forward(z)) + forward(z) ** 2)

    z, direction, step = points(3), points(4), 1e-5
    slope = (energy(z + step * direction) - energy(z - step * direction)) / (2 * step)
    for gradient in (jax.grad(energy)(z), jax.jit(jax.grad(energy))(z)):
        assert float(jnp.vdot(gradient, direction)) == pytest.approx(float(slope), rel=1e-7)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("name", MATRICES)
def test_a_batch_is_filtered_as_each_of_it_is(name, dense):
    forward = spectral_filter(MATRICES[name], 0.02, 0.7, dense=dense).forward
    batch = jnp.stack([points(seed) for seed in range(3)])
    found = jax.vmap(forward)(batch)
    gradients = jax.vmap(jax.grad(lambda x: jnp.sum(forward(x) ** 2)))(batch)
    for one, x, gradient in zip(found, batch, gradients, strict=True):
        assert_same(one, forward(x), 1000)
        assert_same(gradient, 2 * forward(forward(x)), 1000)


def test_only_the_map_itself_is_pulled_back_through():
    """The gradient of a symmetric map is the map: its operator is never transposed."""
    operator = jax.tree_util.Partial(jnp.matmul, jnp.asarray([[1.0, 5.0], [0.0, 1.0]]))
    (pulled,) = jax.vjp(lambda x: symmetric(operator, x), jnp.eye(2))[1](jnp.eye(2))
    np.testing.assert_array_equal(pulled, operator(jnp.eye(2)))


def test_particles_without_couplings_are_scaled_alike():
    nothing = scipy.sparse.csr_array((N, N))
    x = points()
    for dense in (True, False):
        forward, backward, _ = spectral_filter(nothing, 0.25, 0.5, dense=dense)
        np.testing.assert_allclose(forward(x), 2 * x, rtol=1e-12)
        np.testing.assert_allclose(backward(x), x / 2, rtol=1e-12)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_shift_that_no_series_can_follow_is_named(precision):
    jax.config.update("jax_enable_x64", precision == "float64")
    with pytest.raises(ConfigError, match=r"^reparam\.shift: must be so large that a series can follow it"):
        spectral_filter(chain(), 1e-6, 0.5, dense=False)
    spectral_filter(chain(), 1e-6, 0.5, dense=True)
