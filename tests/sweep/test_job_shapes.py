"""Jobs that share programs have one shape; nothing is built to know it."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.sweep.job_shapes import shape_of


@pytest.fixture(scope="module", autouse=True)
def _hydra():
    register_resolvers("run")
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield


def shape(*overrides: str) -> str:
    return shape_of(compose("config", list(overrides)))


@pytest.mark.parametrize(
    "override",
    [
        "seeds=5",
        "optimizer.learning_rate=0.5",
        "schedule.fine.patience=7",
        "max_steps=3",
        "system.lj_cap=0.5",
    ],
)
def test_what_programs_are_passed_is_no_part_of_it(override):
    assert shape("reparam=cg", override) == shape("reparam=cg")


@pytest.mark.parametrize(
    "override",
    [
        *("system.n=20", "system.dim=2", "system.potential=bond_lj", "reparam=cg", "reparam.hidden=8"),
        *("optimizer=lbfgs", "schedule=paper", "precision=float64", "modes.epsilon=0.1", "threads=1"),
    ],
)
def test_what_decides_programs_is(override):
    assert shape(override) != shape()


def test_structures_of_nearly_one_size_share_programs(tmp_path):
    for name, size in (("a", 80_000), ("b", 81_000), ("c", 800_000)):
        (tmp_path / f"{name}.pdb").write_bytes(bytes(size))
    a, b, c, missing = (shape("system=protein", f"system.pdb={tmp_path / name}.pdb") for name in "abcd")
    assert a == b
    assert len({a, c, missing}) == 3
    assert shape("system=protein", "system.pdb=1UBQ") == shape("system=protein", "system.pdb=2JOF")


@pytest.mark.parametrize("broken", [{}, {"system": None}, {"system": {"n": "${nothing}"}}, {"system": [1]}])
def test_a_configuration_that_is_no_run_has_a_shape_too(broken):
    assert shape_of(OmegaConf.create(broken))
