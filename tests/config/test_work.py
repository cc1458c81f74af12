"""How much a step computes, told from the configuration alone."""

import jax
import pytest
from hydra import compose, initialize_config_dir

import nnrep
from nnrep.choices.defaults import config_folder
from nnrep.choices.settings import build
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan
from nnrep.config.work import pays_threads, step_work
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.reparam.build import built_map
from nnrep.reparam.registry import MAPS
from nnrep.systems.settings import Size

N, MODES = 200, 40


@pytest.fixture
def planned():
    register_resolvers()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield lambda *overrides: load_plan(compose("config", overrides=list(overrides)))


@pytest.mark.parametrize("name", MAPS)
def test_products_of_a_map_are_those_that_xla_counts(name):
    system = nnrep.load_system("loop", n=N)
    config = build(MAPS[name], {"name": name})
    made = built_map(system, config, ModesConfig(of=ModesOf.graph), MODES, {"threads": 1}).reparam
    params = made.init(jax.random.key(0), system.positions)
    cost = jax.jit(made.decode).lower(params).compile().cost_analysis()
    told = config.products(Size(N, 3), MODES)
    assert told == 0 or told == pytest.approx(cost["flops"] / 2, rel=0.4)


def test_small_runs_do_not_pay_threads_and_large_or_wide_ones_do(planned):
    loop = planned("schedule=paper", "reparam=gnn")
    assert not pays_threads(loop)
    assert step_work(loop.with_seeds((0, 1))) == 2 * step_work(loop)
    assert pays_threads(planned("system=loop", "system.n=3000", "reparam=none"))
    assert pays_threads(planned("schedule=paper", "reparam=gnn", "reparam.hidden=400"))
    assert not pays_threads(planned("system=loop", "reparam=none", "seeds=4"))
    assert pays_threads(planned("system=loop", "reparam=none", "seeds=40"))


def test_a_baseline_takes_none(planned):
    assert step_work(planned("system=protein", "baseline=openmm_minimizer")) == 0
