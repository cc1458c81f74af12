"""The schema of configs/: defaults, and the line that names each fault."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.choices.settings import build
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan, resolve
from nnrep.config.schema import load_config
from nnrep.errors import ConfigError
from nnrep.reparam.cg import CGConfig
from nnrep.reparam.gnn import Graph
from nnrep.reparam.network import Residual
from nnrep.systems.loop import LoopConfig
from nnrep.systems.protein import ProteinConfig
from nnrep.systems.settings import Size


@pytest.fixture
def configure():
    register_resolvers()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield lambda *overrides: compose("config", overrides=list(overrides))


def test_defaults_are_those_of_the_files(configure):
    """Settings made in Python, by keys that are given, and by the command line are the same."""
    config = load_config(configure("reparam=cg"))
    assert config.system == LoopConfig()
    assert config.reparam == CGConfig() == build(CGConfig, {"name": "cg"})
    assert (config.seeds, config.max_steps) == (1, 60_000)
    assert load_config(configure("system=protein")).system == ProteinConfig()


def test_coarse_stage_follows_the_fine_one(configure):
    config = load_config(
        configure("reparam=cg", "optimizer.learning_rate=0.02", "schedule.fine.min_delta=1e-7")
    )
    assert config.schedule.fine.learning_rate == 0.02
    assert config.schedule.coarse.learning_rate == pytest.approx(1.0)
    assert config.schedule.coarse.min_delta == pytest.approx(1e-6)
    own = load_config(
        configure("schedule=paper", "schedule.coarse.learning_rate=0.5", "schedule.coarse.patience=3")
    )
    assert (own.schedule.coarse.learning_rate, own.schedule.coarse.patience) == (0.5, 3)
    assert (own.schedule.fine.learning_rate, own.schedule.fine.patience) == (0.01, 20)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], 100),
        (["system.n=12"], 4),
        (["system.n=3", "system.loop_length=2"], 3),
        (["reparam.modes=30"], 30),
        (["reparam.modes=0.5"], 200),
        (["modes.epsilon=0.2"], None),
    ],
)
def test_modes_by_count_share_and_epsilon(configure, overrides, expected):
    plan = load_plan(configure("reparam=cg", *overrides))
    assert plan.mode_counts == (
        expected,
        None if expected is None else min(plan.size.n, max(4, plan.size.n // 4)),
    )


@pytest.mark.parametrize(
    ("asked", "expected"), [("null", 60), ("3*residues", 60), ("'2 * residues'", 40), ("0.5", 142), ("7", 7)]
)
def test_modes_of_a_protein(configure, asked, expected):
    plan = load_plan(configure("system=protein", "reparam=cg", f"reparam.modes={asked}"))
    assert plan.mode_counts == ()  # the size is that of a molecule
    assert plan.sized(Size(284, 3, 20)).mode_counts[0] == expected


def test_a_protein_has_defaults_of_its_own_below_the_command_line(configure):
    config = load_config(configure("system=protein", "reparam=gnn"))
    assert config.optimizer.learning_rate == 1e-3
    assert config.optimizer.clamp is None
    assert (config.reparam.hidden, config.reparam.fit.max_steps) == ([300, 300, 300], 1000)
    assert (config.reparam.graph, config.reparam.self_weight, config.reparam.residual) == (
        Graph.bonds,
        0.2,
        Residual.concat,
    )
    assert config.schedule.coarse.learning_rate == pytest.approx(1e-4)
    assert (config.schedule.coarse.min_delta, config.schedule.fine.min_delta) == (0.1, 0.1)
    assert (config.schedule.fine.patience, config.schedule.fine.check_every) == (20, 20)
    own = load_config(configure("system=protein", "reparam=gnn", "optimizer.clamp=5", "reparam.hidden=32"))
    assert (own.optimizer.clamp, own.reparam.hidden) == (5, 32)
    loop = load_config(configure("reparam=gnn"))
    assert (loop.optimizer.clamp, loop.reparam.hidden, loop.reparam.fit.max_steps) == (0.1, 32, 0)


def test_a_network_along_slow_modes_of_a_protein_has_defaults_of_its_own(configure):
    plan = load_plan(configure("system=protein", "reparam=gnn", "reparam.graph=slow_modes"))
    network = plan.config.reparam
    assert (network.hidden, network.self_weight, network.residual) == (300, None, Residual.none)
    assert (network.strength, network.fit.max_steps) == (5.0, 1000)
    assert plan.needs_modes
    slow = ("system=protein", "reparam=gnn", "reparam.graph=slow_modes")
    with pytest.raises(ConfigError, match=r"^reparam\.self_weight: must be null, as graph=slow_modes has no"):
        load_plan(configure(*slow, "reparam.self_weight=0.2"))


def test_values_that_follow_others_can_be_shown(configure):
    """As --cfg job --resolve does, which takes no lists of Python's."""
    raw = configure("system=protein", "reparam=gnn")
    OmegaConf.resolve(raw)
    assert raw.reparam.hidden == [300, 300, 300]
    assert raw.schedule.coarse.min_delta == 0.1


