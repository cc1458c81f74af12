"""Choices of the network: weights of modes and edges, residual layers, activations, modes of the Hessian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy

import nnrep
from nnrep.choices.identity import hash_of
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.modes.settings import ModesConfig
from nnrep.reparam import edge_graph, graph, over_particles
from nnrep.reparam.build import built_map
from nnrep.reparam.gnn import GNNConfig
from nnrep.reparam.network import Activation

N = 16


@pytest.fixture
def system():
    return nnrep.load_system("loop", n=N, loop_length=5, repulsion="exact", loop_strength=0.1)


@pytest.fixture
def modes(system):
    return nnrep.slow_modes(system, 6, of="graph")


def convolution(reparam):
    """A as a matrix."""
    return np.asarray(reparam.decode.propagate(jnp.eye(N)))


def made(system, modes=None, count=6, **keys):
    """The map of a configuration."""
    reparam = build(GNNConfig, {"name": "gnn", **keys})
    return built_map(system, reparam, modes or ModesConfig(), count, {"threads": 1}).reparam


def test_unit_weights_are_those_of_figure_1(system, modes):
    """A = Psi Psi^T, a projection, whatever kappa is."""
    adjacency = convolution(graph(modes, 4, weights="unit"))
    np.testing.assert_allclose(adjacency, modes.vectors @ modes.vectors.T, atol=1e-12)
    np.testing.assert_allclose(convolution(made(system, weights="unit")) @ np.ones(N), np.ones(N), atol=1e-6)


def test_edge_weights_are_those_of_the_couplings(system):
    bonds, loops = np.eye(N, k=1), np.eye(N, k=5)
    wanted = bonds + bonds.T + 0.1 * (loops + loops.T) + 0.2 * np.eye(N)
    weighted = made(system, graph="bonds", edge_weights="coupling", self_weight=0.2)
    np.testing.assert_allclose(convolution(weighted), wanted, atol=1e-12)


def test_weighted_edges_without_a_self_weight_are_normalised(system):
    weights = np.linspace(0.1, 2, len(system.edges))
    adjacency = np.eye(N)
    for (i, j), weight in zip(system.edges, weights, strict=True):
        adjacency[i, j] = adjacency[j, i] = weight
    degree = adjacency.sum(axis=1)
    wanted = adjacency / np.sqrt(np.outer(degree, degree))
    edges = edge_graph(system.edges, N, weights=weights)
    np.testing.assert_allclose(convolution(graph(edges, 4)), wanted, atol=1e-12)
    ones = edge_graph(system.edges, N, weights=np.ones(len(weights)))
    np.testing.assert_allclose(
        convolution(graph(ones, 4)), convolution(graph(edge_graph(system.edges, N), 4)), atol=1e-12
    )
    with pytest.raises(ConfigError, match="weights: must be of shape"):
        edge_graph(system.edges, N, weights=weights[1:])


def test_added_layers_are_the_identity_and_what_they_add(system, modes):
    reparam = graph(modes, [4, 4, 4], residual="add", strength=None)
    params = reparam.init(jax.random.key(0), system.positions)
    adjacency, h = convolution(reparam), np.asarray(params["latent"])
    for layer in params["layers"]:
        h = h + np.tanh(adjacency @ h @ layer["conv"] + h @ layer["self"] + layer["bias"])
    expected = h @ params["readout"]["weight"] + params["readout"]["bias"]
    np.testing.assert_allclose(reparam.decode(params), expected, atol=1e-10)
    assert params["readout"]["weight"].shape == (4, 3)


def test_layers_of_other_widths_cannot_be_added(modes):
    for hidden, features in ((8, None), ([4, 4, 3], None), ([4, 4], jnp.ones((N, 2)))):
        with pytest.raises(ConfigError, match="hidden: must be a list of one width"):
            graph(modes, hidden, residual="add", features=features)
    graph(modes, [4, 6, 6], residual="add", features=jnp.ones((N, 2)))


FORMULAS = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "identity": lambda x: x,
}


@pytest.mark.parametrize("name", Activation.__members__)
def test_activations_are_their_formulas(system, modes, name):
    reparam = graph(modes, [4, 5], activation=name, strength=None)
    params = reparam.init(jax.random.key(0), system.positions)
    h, layer = params["latent"], params["layers"][0]
    seen = FORMULAS[name](np.asarray(convolution(reparam) @ h @ layer["conv"] + h @ layer["self"]))
    np.testing.assert_allclose(reparam.decode(params), seen @ params["readout"]["weight"], atol=1e-9)


def test_convolution_of_normal_modes_is_the_trace_of_their_blocks(system):
    """A_ij = sum_m kappa_m psi_mi . psi_mj; turned with the system it stays the same."""
    normal = nnrep.slow_modes(system, 9, of="hessian")
    whole = normal.vectors @ np.diag(normal.weights) @ normal.vectors.T
    wanted = np.einsum("icjc->ij", np.asarray(whole).reshape(N, 3, N, 3))
    reparam = graph(over_particles(normal, 3), 4, strength=None)
    np.testing.assert_allclose(convolution(reparam), wanted, atol=1e-9 * abs(wanted).max())
    turn = np.kron(np.eye(N), scipy.spatial.transform.Rotation.from_rotvec([0.3, -1, 2]).as_matrix())
    turned = graph(
        over_particles(normal._replace(vectors=jnp.asarray(turn @ normal.vectors)), 3), 4, strength=None
    )
    np.testing.assert_allclose(convolution(turned), wanted, atol=1e-9 * abs(wanted).max())
    built = made(system, ModesConfig(of=nnrep.modes.ModesOf.hessian), 9, strength=None)
    np.testing.assert_allclose(convolution(built), wanted, atol=1e-6 * abs(wanted).max())
    with pytest.raises(ConfigError, match="modes: must be of particles, see over_particles"):
        graph(normal, 4)


def test_new_choices_change_no_hash_unless_they_are_made():
    """Residual layers were no or yes, and modes had their expectation, edges no weights."""
    base = GNNConfig()
    others = [{"weights": "unit"}, {"residual": "concat"}, {"residual": "add", "hidden": [8, 8]}]
    others += [{"graph": "bonds"}, {"graph": "bonds", "edge_weights": "coupling"}, {"hidden": [8, 8]}]
    hashes = {hash_of(build(GNNConfig, {"name": "gnn", **more})) for more in ({}, *others)}
    assert len(hashes) == 1 + len(others)
    assert hash_of(base) in hashes
