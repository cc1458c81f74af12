import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import nnrep
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.modes.here import modes_here
from nnrep.modes.settings import At, ModesConfig
from nnrep.reparam import edge_graph, graph, identity, linear
from nnrep.reparam.cg import CGConfig
from nnrep.reparam.network import layer_widths, over_particles

N = 40
KEY = jax.random.key(7)


@pytest.fixture(scope="module")
def system():
    jax.config.update("jax_enable_x64", True)
    return nnrep.load_system("loop", n=N)


@pytest.fixture(scope="module")
def modes(system):
    return nnrep.slow_modes(system, k=10)


def spread(positions):
    """Standard deviation about the centre."""
    return float(np.sqrt(np.mean((positions - np.mean(positions, axis=0)) ** 2)))


def gnns(system, modes):
    yield graph(modes, 8)
    yield graph(modes, [6, 5, 4], residual="concat", activation="silu")
    yield graph(edge_graph(system.edges, system.n), 8, layers=2)


def test_identity_starts_at_the_positions_and_returns_them(system):
    params = identity().init(KEY, system.positions)
    np.testing.assert_array_equal(identity().decode(params), system.positions)


def test_linear_map_starts_at_the_projection_with_the_spread_kept(system, modes):
    reparam = linear(modes)
    latent = reparam.init(KEY, system.positions)
    assert latent.shape == (10, 3)
    positions = reparam.decode(latent)
    assert spread(positions) == pytest.approx(spread(system.positions))
    projection = modes.vectors @ (modes.vectors.T @ system.positions)
    factor = spread(system.positions) / spread(projection)
    np.testing.assert_allclose(positions, factor * projection, atol=1e-12)


def test_linear_map_of_one_mode_is_refused(system):
    with pytest.raises(ConfigError, match="modes: must be at least 2"):
        linear(nnrep.slow_modes(system, k=1))


def test_linear_map_onto_all_modes_keeps_the_positions(system):
    reparam = linear(nnrep.slow_modes(system, k=N))
    positions = reparam.decode(reparam.init(KEY, system.positions))
    np.testing.assert_allclose(positions, system.positions, atol=1e-10)


def test_networks_start_with_the_spread_of_the_positions(system, modes):
    for reparam in gnns(system, modes):
        positions = reparam.decode(reparam.init(KEY, system.positions))
        assert positions.shape == system.positions.shape
        assert spread(positions) == pytest.approx(spread(system.positions), rel=1e-9)


def test_network_is_the_formula_of_the_paper(system, modes):
    """h' = tanh(A h W + h S + b) with A formed, then a linear layer on latent and layers (residual)."""
    reparam = graph(modes, [6, 5, 4], residual="concat", strength=None)
    params = reparam.init(KEY, system.positions)
    adjacency = modes.vectors @ np.diag(modes.weights) @ modes.vectors.T
    h = np.asarray(params["latent"])
    seen = [h]
    for layer in params["layers"]:
        h = np.tanh(adjacency @ h @ layer["conv"] + h @ layer["self"] + layer["bias"])
        seen.append(h)
    expected = np.concatenate(seen, axis=1) @ params["readout"]["weight"] + params["readout"]["bias"]
    np.testing.assert_allclose(reparam.decode(params), expected, atol=1e-10)


def test_strength_is_the_largest_weight_of_the_convolution(system, modes):
    weak, strong = (graph(modes, 6, strength=s).decode.propagate(jnp.eye(N)) for s in (1.0, 3.0))
    assert np.linalg.eigvalsh(np.asarray(weak))[-1] == pytest.approx(1.0)
    np.testing.assert_allclose(strong, 3 * weak, atol=1e-12)


def test_convolution_along_edges_is_the_normalised_adjacency(system):
    adjacency = np.eye(N)
    for i, j in system.edges:
        adjacency[i, j] = adjacency[j, i] = 1
    degree = adjacency.sum(axis=1)
    expected = adjacency / np.sqrt(np.outer(degree, degree))
    propagate = graph(edge_graph(system.edges, N), 6).decode.propagate
    np.testing.assert_allclose(propagate(jnp.eye(N)), expected, atol=1e-12)


