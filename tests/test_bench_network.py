"""The ablation of the network: what it takes away is what it says."""

import importlib.util

import jax
import pytest
from checkout import ROOT
from hydra import compose, initialize_config_dir

from nnrep import load_system
from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan

spec = importlib.util.spec_from_file_location("bench_network", ROOT / "scripts" / "bench_network.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)
N = 60


@pytest.fixture
def stages_of():
    register_resolvers()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield lambda method: load_plan(compose("config", [f"system.n={N}", *bench.METHODS[method]])).stages


def test_methods_differ_in_their_first_stage_alone(stages_of):
    network = stages_of("network")
    for method in set(bench.METHODS) - {"network", "smooth"}:
        first, others = stages_of(method)[0], stages_of(method)[1:]
        assert others == network[1:], method
        assert first != network[0]
    for method in ("linear", "linear slow", "3 layers", "1 layer"):
        assert stages_of(method)[0].max_steps == network[0].max_steps
    assert stages_of("untrained")[0].reparam == network[0].reparam
    assert {stages_of(method)[0].max_steps for method in ("untrained", "without")} == {0}


def test_the_linear_map_is_the_filter_of_the_network_with_nearly_its_parameters(stages_of):
    network, linear = (stages_of(method)[0] for method in ("network", "linear"))
    for key in ("shift", "power", "start_length"):
        assert getattr(network.reparam, key) == getattr(linear.reparam, key)
    system = load_system("loop", n=N)
    counts = []
    for stage in (network, linear):
        made = stage.reparam.build(system, stage.modes, None)
        params = made.init(jax.random.key(0), system.positions)
        counts.append(sum(leaf.size for leaf in jax.tree.leaves(params)))
    assert counts[0] - counts[1] == 3 * network.reparam.layers
