"""The path from configuration to map: every key arrives."""

import jax.numpy as jnp
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan
from nnrep.job import built_maps

SMALL = ("system.n=24", "system.loop_length=5")


@pytest.fixture
def built():
    """System, modes and map of a configuration."""
    register_resolvers()

    def build(*overrides):
        plan = load_plan(compose("config", overrides=[*SMALL, "schedule=paper", *overrides]))
        system = plan.config.system.build()
        made = built_maps(system, plan)[0]
        return system, made.modes, made.reparam

    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield build


def test_network_options_reach_the_network(built):
    for override, expected in {
        "reparam.hidden=[9,7,5]": (9, 7, 5),
        "reparam.hidden=12": (12, 6),
        "reparam.layers=3": (32, 16, 16, 16),
    }.items():
        assert built(override)[2].decode.shape.widths == expected
    assert built("reparam.residual=concat")[2].decode.shape.residual.name == "concat"
    assert built("reparam.activation=relu")[2].decode.shape.activation.name == "relu"


@pytest.mark.parametrize("strength", [2.0, 7.0])
def test_strength_reaches_the_convolution(built, strength):
    reparam = built(f"reparam.strength={strength}")[2]
    largest = np.linalg.eigvalsh(np.asarray(reparam.decode.propagate(jnp.eye(24))))[-1]
    assert largest == pytest.approx(strength)


def test_graph_of_bonds_needs_no_modes(built):
    system, modes, reparam = built("reparam.graph=bonds")
    assert modes is None
    reached = np.asarray(reparam.decode.propagate(jnp.eye(24))) != 0
    np.fill_diagonal(reached, False)
    pairs = {tuple(sorted(map(int, pair))) for pair in np.argwhere(reached)}
    assert pairs == {tuple(map(int, edge)) for edge in system.edges}


@pytest.mark.parametrize(
    ("overrides", "count"), [(["reparam.modes=7"], 7), (["reparam.modes=0.5"], 12), ([], 6)]
)
def test_number_of_modes_reaches_the_map(built, overrides, count):
    system, modes, reparam = built("reparam=cg", *overrides)
    assert modes.values.size == count
    assert reparam.init(None, system.positions).shape == (count, 3)


def test_choice_of_samples_reaches_the_modes(built):
    first = built("reparam=cg")[1].values
    for choice in ("seed=1", "samples=3", "background=true", "backbone=sum_square", "noise=0.3"):
        values = built("reparam=cg", f"modes.{choice}")[1].values
        assert abs(np.asarray(values) - np.asarray(first)).max() > 0
    assert built("reparam=cg", "modes.solver=lanczos")[1].solver == "lanczos"
    assert built("reparam=cg", "modes.of=hessian", "reparam.modes=9")[1].vectors.shape == (72, 9)


def test_modes_are_stored_for_what_decides_them(built, tmp_path, monkeypatch):
    monkeypatch.setenv("NNREP_CACHE", str(tmp_path))

    def stored(*overrides):
        plan = load_plan(compose("config", overrides=[*SMALL, "reparam=cg", *overrides]))
        return built_maps(plan.config.system.build(), plan)[0].cost.stored

    assert [stored(), stored()] == [False, True]
    assert stored("optimizer.learning_rate=0.5", "max_steps=7", "seeds=3")
    deciding = "modes.seed=1 modes.samples=3 modes.backbone=sum_square modes.noise=0.5 modes.background=true"
    for override in (
        *deciding.split(),
        "modes.solver=lanczos",
        "reparam.modes=9",
        "system.loop_strength=0.2",
    ):
        assert [stored(override), stored(override)] == [False, True]


def test_system_options_reach_the_energy(built):
    x = built()[0].positions
    energies = {float(built()[0].energy(x))}
    options = ("potential=bond_lj", "loop_length=6", "loop_strength=0.2", "lj_cap=0.02")
    for option in (*options, "repulsion_strength=0.1", "repulsion_cap=0.5"):
        energies.add(float(built(f"system.{option}")[0].energy(x)))
    assert len(energies) == 7
    assert built("system.repulsion=exact")[0].energy_sample is None
    assert built("system.dim=2")[0].positions.shape == (24, 2)
    wide = built("system.start_scale=0.5")[0].positions
    np.testing.assert_allclose(wide, 2 * x)
