"""No product of matrices rounds its factors, as GPUs do by default."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from structure_texts import tripeptide

import nnrep
from nnrep.choices.settings import build
from nnrep.host.stored import stored
from nnrep.minimization.batches import decoded
from nnrep.systems.protein import ProteinConfig, protein_system


def products(lowered: jax.stages.Lowered) -> list[str]:
    return [line for line in lowered.as_text().splitlines() if "dot_general" in line]


@pytest.mark.parametrize(
    "settings", [{"force_field": "amber14", "solvent": "gbn2"}, {"force_field": "classical"}], ids=str
)
def test_those_of_an_energy_are_exact(settings):
    jax.config.update("jax_enable_x64", False)
    system = protein_system(build(ProteinConfig, {"name": "protein", **settings}), tripeptide())
    lowered = jax.jit(jax.value_and_grad(system.energy)).lower(system.positions)
    assert products(lowered)
    assert all(re.search(r"precision = \[HIGHEST, HIGHEST\]", line) for line in products(lowered))


def test_those_of_stored_functions_are_exact():
    @stored
    def squared(x):
        return x @ x

    lowered = squared.jitted.lower(jnp.eye(3))
    assert [line.count("HIGHEST") for line in products(lowered)] == [2]


def test_those_of_a_network_are_exact():
    system = nnrep.load_system("loop", n=12)
    network = nnrep.reparam.graph(nnrep.slow_modes(system, k=4), [4, 4, 4])
    params = network.init(jax.random.key(0), system.positions)
    batch = jax.tree.map(lambda leaf: np.asarray(leaf)[None], params)
    found = products(decoded.jitted.lower(network.decode, batch, 0))
    assert len(found) >= 4
    assert all(line.count("HIGHEST") == 2 for line in found)
