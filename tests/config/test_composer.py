"""`Composer` gives what `hydra.compose` gives."""

from collections.abc import Iterator

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf

import nnrep.config.composer as module
from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.composer import Composer


@pytest.fixture
def composer() -> Iterator[Composer]:
    register_resolvers("run")
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield Composer(GlobalHydra.instance().config_loader())


POINTS = [
    [],
    ["seeds=3", "max_steps=5"],
    ["system=protein", "system.pdb=2JOF", "reparam=cg", "reparam.modes=3*residues"],
    ["system=protein", "system.pdb='a b=c.pdb'", "reparam=gnn"],
    ["schedule=paper", "schedule.fine.learning_rate=0.5", "optimizer.learning_rate=0.1"],
    ["reparam=gnn", "reparam.hidden=[8,4]", "reparam.fit.max_steps=3"],
    ["reparam.hidden=[16,4]", "reparam=gnn"],
    ["+experiment=fig3", "system.n=30", "reparam=none", "schedule.fine.min_delta=1e-7"],
    ["optimizer=lbfgs", "schedule=relaxed"],
    ["reparam.modes=null", "system.loop_length=5", "paths.structures=[a,b]"],
]


@pytest.mark.parametrize("overrides", POINTS, ids=" ".join)
def test_it_gives_what_hydra_gives(composer, overrides):
    composer.compose([each for each in overrides if "." not in each])  # what it keeps is not changed
    made, expected = composer.compose(overrides), compose("config", overrides)
    for resolve in (False, True):
        assert OmegaConf.to_container(made, resolve=resolve) == OmegaConf.to_container(
            expected, resolve=resolve
        )
    assert OmegaConf.is_struct(made) == OmegaConf.is_struct(expected)


@pytest.mark.parametrize("overrides", [["system.m=3"], ["systm=loop"], ["reparam=gnm"], ["seeds.a=3"]])
def test_what_is_wrong_is_said_as_hydra_says_it(composer, overrides):
    with pytest.raises(HydraException) as expected:
        compose("config", overrides)
    with pytest.raises(HydraException) as raised:
        composer.compose(overrides)
    assert str(raised.value) == str(expected.value)


def test_files_are_read_once_for_each_set_of_choices(composer, monkeypatch):
    calls = []

    def counted(name: str, overrides: list[str]):
        calls.append(overrides)
        return compose(name, overrides)

    monkeypatch.setattr(module, "compose", counted)
    for reparam in ("none", "cg"):
        for rate in range(1, 10):
            config = composer.compose([f"reparam={reparam}", f"optimizer.learning_rate={rate}"])
            assert config.schedule.fine.learning_rate == rate
    assert calls == [["reparam=none"], ["reparam=cg"]]
