"""The configuration of `nnrep explore`, and what it comes to."""

from dataclasses import replace
from typing import Any, NamedTuple

from omegaconf import DictConfig

from nnrep.choices.identity import without_effect
from nnrep.choices.settings import build, choice, settings
from nnrep.config.effects import given_without_effect, unused_keys
from nnrep.config.plan import Plan, check_map, resolve
from nnrep.config.schema import RunConfig
from nnrep.errors import named_under, require
from nnrep.exploration.quench import quench_stopping
from nnrep.exploration.settings import OF_HYDROGENS, ExploreConfig
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.minimization.schedules.settings import PlannedStage
from nnrep.reparam.none import NoneConfig
from nnrep.reparam.registry import MAPS
from nnrep.structures.molecule import Molecule

CHECKS = "explore.quench"  # where a quench's stages are described


@settings("config")
class ExploringConfig(RunConfig):
    """That of a run, whose groups mean: reparam and optimizer quench frames, schedule minimises at the end.

    Attributes:
        explore: how minima are searched for.
    """

    reparam: Any = choice(MAPS)
    optimizer: Any = choice(OPTIMIZERS)
    explore: ExploreConfig


class ExploringPlan(NamedTuple):
    """What a configuration of `nnrep explore` comes to.

    Attributes:
        finish: the stages that the lowest minima go through.
        quench: the stages that frames go through; of the same configuration.
    """

    finish: Plan
    quench: Plan

    @property
    def config(self) -> ExploringConfig:
        """The configuration."""
        config = self.finish.config
        assert isinstance(config, ExploringConfig)
        return config

    def for_molecule(self, molecule: Molecule | None) -> "ExploringPlan":
        """The plan for the system's molecule, if it has one.

        Raises:
            ConfigError: a map wants a number of modes that the system does not have.
        """
        return ExploringPlan(*(plan.for_molecule(molecule) for plan in self))


def load_exploring_plan(raw: DictConfig) -> ExploringPlan:
    """The plan of a composed configuration.

    Raises:
        ConfigError: naming the key at fault, or one that was given a value without effect.
    """
    config = build(ExploringConfig, raw)
    require(config.minimizes, "baseline", "none, as nnrep explore has no other engines", config.baseline.name)
    restarts = config.schedule.restarts
    require(restarts == 0, "schedule.restarts", "0, as nnrep explore restarts nothing", restarts)
    with named_under("system"):
        config.system.check_exact()
    finish = resolve(config)
    stages = _quench_stages(config)
    for stage in stages:
        check_map(config, stage)
    plan = ExploringPlan(finish.check_maps(), replace(finish, stages=stages).for_molecule(None).check_maps())
    for error in given_without_effect(raw, config, _unused(plan)).values():
        raise error
    return plan


def _quench_stages(config: ExploringConfig) -> tuple[PlannedStage, ...]:
    """Through the map, unless it is the identity, then with free positions."""
    quench, reparam, optimizer = config.explore.quench, config.reparam, config.optimizer
    stopping = quench_stopping(quench, config.system.energy_unit, config.system.mean_over)
    rate = optimizer.learning_rate

    def stage(name: str, reparam: Any, rate: float, steps: int) -> PlannedStage:
        return PlannedStage(name, reparam, config.modes, optimizer.build(rate), rate, stopping, steps, CHECKS)

    free = stage("quench", build(NoneConfig, {}), rate, quench.steps)
    if reparam.is_identity:
        return (free,)
    return stage("map", reparam, rate * reparam.learning_rate_factor, quench.map_steps), free


def _unused(plan: ExploringPlan) -> dict[str, str]:
    """The keys without effect, each with the reason; see `unused_keys`."""
    config = plan.config
    unused = unused_keys(config, plan.finish.stages + plan.quench.stages)
    # What the schedule has no use for, quenches have.
    unused = {key: reason for key, reason in unused.items() if not key.startswith(("reparam.", "optimizer."))}
    for group in ("reparam", "optimizer"):
        own = without_effect(getattr(config, group))
        unused |= {f"{group}.{key}": reason for key, reason in own.items()}
    unused["record.every"] = "nnrep explore keeps a frame every explore.quench_every steps"
    unused["baseline"] = "nnrep explore has no other engines"
    if config.reparam.is_identity:
        none = f"reparam={config.reparam.name} is no map"
        unused |= {"explore.quench.map_steps": none, "reparam.learning_rate_factor": none}
    if not config.system.energy_unit:
        none = f"system={config.system.name} has no hydrogens"
        unused |= {f"explore.{key}": none for key in OF_HYDROGENS}
    if not config.system.may_fall_apart:
        unused["explore.container_radius"] = f"particles of system={config.system.name} are held together"
    if config.system.has_like_particles:
        unused["explore.same.rmsd"] = f"particles of system={config.system.name} are all alike"
    return unused
