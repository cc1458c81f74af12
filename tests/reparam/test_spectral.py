"""The spectral map, and the graph and the Hessian that it is made of."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
from flat import minimize
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nnrep
from nnrep.choices.identity import hash_of
from nnrep.choices.settings import build
from nnrep.errors import ConfigError, UserError
from nnrep.minimization.loop import start_replica
from nnrep.minimization.optimizers.optimizer import as_optimizer
from nnrep.modes import assembled
from nnrep.modes.assembled import hessian_of
from nnrep.modes.graph import coupling_graph
from nnrep.modes.settings import ModesConfig
from nnrep.modes.spectrum import laplacian
from nnrep.reparam import linear, spectral_at_start, spectral_map
from nnrep.reparam.base import Anchored, moved_of, with_moved
from nnrep.reparam.none import is_identity
from nnrep.reparam.spectral import SpectralConfig

N = 24
KEY = jax.random.key(7)
COORDINATES = hnp.arrays(float, (N, 3), elements=st.floats(-1e3, 1e3))


@pytest.fixture(scope="module")
def system():
    jax.config.update("jax_enable_x64", True)
    return nnrep.load_system("loop", n=N, loop_length=5)


@cache
def loop():
    return nnrep.load_system("loop", n=N, loop_length=5)


def graph_laplacian(system):
    return laplacian(coupling_graph(system))


@cache
def both_maps(shift, power):
    """The map of a Laplacian, and that of all of its modes."""
    modes = nnrep.slow_modes(loop(), k=N, of="graph")
    return [spectral_map(of, shift, power) for of in (graph_laplacian(loop()), modes)]


def test_graph_has_the_edges_without_weights(system):
    expected = np.zeros((N, N))
    for i, j in system.edges:
        expected[i, j] = expected[j, i] = 1
    np.testing.assert_array_equal(coupling_graph(system).toarray(), expected)
    both = np.concatenate([system.edges, system.edges[:, ::-1]])
    twice = dataclasses.replace(system, edges=both, edge_weights=None)
    np.testing.assert_array_equal(coupling_graph(twice).toarray(), expected)


@pytest.mark.parametrize("solver", ["dense", "lanczos", "shift_invert"])
def test_modes_of_the_graph_are_those_of_a_dense_eigensolver(system, solver):
    adjacency = coupling_graph(system).toarray()
    matrix = np.diag(adjacency.sum(axis=1)) - adjacency
    modes = nnrep.slow_modes(system, k=8, of="graph", solver=solver)
    np.testing.assert_allclose(modes.values, np.linalg.eigvalsh(matrix)[:8], atol=1e-9)
    vectors = np.asarray(modes.vectors)
    np.testing.assert_allclose(matrix @ vectors, vectors * modes.values, atol=1e-8)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(8), atol=1e-10)
    np.testing.assert_allclose(modes.weights, np.diag(vectors.T @ adjacency @ vectors), atol=1e-9)
    assert (modes.of, modes.solver, modes.backbone_error) == ("graph", solver, 0.0)


def test_modes_of_the_graph_below_epsilon(system):
    values = np.asarray(nnrep.slow_modes(system, k=N, of="graph").values)
    below = nnrep.slow_modes(system, epsilon=0.3, of="graph").values
    assert below.size == np.sum(values < 0.09 * values[-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 3}, "samples: must be null, as of=graph takes the couplings without weights"),
        ({"noise": 0.1}, "noise: must be null, as of=graph"),
        ({"background": True}, "background: must be false, as of=graph"),
    ],
)
def test_graph_refuses_what_concerns_samples(system, options, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        nnrep.slow_modes(system, 4, of="graph", **options)


def test_systems_without_edges_have_no_graph():
    own = nnrep.System(energy=lambda x: jnp.sum(x**2), positions=np.ones((5, 3)))
    with pytest.raises(ConfigError, match=r"^of: must be backbone or hessian, as the system names no"):
        nnrep.slow_modes(own, 3, of="graph")


@pytest.mark.parametrize("reparam", ["cg", "gnn"])
def test_maps_of_the_graph_run(command, tmp_path, reparam):
    small = ("system.n=30", "system.loop_length=5", "max_steps=40", f"hydra.run.dir={tmp_path / 'run'}")
    result = command("run", f"reparam={reparam}", "schedule=paper", "modes.of=graph", *small)
    assert result.returncode == 0, result.stderr
    runs = pd.read_csv(tmp_path / "run" / "runs.csv")
    assert (runs["modes"][0], runs["modes_of"][0], runs["reparam"][0]) == (8, "graph", reparam)


@given(COORDINATES, st.sampled_from([0.01, 0.1, 1.0]), st.sampled_from([0.25, 0.5, 2.0]))
def test_spectral_map_starts_where_it_is(x, shift, power):
    condition = (1 + 1 / shift) ** power
    for reparam in both_maps(shift, power):
        found = reparam.decode(reparam.init(KEY, jnp.asarray(x)))
        np.testing.assert_allclose(found, x, atol=1e-13 * condition * (1 + abs(x).max()))


@given(COORDINATES, st.sampled_from([0.01, 0.1, 1.0]), st.sampled_from([0.25, 0.5, 2.0]))
def test_a_laplacian_and_all_of_its_modes_are_one_map(x, shift, power):
    first, second = both_maps(shift, power)
    close = 1e-13 * (1 + abs(x).max())
    np.testing.assert_allclose(first.decode(x), second.decode(x), atol=close * shift**-power)
    init = (reparam.init(KEY, jnp.asarray(x)) for reparam in (first, second))
    np.testing.assert_allclose(next(init), next(init), atol=close * (1 + shift) ** power)


@pytest.mark.parametrize(("shift", "power"), [(0.1, 0.5), (0.02, 2.0)])
def test_spectral_map_is_the_formula(system, shift, power):
    values, vectors = np.linalg.eigh(graph_laplacian(system).toarray())
    scales = (np.maximum(values, 0) / values[-1] + shift) ** -power
    for reparam in both_maps(shift, power):
        np.testing.assert_allclose(
            reparam.decode(jnp.eye(N)), (vectors * scales) @ vectors.T, atol=1e-11 * scales.max()
        )


def test_modes_that_are_not_of_a_graph_make_the_map_too(system):
    modes = nnrep.slow_modes(system, k=N)
    values, vectors = np.asarray(modes.values), np.asarray(modes.vectors)
    expected = (vectors * (values / values[-1] + 0.1) ** -0.5) @ vectors.T
    np.testing.assert_allclose(spectral_map(modes).decode(jnp.eye(N)), expected, atol=1e-9)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_smooth_start_is_what_the_map_leaves_of_the_positions_at_a_length(system, power):
    matrix = graph_laplacian(system)
    smooth = np.asarray(spectral_map(matrix, 0.05, power).decode(system.positions))
    i, j = np.asarray(system.edges).T
    apart = np.sqrt(np.mean(np.sum((smooth[i] - smooth[j]) ** 2, axis=1)))
    for of in (matrix, nnrep.slow_modes(system, k=N, of="graph")):
        reparam = spectral_map(of, 0.05, power, start_length=0.6)
        found = reparam.decode(reparam.init(KEY, system.positions))
        np.testing.assert_allclose(found, 0.6 / apart * smooth, atol=1e-9)

    def roughness(x):
        return float(np.vdot(x, matrix @ np.asarray(x)) / np.vdot(x, x))

    assert roughness(found) < 0.8 * roughness(system.positions)


def test_single_precision_maps(system):
    jax.config.update("jax_enable_x64", False)
    single = nnrep.load_system("loop", n=N, loop_length=5)
    modes = nnrep.slow_modes(single, k=N, of="graph")
    for of in (graph_laplacian(single), modes, nnrep.slow_modes(single, k=3 * N, of="hessian")):
        reparam = spectral_map(of)
        params = reparam.init(KEY, single.positions)
        assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
        np.testing.assert_allclose(reparam.decode(params), single.positions, atol=1e-5)


def test_modes_of_the_hessian_start_at_the_positions_and_move_them_along(system):
    modes = nnrep.slow_modes(system, k=3 * N, of="hessian")
    reparam = spectral_map(modes, 0.01, 0.5)
    params = reparam.init(KEY, system.positions)
    assert isinstance(params, Anchored)
    assert params.moved.shape == (3 * N,)
    np.testing.assert_array_equal(reparam.decode(params), system.positions)
    values, vectors = np.asarray(modes.values), np.asarray(modes.vectors)
    assert values[0] < 0
    scales = (abs(values) / abs(values).max() + 0.01) ** -0.5
    z = np.random.default_rng(0).normal(size=3 * N)
    expected = system.positions + (vectors @ (scales * z)).reshape(N, 3)
    np.testing.assert_allclose(reparam.decode(with_moved(params, jnp.asarray(z))), expected, atol=1e-12)


def test_not_all_modes_are_refused(system):
    for of, size in (("graph", N), ("backbone", N), ("hessian", 3 * N)):
        with pytest.raises(ConfigError, match=f"^modes: must be all {size} modes for a spectral map, got"):
            spectral_map(nnrep.slow_modes(system, k=size - 1, of=of))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift": 0}, "shift: must be positive, got 0"),
        ({"shift": -0.1}, "shift: must be positive"),
        ({"shift": np.inf}, "shift: must be positive"),
        ({"shift": np.nan}, "shift: must be positive"),
        ({"power": 0}, "power: must be above 0 and at most 8, got 0"),
        ({"power": -0.5}, "power: must be above 0"),
        ({"power": 8.5}, "power: must be above 0 and at most 8"),
        ({"power": np.nan}, "power: must be above 0"),
    ],
)
def test_unusable_numbers_are_named(system, options, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        spectral_map(graph_laplacian(system), **options)
    with pytest.raises(ConfigError, match=f"^{message}"):
        spectral_at_start(system, **options)


def test_start_length_is_refused_of_displacements(system):
    modes = nnrep.slow_modes(system, k=3 * N, of="hessian")
    with pytest.raises(ConfigError, match=r"^start_length: must be null with modes of the Hessian"):
        spectral_map(modes, start_length=1.0)


@pytest.mark.parametrize("length", [0, -1.0, np.inf, np.nan])
def test_unusable_lengths_are_named(system, length):
    with pytest.raises(ConfigError, match=r"^start_length: must be positive, or null, got"):
        spectral_map(graph_laplacian(system), start_length=length)


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_a_start_without_distances_is_not_scaled(system, kept):
    """All particles in one place, or none of them coupled."""
    positions = jnp.full((N, 3), 0.1) if kept else system.positions
    modes = nnrep.slow_modes(system, k=N, of="graph")
    modes = modes._replace(values=kept * modes.values)
    for of in (kept * graph_laplacian(system), modes):
        reparam = spectral_map(of, 0.05, start_length=0.6)
        found = reparam.decode(reparam.init(KEY, positions))
        np.testing.assert_allclose(found, 0.05**-0.5 * positions, rtol=1e-6)


def test_modes_at_the_start_are_those_of_each_start(system):
    reparam = spectral_at_start(system, 0.01)
    seen = []
    for seed in (0, 1):
        start = system.start(seed)
        params = reparam.init(KEY, start)
        np.testing.assert_array_equal(reparam.decode(params), start)
        at = dataclasses.replace(system, positions=start)
        same = spectral_map(nnrep.slow_modes(at, k=3 * N, of="hessian"), 0.01)
        z = jnp.asarray(np.random.default_rng(0).normal(size=3 * N))
        # Signs of modes are free: what they do together is not.
        _, vectors, scales = params.held
        _, theirs, its_scales = same.init(KEY, start).held
        np.testing.assert_allclose(
            (vectors * scales) @ vectors.T, (theirs * its_scales) @ theirs.T, atol=1e-8 * float(scales.max())
        )
        seen.append(np.asarray(reparam.decode(with_moved(params, z)) - start))
    assert abs(seen[0] - seen[1]).max() > 0.1


def test_a_hessian_of_zeros_at_the_start_has_modes_of_one_scale():
    flat = nnrep.System(lambda x: jnp.sum(x**4), np.zeros((3, 2)))
    reparam = spectral_at_start(flat, 0.25)
    params = reparam.init(KEY, flat.positions)
    np.testing.assert_array_equal(reparam.decode(params), flat.positions)
    moved = reparam.decode(with_moved(params, jnp.ones(6)))
    assert float(jnp.linalg.norm(moved)) == pytest.approx(0.25**-0.5 * 6**0.5)


def test_gradient_in_the_modes_is_that_of_the_positions_scaled(system):
    reparam = spectral_at_start(system, 0.01)
    params = reparam.init(KEY, system.positions)
    _, vectors, scales = params.held
    for seed in (None, 1):
        z = jnp.zeros(3 * N) if seed is None else 0.01 * jax.random.normal(jax.random.key(seed), (3 * N,))
        through = jax.grad(lambda z: system.energy(reparam.decode(with_moved(params, z))))(z)
        plain = jax.grad(system.energy)(reparam.decode(with_moved(params, z))).ravel()
        np.testing.assert_allclose(
            through, scales * (vectors.T @ plain), atol=1e-11 * float(abs(through).max())
        )


@pytest.mark.parametrize("at_start", [True, False])
def test_every_replica_has_its_own_modes(system, at_start):
    """Side by side in a batch, as each alone."""
    reparam = spectral_at_start(system) if at_start else spectral_map(graph_laplacian(system))
    options = {"optimizer": nnrep.sgd(1e-3), "max_steps": 20}
    batch = minimize(system, reparam, seeds=2, batch_size=2, coarse_steps=20, **options)
    for seed in (0, 1):
        alone = minimize(system, reparam, seeds=[seed], coarse_steps=20, **options)
        np.testing.assert_allclose(batch.positions[seed], alone.positions[0], atol=1e-9)
        np.testing.assert_allclose(batch.positions_start[seed], system.start(seed), atol=1e-12)


CONDITION = 1e4
STIFFNESS = np.geomspace(1, CONDITION, 12)
AXES = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]
BOWL = (AXES * STIFFNESS) @ AXES.T


def bowl(x):
    return 0.5 * jnp.vdot(x.ravel(), jnp.asarray(BOWL) @ x.ravel())


@pytest.mark.parametrize("name", ["sgd", "lbfgs"])
def test_modes_at_the_start_are_a_preconditioner(name):
    system = nnrep.System(energy=bowl, positions=np.random.default_rng(1).normal(size=(4, 3)))
    rest = nnrep.Stopping(min_delta=0, patience=10**6, rms_force=1e-6)

    def steps(reparam, rate):
        make = {"sgd": nnrep.sgd, "lbfgs": nnrep.lbfgs}[name]
        stage = nnrep.Stage("only", reparam, make(rate), rest, 200_000)
        result = minimize(system, stages=[stage], max_steps=200_000)
        assert result.status == (nnrep.Status.converged,)
        assert result.gradient_rms[0] < 1e-6
        return int(result.evaluations[0])

    # The largest rate at which each is stable, but for a factor; L-BFGS finds its own.
    plain = steps(nnrep.reparam.identity(), 1.0 / CONDITION if name == "sgd" else 10.0)
    through = steps(spectral_at_start(system, 1e-9), 0.9 / CONDITION if name == "sgd" else 1e9)
    assert through < 15 < 25 < plain
    if name == "sgd":
        assert plain > 1000 * through


@pytest.mark.parametrize("decaying", [optax.adamw(1e-2, weight_decay=0.5), nnrep.lbfgs(0.1)])
def test_what_is_held_does_not_move(system, decaying):
    """Weight decay would draw an origin to zero."""
    reparam = spectral_at_start(system)
    stage = nnrep.Stage("only", reparam, decaying, nnrep.Stopping(check_every=5), 10)
    moved = minimize(system, stages=[stage], max_steps=10)
    origin, vectors, _ = reparam.init(KEY, system.positions).held
    assert abs(moved.positions[0] - origin).max() > 1e-4
    optimizer = as_optimizer(decaying)
    params = reparam.init(KEY, system.positions)
    replica = start_replica(
        optimizer.build,
        optimizer.hyperparameters,
        stage.stopping,
        params,
        system.positions,
        10,
        nnrep.Status.running,
    )
    leaves = [leaf for leaf in jax.tree.leaves(replica.optimizer_state) if leaf.ndim]
    assert leaves
    assert all(leaf.shape[-1] == 3 * N or leaf.size <= 10 for leaf in leaves)
    assert max(leaf.size for leaf in leaves) <= 10 * 3 * N < vectors.size


def test_params_without_an_anchor_are_moved_as_a_whole():
    assert moved_of({"a": 1}) == {"a": 1}
    assert with_moved({"a": 1}, {"a": 2}) == {"a": 2}
    assert moved_of(Anchored(1, held=2)) == 1
    assert with_moved(Anchored(1, held=2), 3) == Anchored(3, held=2)


def test_weight_decay_pulls_the_modes_to_the_origin_alone():
    """On a flat energy there is nothing but the decay, and Z = 0 is where it starts."""
    system = nnrep.System(energy=lambda x: 1e-30 * jnp.sum(x**2), positions=np.ones((4, 3)) + np.arange(3))
    stage = nnrep.Stage(
        "only", spectral_at_start(system), optax.adamw(1e-30, weight_decay=1e29), nnrep.Stopping(), 20
    )
    result = minimize(system, stages=[stage], max_steps=20)
    np.testing.assert_allclose(result.positions[0], system.positions, atol=1e-12)


def exact_hessian(system, positions):
    size = positions.size
    return np.asarray(jax.jit(jax.hessian(system.energy))(positions)).reshape(size, size)


def assert_same_hessian(system, positions):
    expected = exact_hessian(system, positions)
    found = np.asarray(jax.jit(hessian_of(system))(positions))
    assert found.shape == expected.shape
    assert np.linalg.norm(found - expected) < 1e-8 * np.linalg.norm(expected)
    np.testing.assert_allclose(found, found.T, atol=1e-9 * abs(found).max())


@pytest.mark.slow
def test_hessian_of_the_embedded_protein_is_that_of_jax():
    system = nnrep.load_system("protein", start="perturbed")
    products = jax.jit(lambda x, v: jax.vmap(lambda w: jax.jvp(jax.grad(system.energy), (x,), (w,))[1])(v))
    size = system.positions.size
    found = np.asarray(jax.jit(hessian_of(system))(system.positions))
    # All products with the Hessian, by columns: jax.hessian would hold all of them at once.
    columns = np.eye(size).reshape(size, *system.positions.shape)
    expected = np.concatenate(
        [products(system.positions, part) for part in np.array_split(columns, 48)]
    ).reshape(size, size)
    assert np.linalg.norm(found - expected) < 1e-8 * np.linalg.norm(expected)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("potential", ["pure_lj", "bond_lj"])
def test_hessian_of_a_loop_has_its_repulsion(potential, dim):
    system = nnrep.load_system("loop", n=20, dim=dim, potential=potential, repulsion_strength=0.5)
    assert_same_hessian(system, system.positions)
    weaker = nnrep.load_system("loop", n=20, dim=dim, potential=potential, repulsion_strength=0.0)
    difference = hessian_of(system)(system.positions) - hessian_of(weaker)(system.positions)
    assert np.mean(abs(difference) > 0) > 0.5


def test_hessian_of_an_own_energy():
    def energy(x):
        return jnp.sum(jnp.sin(x[1:] * x[:-1])) + jnp.sum(x) ** 3

    system = nnrep.System(energy=energy, positions=np.random.default_rng(0).normal(size=(7, 2)))
    assert_same_hessian(system, system.positions)
    batch = jnp.stack([system.positions, system.positions + 1])
    for x, found in zip(batch, jax.vmap(hessian_of(system))(batch), strict=True):
        np.testing.assert_allclose(found, exact_hessian(system, x), atol=1e-10)


def test_a_hessian_too_large_is_refused(monkeypatch):
    system = nnrep.load_system("loop", n=20)
    monkeypatch.setattr(assembled, "MAX_DENSE_COORDINATES", 59)
    for make in (hessian_of, spectral_at_start):
        with pytest.raises(UserError, match=r"^modes\.of: .* of 60 coordinates .* at most 59"):
            make(system)
    monkeypatch.setattr(assembled, "MAX_DENSE_COORDINATES", 60)
    hessian_of(system)


def test_linear_map_takes_modes_of_the_graph(system):
    reparam = linear(nnrep.slow_modes(system, k=6, of="graph"))
    assert reparam.init(KEY, system.positions).shape == (6, 3)


def test_a_hessian_that_is_too_large_is_refused_or_leaves_no_map(monkeypatch):
    monkeypatch.setattr("nnrep.modes.assembled.MAX_DENSE_COORDINATES", 10)
    system, modes = nnrep.load_system("loop", n=20), build(ModesConfig, {"of": "hessian"})
    refused, none = (
        build(SpectralConfig, {"name": "spectral", "too_large": name}) for name in ("refuse", "none")
    )
    with pytest.raises(UserError, match=r"^modes\.of: the Hessian of 60 coordinates takes"):
        refused.build(system, modes, None)
    assert is_identity(none.build(system, modes, None))
    assert hash_of(refused) == hash_of(none)
    monkeypatch.undo()
    assert not is_identity(none.build(system, modes, None))
