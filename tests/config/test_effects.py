"""Keys without effect are refused, their defaults are not; for every registered choice."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.choices.identity import flat
from nnrep.choices.registry import GROUPS, choice_names
from nnrep.commands.modes_job import load_modes_plan
from nnrep.commands.registry import COMMANDS as VERBS
from nnrep.config.compose import register_resolvers
from nnrep.config.composer import Composer
from nnrep.config.effects import given_without_effect, unused_keys
from nnrep.config.exploring import load_exploring_plan
from nnrep.config.plan import load_plan
from nnrep.config.reference import reference_values
from nnrep.errors import ConfigError
from nnrep.sweep.grids import grid_points
from nnrep.sweep.settings import experiment_settings

EXPERIMENTS = sorted(path.stem for path in (config_folder() / "experiment").glob("*.yaml"))


MOLECULE = ["system=molecule", "system.topology=x.prmtop", "system.coordinates=x.pdb"]


@pytest.fixture
def configure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("x.prmtop", "x.pdb"):  # of a molecule, which are read where it runs
        (tmp_path / name).touch()
    register_resolvers()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield lambda *overrides: compose("config", overrides=list(overrides))


def choices():
    """Every choice of every group, in a configuration that can have it."""
    for group, package in GROUPS.items():
        for name in choice_names(package):
            beside = {"baseline": ["system=protein"], "optimizer": ["schedule=paper"]}.get(group, [])
            if name == "torsion":  # a loop's bonds have no lengths that could be held
                continue
            yield MOLECULE if name == "molecule" else [*beside, f"{group}={name}"]
    yield from (["schedule=smooth"], ["system=protein", "schedule=relaxed"])
    for system in (["system=protein"], MOLECULE):
        others = [name for name in choice_names(GROUPS["reparam"]) if name != "egnn"]  # which is for loops
        yield from ([*system, f"reparam={name}"] for name in others)
    yield from (
        ["schedule=paper", "reparam.graph=bonds"],
        ["schedule=paper", "modes.of=graph"],
        ["system=protein", "reparam=cg", "modes.of=hessian"],
    )


def another(key, value):
    """A value of the same kind, or of any where null says of none, which no other key has."""
    if isinstance(value, bool):
        return not value
    return value + len(key) if isinstance(value, int | float) else f"other {key}"


@pytest.mark.parametrize("choice", list(choices()), ids="-".join)
def test_of_every_choice_keys_without_effect_are_refused_and_defaults_are_not(configure, choice):
    raw = configure(*choice)
    plan = load_plan(raw)  # whatever is without effect has its default
    unused = unused_keys(plan.config, plan.stages)
    assert "analysis" in unused
    values = flat(OmegaConf.to_container(raw, resolve=True))
    dead = {key for key in values for above in unused if f"{key}.".startswith(f"{above}.")}
    other = OmegaConf.create(OmegaConf.to_container(raw, resolve=False))
    dead -= {f"{group}.name" for group in GROUPS}
    for key in dead:
        OmegaConf.update(other, key, another(key, values[key]))
    refused = given_without_effect(other, plan.config, unused)
    # Learning rates have an effect where those of the stages follow them.
    assert dead - set(refused) <= {"optimizer.learning_rate", "reparam.learning_rate_factor"}
    for key, error in refused.items():
        assert str(error).startswith(f"{key}: must be ")
        assert str(error).lower().endswith(f"got {another(key, values[key])}".lower())


REFUSED = {
    "system=protein reparam=cg modes.background=true": "modes.background: must be false, as system=protein c",
    "system=protein schedule=hopping schedule.surface=0.4": "schedule.surface: must be null, as particles of",
    "reparam.self_weight=0.2": "reparam.self_weight: must be null, as graph=slow_modes has no edges, got 0",
    "reparam.graph=bonds reparam.strength=2": "reparam.strength: must be 5.0, as graph=bonds needs no modes",
    "reparam.graph=bonds reparam.modes=3": "reparam.modes: must be null, as graph=bonds needs no modes, go",
    "reparam.graph=bonds modes.seed=3": "modes.seed: must be 0, as reparam=gnn needs no modes, got 3",
    "reparam.fit.patience=3": "reparam.fit.patience: must be 20, as fit.max_steps=0 fits nothing, got 3",
    "reparam=none modes.epsilon=0.5": "modes.epsilon: must be null, as reparam=none needs no modes",
    "reparam=none reparam.learning_rate_factor=3": "reparam.learning_rate_factor: must be 1, as reparam=no",
    "reparam=none schedule.coarse.patience=3": "schedule.coarse.patience: must be 20, as reparam=none has",
    "schedule.coarse.learning_rate=1 reparam.learning_rate_factor=3": "reparam.learning_rate_factor: must",
    "optimizer.decay_steps=3": "optimizer.decay_steps: must be 1000, as a decay_rate of 1 is no decay, got",
    "schedule.min_contact_fraction=0": "schedule.min_contact_fraction: must be 0.5, as schedule.restarts=0",
    "system.repulsion=exact system.pairs=independent": "system.pairs: must be shifts, as no repulsion is",
    "system.repulsion_strength=0 system.repulsion_cap=1": "system.repulsion_cap: must be 0.01, as system.r",
    "system=protein system.unfold.steps=3": "system.unfold.steps: must be 20000, as system.start=native is",
    "system=protein system.classical.softening=3": "system.classical.softening: must be 0.65, as system.fo",
    "system=protein baseline=openmm_minimizer optimizer.clamp=3": "optimizer.clamp: must be null, as basel",
    "system=protein baseline=openmm_minimizer schedule.fine.patience=3": "schedule.fine.patience: must be",
    "analysis.drawn=3": "analysis.drawn: must be 6, as nnrep modes alone takes it, got 3",
    "modes.of=graph modes.backbone=sum_square": "modes.backbone: must be mean_norm, as modes.of=graph samp",
    "modes.solver=dense modes.max_products=3": "modes.max_products: must be 20000, as modes.solver=dense",
    "reparam=spectral modes.solver=dense": "modes.solver: must be auto, as reparam=spectral takes none of",
    "schedule=network reparam.hidden=8": "reparam.hidden: must be 32, as the stages of the schedule have th",
    "schedule=staged reparam=cg reparam.modes=3": "reparam: must be left out, as the stages of the sched",
    "schedule=relaxed reparam=cg": "reparam: must be left out, as the stages of the schedule have their own",
    "schedule=relaxed optimizer=fire": "optimizer: must be left out, as the stages of the schedule have th",
    "system=protein baseline=openmm_minimizer reparam=cg": "reparam: must be left out, as baseline=openmm_mi",
    "system=protein baseline=openmm_minimizer optimizer=lbfgs": "optimizer: must be left out, as baseline=op",
    "system=protein baseline=openmm_minimizer schedule=relaxed": "schedule: must be left out, as baseline=op",
    "system=protein baseline=openmm_minimizer schedule=hopping": "schedule: must be left out, as baseline=op",
    "schedule=staged modes.of=backbone modes.seed=3": "modes.seed: must be 0, as modes.of=graph samples no",
    "system=protein reparam=none system.switch_nm=0.8": "system.switch_nm: must be null, as there is no ",
    "system=protein system.reaction_field_dielectric=4": "system.reaction_field_dielectric: must be 78.3, ",
    "schedule=staged modes.of=hessian": "modes.of: must be backbone, as the stages have their own, got hes",
    "schedule=staged +schedule.stages.0.reparam.learning_rate_factor=3": "schedule.stages.0.reparam.learni",
    "schedule=staged +schedule.stages.0.modes.seed=3": "schedule.stages.0.modes.seed: must be 0, as modes.",
    "schedule=staged +schedule.stages.2.modes={solver:dense}": "schedule.stages.2.modes.solver: must be au",
    "schedule=staged schedule.stages.1.optimizer.decay_rate=1": "schedule.stages.1.optimizer.decay_steps:",
}


def refused_in_one_line(load, raw, message):
    """That a composed configuration is refused with a line that begins so."""
    with pytest.raises(ConfigError) as caught:
        load(raw)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("overrides", REFUSED)
def test_values_without_effect_are_refused_in_one_line(configure, overrides):
    schedule = [] if "schedule=" in overrides else ["schedule=paper"]
    refused_in_one_line(load_plan, configure(*schedule, *overrides.split()), REFUSED[overrides])


OF_OTHER_VERBS = {
    (
        "modes",
        "system=protein system.unfold.steps=3",
    ): "system.unfold.steps: must be 20000, as system.start=nat",
    (
        "modes",
        "system.pairs=independent system.repulsion=exact",
    ): "system.pairs: must be shifts, as no repulsi",
    ("modes", "schedule.restarts=2"): "schedule.restarts: must be 0, as nnrep modes restarts nothing, got 2",
    ("modes", "schedule.coarse.patience=3"): "schedule.coarse.patience: must be 20, as nnrep modes goes thro",
    (
        "modes",
        "modes.of=graph schedule.fine.patience=3",
    ): "schedule.fine.patience: must be 20, as nothing is m",
    (
        "modes",
        "modes.of=hessian optimizer.learning_rate=0.3",
    ): "optimizer.learning_rate: must be 0.01, as noth",
    (
        "modes",
        "optimizer.decay_steps=3",
    ): "optimizer.decay_steps: must be 1000, as a decay_rate of 1 is no decay",
    (
        "modes",
        "modes.of=graph modes.backbone=sum_square",
    ): "modes.backbone: must be mean_norm, as modes.of=gra",
    (
        "modes",
        "schedule=network",
    ): "schedule: must be paper, of whose fine stage the robustness table is made",
    ("modes", "reparam.hidden=8"): "reparam.hidden: must be 32, as nnrep modes makes no map, got 8",
    (
        "explore",
        "optimizer=adam optimizer.decay_steps=3",
    ): "optimizer.decay_steps: must be 1000, as a decay_rate",
    (
        "explore",
        "reparam=gnn reparam.graph=bonds reparam.modes=5",
    ): "reparam.modes: must be null, as graph=bonds",
    (
        "explore",
        "reparam=gnn reparam.fit.max_steps=0 reparam.fit.patience=3",
    ): "reparam.fit.patience: must be 20, as fit.max_steps=0",
    ("explore", "system.unfold.steps=3"): "system.unfold.steps: must be 20000, as system.start=native is not",
    ("explore", "record.every=20"): "record.every: must be null, as nnrep explore keeps a frame every",
}


@pytest.mark.parametrize(("verb", "overrides"), OF_OTHER_VERBS)
def test_other_verbs_refuse_values_without_effect_as_well(configure, verb, overrides):
    load = {"modes": load_modes_plan, "explore": load_exploring_plan}[verb]
    raw = configure(*VERBS[verb].hydra.with_choices(overrides.split()))
    refused_in_one_line(load, raw, OF_OTHER_VERBS[verb, overrides])


@pytest.mark.parametrize(
    "overrides",
    [
        ["reparam=none", "optimizer.learning_rate=0.3"],  # that of the fine stage follows it
        ["reparam=cg", "reparam.learning_rate_factor=3"],
        ["reparam=none", "reparam.learning_rate_factor=1", "modes.seed=0"],  # the defaults, given
        ["schedule=paper", "reparam.graph=bonds", "reparam.self_weight=0.2"],
        ["reparam=none", "optimizer.decay_rate=0.5", "optimizer.decay_steps=3"],
        ["system=protein", "optimizer.clamp=null", "baseline=openmm_minimizer"],
        ["system=protein", "reparam=none", "baseline=openmm_minimizer"],  # as it is without one
        ["schedule=relaxed", "reparam=none"],
        ["system=cluster", "schedule=hopping", "reparam=none", "optimizer=lbfgs"],
    ],
)
def test_values_that_others_follow_and_defaults_are_taken(configure, overrides):
    load_plan(configure(*overrides))


def test_a_baseline_may_follow_the_steps_of_a_run(configure):
    whole = configure("+experiment=fig5", "baseline=openmm_dynamics", "reparam=none", "max_steps=70")
    whole = OmegaConf.merge(whole, {"baseline": {"steps": "${twice:${max_steps}}"}})
    assert load_plan(whole).config.baseline.steps == 140


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiments_give_no_value_without_effect(configure, experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where starts in files are looked for first
    whole = compose("config", [f"+experiment={experiment}"], return_hydra_config=True)
    grids = OmegaConf.to_container(whole.hydra.sweeper.grids)
    composer = Composer(GlobalHydra.instance().config_loader())
    for grid in grids:  # a point of each: their values differ, not their keys
        point = grid_points([grid], [])[-1]
        for override in point:
            if override.startswith("system.start=") and override.endswith(".pdb"):
                Path(override.partition("=")[2]).write_text("END\n")
        load_plan(composer.compose([f"+experiment={experiment}", *point]))


def test_an_override_of_a_reproduction_must_have_an_effect_somewhere():
    small = ["system.n=40", "seeds=1"]
    assert len(experiment_settings("fig2_smoke", [*small, "modes.seed=3"]).settings) == 6
    with pytest.raises(ConfigError, match=r"^modes\.max_products: must be 20000, as "):
        experiment_settings("fig2_smoke", [*small, "modes.solver=dense", "modes.max_products=7"])


def test_the_reference_is_what_composition_gives(configure):
    """The list of defaults is read a second time, without Hydra."""
    for choice in choices():
        raw = configure(*[part for part in choice if "." not in part])
        if raw.schedule.name != "staged":  # of lists of stages only the first is known
            expected = flat(OmegaConf.to_container(raw, resolve=False))
            assert reference_values(raw) == expected