def test_stopping_of_a_protein_without_the_network(configure):
    of_cg, of_list = (
        load_plan(configure("system=protein", *more)).stages
        for more in (["reparam=cg"], ["schedule=relaxed"])
    )
    assert [stage.stopping.min_delta for stage in of_cg] == pytest.approx([1, 0.1])
    assert {stage.stopping.min_delta for stage in of_list} == {0}  # lists have rules of their own


def test_hash_is_of_what_decides_the_numbers(configure):
    same = {
        load_plan(configure("schedule=paper", *o)).hash
        for o in ([], ["seeds=7"], ["resume=true"], ["optimizer.learning_rate=1e-2"])
    }
    assert len(same) == 1
    other = {
        load_plan(configure("schedule=paper", o)).hash
        for o in ("system.n=401", "precision=float64", "modes.seed=1")
    }
    assert len(other | same) == 4


FAULTS = {
    "+foo=1": r"^foo: unknown key; choose from system, reparam, modes, optimizer, schedule, baseline",
    "+optimizer.lrr=1": r"^optimizer\.lrr: unknown key.*; choose from name, learning_rate, clamp",
    "+schedule.coarse.lr=1": r"^schedule\.coarse\.lr: unknown key.*; choose from .*min_delta, patience",
    "system.n=1": r"^system\.n: must be at least 2, got 1$",
    "system.n=abc": r"^system\.n: value 'abc' of type 'str' could not be converted to Integer$",
    "system.n=10.5": r"^system\.n: value '10\.5'",
    "system.dim=4": r"^system\.dim: must be 2 or 3",
    "system.loop_length=400": r"^system\.loop_length: must be from 1 to n - 1 = 399, got 400$",
    "system.loop_length=0": r"^system\.loop_length: must be from 1",
    "system.potential=lj": r"^system\.potential: invalid value 'lj', expected one of \[bond_lj, pure_lj\]$",
    "system.repulsion=none": r"^system\.repulsion: invalid value",
    "system.lj_cap=0": r"^system\.lj_cap: must be above 0",
    "system.start_scale=inf": r"^system\.start_scale: must be positive, got inf$",
    "system.name=dna": r"^system\.name: must be one of cluster, loop, molecule, protein, got dna$",
    "reparam.modes=401": r"^reparam\.modes: must be a count from 1 to n = 400",
    "reparam.modes=1.5": r"^reparam\.modes: must be a count",
    "reparam.modes=0": r"^reparam\.modes: must be a count",
    "reparam.modes=all": r"^reparam\.modes: must be a count",
    "reparam.hidden=0": r"^reparam\.hidden: must be at least 1",
    "reparam.layers=0": r"^reparam\.layers: must be at least 1",
    "reparam.activation=sine": r"^reparam\.activation: invalid value 'sine'",
    "reparam.graph=all": r"^reparam\.graph: invalid value 'all', expected one of \[slow_modes, bonds\]$",
    "reparam.learning_rate_factor=0": r"^reparam\.learning_rate_factor: must be positive",
    "modes.epsilon=2": r"^modes\.epsilon: must be above 0 and at most 1",
    "modes.solver=qr": r"^modes\.solver: invalid value 'qr', expected one of \[auto, dense, lanczos, ",
    "modes.backbone=sum": r"^modes\.backbone: invalid value 'sum', expected one of",
    "modes.noise=-0.1": r"^modes\.noise: must be zero or positive, or null, got -0\.1$",
    "modes.max_products=0": r"^modes\.max_products: must be from 1",
    "modes.samples=0": r"^modes\.samples: must be from 1",
    "modes.seed=-1": r"^modes\.seed: must be from 0",
    "optimizer.name=bfgs": r"^optimizer\.name: must be one of adam, fire, lbfgs, sgd",
    "optimizer.learning_rate=-1": r"^optimizer\.learning_rate: must be positive, got -1\.0$",
    "optimizer.learning_rate=nan": r"^optimizer\.learning_rate: must be positive, got nan$",
    "optimizer.clamp=0": r"^optimizer\.clamp: must be positive, or null",
    "optimizer.decay_rate=2": r"^optimizer\.decay_rate: must be above 0",
    "schedule.fine.patience=0": r"^schedule\.fine\.patience: must be from 1",
    "schedule.coarse.check_every=0": r"^schedule\.coarse\.check_every: must be from 1",
    "schedule.coarse.learning_rate=0": r"^schedule\.coarse\.learning_rate: must be positive",
    "schedule.coarse.max_steps=-1": r"^schedule\.coarse\.max_steps: must be from 0",
    "seeds=0": r"^seeds: must be an integer from 1 to 100000, or a list of distinct integers",
    "seeds=2147483648": r"^seeds: must be",
    "seeds=[1,1]": r"^seeds: must be",
    "seeds=[0.5]": r"^seeds: must be",
    "max_steps=-1": r"^max_steps: must be from 0 to 2\^31 - 1, got -1$",
    "max_steps=3000000000": r"^max_steps: must be from 0",
    "precision=float16": r"^precision: invalid value 'float16', expected one of \[float32, float64\] \(did",
    "resume=maybe": r"^resume: value 'maybe' is not a valid bool",
}