def test_convolution_along_modes_never_forms_the_adjacency(modes):
    large = nnrep.SlowModes(jnp.zeros(5), jnp.zeros((4000, 5)), jnp.ones(5))
    reparam = graph(large, 4)
    params = jax.eval_shape(reparam.init, KEY, jnp.zeros((4000, 3)))
    jaxpr = jax.make_jaxpr(jax.grad(lambda p: jnp.sum(reparam.decode(p))))(params)
    assert max(v.aval.size for eqn in jaxpr.jaxpr.eqns for v in eqn.outvars) <= 4000 * 5


def test_gradients_with_respect_to_params_agree_with_finite_differences(system, modes):
    for reparam in [linear(modes), *gnns(system, modes)]:
        params = reparam.init(KEY, system.positions)
        flat, unravel = ravel_pytree(params)
        direction = jax.random.normal(jax.random.key(1), flat.shape)

        def energy(flat, reparam=reparam, unravel=unravel):
            return system.energy(reparam.decode(unravel(flat)))

        step = 1e-6
        slope = (energy(flat + step * direction) - energy(flat - step * direction)) / (2 * step)
        assert float(jnp.vdot(jax.grad(energy)(flat), direction)) == pytest.approx(float(slope), rel=1e-5)


def test_networks_are_drawn_from_their_key(system, modes):
    reparam = graph(modes, 8)
    one, same, other = (reparam.init(jax.random.key(k), system.positions)["latent"] for k in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert float(abs(one - other).max()) > 0
    assert float(jnp.std(one)) == pytest.approx(8**-0.5, rel=0.15)


@pytest.mark.parametrize(
    ("hidden", "layers", "widths"),
    [(32, None, (32, 16)), (8, 3, (8, 4, 4, 4)), (1, 1, (1, 1)), ([5, 4], None, (5, 4)), ([5, 4], 1, (5, 4))],
)
def test_layer_widths(hidden, layers, widths):
    assert layer_widths(hidden, layers) == widths


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, "hidden: must be at least 1"),
        ({"hidden": [4]}, "hidden: must be an integer, or a list"),
        ({"hidden": [4, 0]}, "hidden: must be an integer, or a list"),
        ({"hidden": "8"}, "hidden: must be an integer, or a list"),
        ({"hidden": 8, "layers": 0}, "layers: must be at least 1"),
        ({"hidden": [4, 4], "layers": 3}, "layers: must be 1 or left out"),
        ({"activation": "sine"}, "activation: must be one of tanh, relu"),
        ({"strength": -1.0}, "strength: must be positive"),
    ],
)
def test_unusable_network_arguments_are_named(modes, options, message):
    with pytest.raises(ConfigError, match=message):
        graph(modes, **options)


def test_maps_of_one_shape_share_a_compilation(system, modes):
    decode = jax.jit(lambda decode, params: decode(params))
    for _ in range(2):
        reparam = graph(nnrep.SlowModes(*modes), 8)
        decode(reparam.decode, reparam.init(KEY, system.positions))
    assert decode._cache_size() == 1


@pytest.mark.parametrize(
    ("modes", "key"),
    [({}, r"reparam\.modes"), ({"epsilon": 1e-9}, r"modes\.epsilon"), ({"at": "stage"}, r"reparam\.modes")],
    ids=str,
)
def test_one_mode_is_refused_under_the_key_that_left_it(system, modes, key):
    config = build(ModesConfig, modes)
    at_stage = config.at is At.stage
    slow = modes_here(system, 1, config.of, config.backbone) if at_stage else nnrep.slow_modes(system, k=1)
    with pytest.raises(ConfigError, match=f"^{key}: must be so large that at least 2 modes are left"):
        build(CGConfig, {"name": "cg"}).build(system, config, slow)


def test_what_a_network_has_of_the_hessians_modes_is_no_linear_map(system):
    modes = over_particles(nnrep.slow_modes(system, k=4, of="hessian"), 3)
    with pytest.raises(ConfigError, match=r"^modes: must be orthonormal, as nnrep\.slow_modes has them"):
        linear(modes)
