"""`SweepConfigs` gives what Hydra's `load_sweep_config` gives."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf, open_dict

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import add_plugins, register_resolvers
from nnrep.config.sweep_configs import SweepConfigs

JOBS = [
    ["reparam=none", "seeds=2"],
    ["reparam=cg", "seeds=2"],
    ["reparam=none", "seeds=3"],
    ["system=protein", "system.pdb='a b=c.pdb'", "schedule=relaxed"],
    ["+experiment=fig2", "optimizer.learning_rate=0.5"],
]


def expected(loader, sweep: DictConfig, number: int, overrides: list[str]) -> DictConfig:
    config = loader.load_sweep_config(sweep, overrides)
    with open_dict(config):
        config.hydra.job.id = config.hydra.job.num = number
    return config


def test_jobs_are_those_of_hydra(monkeypatch):
    monkeypatch.setenv("NNREP_COPIED", "value")
    register_resolvers("run")
    add_plugins()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        own = ["hydra.job.env_copy=[NNREP_COPIED]", "hydra.mode=MULTIRUN"]
        sweep = compose("config", own, return_hydra_config=True)
        folder = sweep.hydra.sweep.dir  # named after the time, once
        configs = SweepConfigs(loader, sweep)
        for number, overrides in enumerate(JOBS):
            made, theirs = configs.of(number, overrides), expected(loader, sweep, number, overrides)
            plain = [OmegaConf.to_container(config, resolve=False) for config in (made, theirs)]
            assert plain[0] == plain[1], overrides
            assert made.hydra.job.env_set == {"NNREP_COPIED": "value"}
            assert made.hydra.sweep.dir == theirs.hydra.sweep.dir == folder


@pytest.mark.parametrize("overrides", [["system.m=3"], ["reparam=gnm"]])
def test_what_is_wrong_is_said_as_hydra_says_it(overrides):
    register_resolvers("run")
    add_plugins()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        sweep = compose("config", ["hydra.mode=MULTIRUN"], return_hydra_config=True)
        raised = []
        for load in (
            lambda: SweepConfigs(loader, sweep).of(0, overrides),
            lambda: loader.load_sweep_config(sweep, overrides),
        ):
            with pytest.raises(Exception, match=r".") as error:
                load()
            raised.append((type(error.value), str(error.value)))
        assert raised[0] == raised[1]