@pytest.mark.parametrize("override", FAULTS)
def test_every_fault_is_named_in_one_line(configure, override):
    with pytest.raises(ConfigError, match=FAULTS[override]) as caught:
        load_plan(configure("schedule=paper", override))
    assert "\n" not in str(caught.value)


def test_modes_that_would_not_act_are_refused(configure):
    with pytest.raises(ConfigError, match=r"^reparam\.modes: must be null, as graph=bonds needs no modes"):
        load_plan(configure("schedule=paper", "reparam.graph=bonds", "reparam.modes=5"))
    with pytest.raises(ConfigError, match=r"^reparam\.modes: must be at least 2 for a linear map"):
        load_plan(configure("reparam=cg", "reparam.modes=1"))


def test_modes_asked_for_twice_are_refused(configure):
    with pytest.raises(ConfigError, match=r"^reparam\.modes: must be left out, as modes\.epsilon is given"):
        load_plan(configure("reparam=cg", "modes.epsilon=0.1", "reparam.modes=5"))


def test_the_classical_group_decides_of_its_own_force_field_only(configure):
    def hashes(*overrides):
        strong = (*overrides, "system.classical.bond_strength=1")
        configs = (load_config(configure("system=protein", *each)) for each in (overrides, strong))
        return {resolve(config).hash for config in configs}

    assert len(hashes()) == 1
    assert len(hashes("system.force_field=amber14_uncorrected")) == 1
    assert len(hashes("system.force_field=classical")) == 2


def test_a_solvent_and_its_options_decide_where_there_is_one(configure):
    def hashed(*options):
        return load_plan(configure("system=protein", *options)).hash

    assert hashed("system.solvent=vacuum") == hashed()
    solvated = {hashed(), hashed("system.solvent=gbn2"), hashed("system.solvent=obc2")}
    solvated |= {
        hashed("system.solvent=gbn2", f"system.solvent_options.{option}")
        for option in ("kappa=0.5", "surface=none", "solute_dielectric=2", "solvent_dielectric=40")
    }
    assert len(solvated) == 7


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("system.solvent=water", "system.solvent: must be one of gbn2, obc2, vacuum, got water"),
        (
            "system.solvent_options.kappa=1",
            "system.solvent_options.kappa: must be 0.0, as system.solv",
        ),
        (
            "system.solvent=gbn2 system.force_field=classical",
            "system.solvent: must be vacuum, as force_fie",
        ),
        (
            "system.solvent=gbn2 baseline=openmm_minimizer baseline.solvent=implicit",
            "baseline.solvent: must be vacuum, as the system has a solvent of its own, got implicit",
        ),
        ("system.solvent=obc2 system.cutoff_nm=1", "system.cutoff_nm: must be null, as solvent=obc2 has all"),
        ("system.solvent=obc2 system.solvent_options.kappa=-1", "system.solvent_options.kappa: must be zero"),
        (
            "system.solvent=obc2 system.solvent_options.solute_dielectric=0",
            "system.solvent_options.solute_dielectric: must be at least 1, got 0",
        ),
    ],
)
def test_solvents_that_cannot_be_are_refused(configure, overrides, message):
    with pytest.raises(ConfigError) as caught:
        load_plan(configure("system=protein", *overrides.split()))
    assert str(caught.value).startswith(message)
