"""The equivariant network: its layers, what they are made of, and what it needs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnrep
from nnrep.errors import ConfigError
from nnrep.reparam import equivariant, spectral_map
from nnrep.reparam.egnn import SOFTENING
from nnrep.systems.measures import distances_of
from nnrep.systems.system import Contacts

N, LOOP, LAYERS, SPREAD = 30, 5, 2, 0.05
KEY = jax.random.key(1)


@pytest.fixture(scope="module")
def system():
    jax.config.update("jax_enable_x64", True)
    return nnrep.load_system("loop", n=N, loop_length=LOOP)


def params_of(system, strength=1.0, **options):
    network = equivariant(system, LAYERS, spread=SPREAD, **options)
    params = network.init(KEY, system.positions)
    return network, params | {"strengths": jnp.full(LAYERS, strength)}


def incidence(pairs):
    rows = np.zeros((len(pairs), N))
    rows[np.arange(len(pairs)), pairs[:, 1]] += 1
    rows[np.arange(len(pairs)), pairs[:, 0]] -= 1
    return rows


def test_layers_are_those_of_the_formula(system):
    network, params = params_of(system, 0.7)
    params["lengths"] = jnp.asarray([[0.9, 1.1], [1.2, 0.8]])
    both = [system.bonds, system.contacts]
    rows = [incidence(kind.pairs) for kind in both]
    laplacian = sum(b.T @ b for b in rows)
    values, vectors = np.linalg.eigh(laplacian)
    largest = values[-1]
    spread = vectors @ np.diag(1 / (values / largest + SPREAD) / largest) @ vectors.T
    expected = vectors @ np.diag((values / largest + 0.03) ** -2.0) @ vectors.T @ params["latent"]
    for lengths in np.asarray(params["lengths"]):
        sent = np.zeros_like(expected)
        for kind, b, length in zip(both, rows, lengths, strict=True):
            d = b @ expected
            r = np.sqrt((d**2).sum(axis=1, keepdims=True) + (SOFTENING * kind.length) ** 2)
            sent += b.T @ ((length * kind.length / r - 1) * d)
        expected = expected + 0.7 * spread @ sent
    np.testing.assert_allclose(network.decode(params), expected, rtol=1e-6, atol=1e-6)


def test_it_begins_as_the_smooth_map_and_each_layer_brings_pairs_nearer_to_their_distances(system):
    network, params = params_of(system, 0.0)
    smooth = network.decode(params)
    graph = nnrep.slow_modes(system, k=N, of="graph")
    same = spectral_map(graph, 0.03, 2, start_length=0.8)
    np.testing.assert_allclose(smooth, same.decode(same.init(KEY, system.positions)), atol=1e-6)
    pairs = np.concatenate([system.bonds.pairs, system.contacts.pairs])
    errors = [
        float(np.mean((distances_of(pairs, np.asarray(network.decode(begun))) - system.bonds.length) ** 2))
        for network, begun in (params_of(system, strength) for strength in (0.0, 0.5, 1.0))
    ]
    assert errors[0] > errors[1] > errors[2]


def test_what_rotates_the_latent_rotates_the_positions(system):
    network, params = params_of(system)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = network.decode(params | {"latent": params["latent"] @ rotation})
    np.testing.assert_allclose(turned, network.decode(params) @ rotation, atol=1e-9)


def test_pairs_in_any_order_are_the_same_network(system):
    """Those along a chain are taken by slices, others by indices."""
    mixed = np.random.default_rng(0).permutation(system.contacts.pairs)
    contacts = Contacts(mixed[:, ::-1], system.contacts.length)
    other, params = params_of(dataclasses.replace(system, contacts=contacts))
    expected = params_of(system)[0].decode(params)
    np.testing.assert_allclose(other.decode(params), expected, rtol=1e-9, atol=1e-9)


def test_particles_in_one_place_have_finite_positions_and_gradients(system):
    network, params = params_of(system)
    params["latent"] = jnp.zeros_like(params["latent"])
    positions, pull = jax.vjp(network.decode, params)
    assert np.isfinite(positions).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(pull(jnp.ones_like(positions))))


def test_one_kind_of_pairs_is_enough_and_none_is_refused(system):
    alone = dataclasses.replace(system, contacts=None)
    assert params_of(alone)[1]["lengths"].shape == (LAYERS, 1)
    with pytest.raises(ConfigError, match="system: must be a system with bonds or contacts"):
        equivariant(dataclasses.replace(alone, bonds=None))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"layers": 0}, "layers: must be from 1 to 100, got 0"),
        ({"layers": 1.5}, "layers: must be from 1 to 100, got 1.5"),
        ({"spread": 0}, "spread: must be positive, got 0"),
        ({"spread": "far"}, "spread: must be positive, got far"),
        ({"power": 9}, "power: must be above 0 and at most 8, got 9"),
        ({"start_length": 0}, "start_length: must be positive, or null, got 0"),
    ],
)
def test_numbers_out_of_range_are_named(system, options, line):
    with pytest.raises(ConfigError) as caught:
        equivariant(system, **options)
    assert str(caught.value) == line
