"""Every solver finds the same lowest modes, or says why not."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from jax.tree_util import Partial

import nnrep
from nnrep.errors import UserError
from nnrep.modes import lanczos as lanczos_module
from nnrep.modes.eigensolvers import Solver, choose_solver, largest_eigenvalue, lowest_eigenpairs
from nnrep.modes.lanczos import lanczos
from nnrep.modes.spectrum import count_below, laplacian

SOLVERS = (Solver.dense, Solver.lanczos, Solver.shift_invert)


def angle(a, b):
    return scipy.linalg.subspace_angles(np.asarray(a), np.asarray(b)).max()


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("potential", ["pure_lj", "bond_lj"])
def test_all_solvers_find_the_same_modes_of_a_loop(potential, precision):
    jax.config.update("jax_enable_x64", precision == "float64")
    system = nnrep.load_system("loop", n=300, potential=potential)
    dense, *others = (nnrep.slow_modes(system, k=40, solver=solver) for solver in SOLVERS)
    for modes in others:
        assert angle(modes.vectors, dense.vectors) < (1e-4 if precision == "float32" else 1e-8)
        np.testing.assert_allclose(modes.values, dense.values, atol=1e-6 * float(dense.values[-1]))
        np.testing.assert_allclose(modes.vectors, dense.vectors, atol=1e-4)  # signs as well
        np.testing.assert_allclose(modes.weights, dense.weights, rtol=1e-5)
        assert modes.vectors.dtype == dense.vectors.dtype == precision
        assert float(modes.residuals.max()) < 1e-8
    assert [modes.solver for modes in others] == ["lanczos", "shift_invert"]


def test_solvers_repeat_to_the_last_bit():
    system = nnrep.load_system("loop", n=150)
    for solver in SOLVERS:
        first, again = (nnrep.slow_modes(system, k=10, solver=solver).vectors for _ in range(2))
        np.testing.assert_array_equal(first, again)


@hypothesis.given(
    n=st.sampled_from((2, 3, 8, 25, 40)),
    density=st.floats(0.05, 1),
    share=st.floats(0, 1),
    seed=st.integers(0, 10_000),
)
def test_solvers_agree_on_any_graph(n, density, share, seed):
    """Also on those of many components, whose eigenvalue zero is multiple."""
    rng = np.random.default_rng(seed)
    adjacency = np.triu(rng.random((n, n)) * (rng.random((n, n)) < density), 1)
    matrix = laplacian(adjacency + adjacency.T)
    count = max(1, min(n - 1, round(share * n)))
    dense = lowest_eigenpairs(matrix, count, Solver.dense)
    expected = np.linalg.eigvalsh(matrix.toarray())
    for solver in (Solver.lanczos, Solver.shift_invert):
        found = lowest_eigenpairs(matrix, count, solver)
        np.testing.assert_allclose(found.values, expected[:count], atol=1e-9)
        np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(count), atol=1e-8)
        gap = expected[count] - expected[count - 1]
        if gap > 1e-3:
            assert angle(found.vectors, dense.vectors) < 1e-4


def multiply(matrix, vector):
    return matrix @ vector


@pytest.fixture
def _small_basis(monkeypatch):
    """Lanczos has to restart."""
    monkeypatch.setattr(lanczos_module, "WHOLE", 10)
    monkeypatch.setattr(lanczos_module, "SPARE", 24)


@pytest.mark.usefixtures("_small_basis")
@pytest.mark.parametrize("copies", [1, 6, 12, 30])
def test_lanczos_finds_every_copy_of_a_multiple_eigenvalue(copies):
    n, count = 400, copies + 3
    values = np.concatenate([np.zeros(copies), np.linspace(1, 50, n - copies)])
    vectors = np.linalg.qr(np.random.default_rng(copies).normal(size=(n, n)))[0]
    matrix = jnp.asarray(vectors * values @ vectors.T)
    found = lanczos(Partial(multiply, matrix), n, count, tolerance=1e-11, max_products=100_000)
    np.testing.assert_allclose(found.values, values[:count], atol=1e-9)
    assert angle(found.vectors, vectors[:, :count]) < 1e-6
    assert found.largest == pytest.approx(50, rel=0.2)


@pytest.mark.parametrize("matrix", [np.zeros((60, 60)), np.eye(60), np.diag(np.arange(60.0) // 20)])
@pytest.mark.usefixtures("_small_basis")
def test_lanczos_goes_on_where_its_space_is_exhausted(matrix):
    found = lanczos(Partial(multiply, jnp.asarray(matrix)), 60, 7, tolerance=1e-11, max_products=10_000)
    np.testing.assert_allclose(found.values, np.diag(matrix)[:7], atol=1e-12)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(7), atol=1e-10)


def test_lanczos_compiles_once_for_matrices_of_one_shape():
    lanczos_module._cycle.clear_cache()
    for seed in (0, 1):
        a = np.random.default_rng(seed).normal(size=(90, 90))
        lanczos(Partial(multiply, jnp.asarray(a + a.T)), 90, 4, tolerance=1e-11, max_products=10_000)
    assert lanczos_module._cycle._cache_size() == 1


@pytest.mark.usefixtures("_small_basis")
def test_lanczos_that_does_not_converge_says_what_to_change():
    system = nnrep.load_system("loop", n=2000)
    with pytest.raises(UserError, match=r"lanczos has not converged after \d+ products.*modes\.max_products"):
        nnrep.slow_modes(system, k=3, solver="lanczos", max_products=200)


def test_shift_invert_of_all_modes_is_refused():
    with pytest.raises(UserError, match=r"modes\.solver: shift_invert finds at most n - 1 = 29 modes"):
        nnrep.slow_modes(nnrep.load_system("loop", n=30), k=30, solver="shift_invert")


def test_auto_goes_by_size_sparsity_and_share():
    sparse = scipy.sparse.csr_array(scipy.sparse.eye_array(5000))
    full = scipy.sparse.csr_array(np.ones((1200, 1200)))
    assert choose_solver(sparse, 100, Solver.auto) is Solver.shift_invert
    assert choose_solver(sparse, 2500, Solver.auto) is Solver.dense
    assert choose_solver(full, 10, Solver.auto) is Solver.dense
    assert choose_solver(sparse[:300, :300], 10, Solver.auto) is Solver.dense
    assert choose_solver(sparse, 2500, Solver.lanczos) is Solver.lanczos


def test_dense_solver_that_would_not_fit_is_refused():
    huge = scipy.sparse.csr_array(scipy.sparse.eye_array(1_000_000))
    with pytest.raises(
        UserError, match=r"^modes.solver: .* 1000000 dimensions would take 24000\.0 GB, .*; choose"
    ):
        lowest_eigenpairs(huge, 3, Solver.dense)


def test_largest_eigenvalue_of_a_large_matrix_is_that_of_a_small_one():
    path = scipy.sparse.diags_array([-np.ones(1999), 2 * np.ones(2000), -np.ones(1999)], offsets=(-1, 0, 1))
    assert largest_eigenvalue(scipy.sparse.csr_array(path)) == pytest.approx(4, abs=1e-4)


def test_what_auto_chose_is_said(caplog):
    with caplog.at_level("INFO", logger="nnrep"):
        nnrep.slow_modes(nnrep.load_system("loop", n=30), k=5)
    assert "5 slow modes by dense (modes.solver=auto), residuals at most" in caplog.text


def test_signs_do_not_hang_on_rounding_where_two_components_are_equally_large():
    """Every other mode of a path is antisymmetric: its ends are equal but for their signs."""
    n = 50
    path = np.diag(np.ones(n - 1), 1)
    dense, *others = (lowest_eigenpairs(laplacian(path + path.T), 10, solver) for solver in SOLVERS)
    for found in others:
        np.testing.assert_allclose(found.vectors, dense.vectors, atol=1e-8)


def test_auto_takes_dense_where_shift_invert_fails(caplog):
    """Stiffness over ten orders of magnitude: all of the low end lies below rounding."""
    n = 1100
    links = np.diag(10 ** np.random.default_rng(0).uniform(0, 10, n - 1), 1)
    matrix = laplacian(links + links.T)
    with pytest.raises(UserError, match=r"modes\.solver: .*shift_invert.*choose"):
        lowest_eigenpairs(matrix, 8, Solver.shift_invert)
    with caplog.at_level("INFO", logger="nnrep"):
        found = lowest_eigenpairs(matrix, 8, Solver.auto)
    assert found.solver is Solver.dense
    assert "auto takes dense" in caplog.text


def test_particles_without_couplings_have_only_zeros():
    nothing = scipy.sparse.csr_array((1500, 1500))
    assert largest_eigenvalue(nothing) == 0
    assert count_below(nothing, 0.3) == 1
    np.testing.assert_allclose(lowest_eigenpairs(nothing, 3).values, 0, atol=1e-12)


def test_laplacian_of_what_is_symmetric_but_for_rounding_is_symmetric():
    noisy = np.array([[0, 1, 2], [1 + 1e-7, 0, 3], [2 - 1e-7, 3, 0]])
    matrix = laplacian(noisy).toarray()
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize("stiffness", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("seed", range(3))
def test_own_stiff_energies_have_modes_in_float32(stiffness, seed):
    jax.config.update("jax_enable_x64", False)

    def energy(x):
        bonds = x[1:] - x[:-1]
        lengths = jnp.linalg.norm(bonds, axis=1)
        cosines = jnp.sum(bonds[1:] * bonds[:-1], axis=1) / (lengths[1:] * lengths[:-1])
        return stiffness * jnp.sum((lengths - 1) ** 2) + jnp.sum((cosines - 0.3) ** 2)

    start = np.cumsum(np.random.default_rng(seed).normal(size=(12, 3)), axis=0)
    modes = nnrep.slow_modes(nnrep.System(energy=energy, positions=start), 3, samples=1, noise=0.0)
    assert abs(float(modes.values[0])) < 1e-6 * stiffness


def test_lanczos_stops_at_what_is_not_finite():
    with pytest.raises(UserError, match="a product with the matrix is not finite"):
        lanczos(Partial(multiply, jnp.full((50, 50), jnp.nan)), 50, 3, tolerance=1e-11, max_products=1000)


@pytest.mark.parametrize("solver", [Solver.lanczos, Solver.shift_invert])
def test_bases_that_would_not_fit_are_refused(solver):
    n = 2_000_000
    path = scipy.sparse.diags_array([np.ones(n - 1), np.ones(n - 1)], offsets=(-1, 1))
    with pytest.raises(UserError, match=r"would take .* GB, and .* GB are free; choose at most"):
        lowest_eigenpairs(laplacian(path), 100_000, solver)
