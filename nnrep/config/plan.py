"""`Plan`: a configuration resolved once, for everything that comes after it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from omegaconf import DictConfig

from nnrep.choices.identity import hash_of, plain_form
from nnrep.config.effects import choices_without_effect, given_without_effect, unused_keys
from nnrep.config.schema import RunConfig, load_config
from nnrep.errors import ConfigError, named_under, require
from nnrep.minimization.minimizer import seed_list
from nnrep.minimization.monitor import check_record_every
from nnrep.minimization.schedules.settings import PlannedStage
from nnrep.modes.settings import count_of_modes
from nnrep.structures.molecule import Molecule
from nnrep.systems.settings import Size


@dataclass(frozen=True)
class Plan:
    """What a configuration comes to.

    Attributes:
        config: the configuration.
        stages: in order; none of a baseline.
        mode_counts: how many modes each stage wants, None for modes.epsilon; empty while the system's size is
            not known, see `sized`.
        size: of the system, if it is known.
    """

    config: RunConfig
    stages: tuple[PlannedStage, ...]
    mode_counts: tuple[int | None, ...] = ()
    size: Size | None = None

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The configuration as nested dicts of numbers, strings and lists, every key that a run has."""
        return plain_form(self.config)

    @cached_property
    def hash(self) -> str:
        """A short hash of all that decides the numbers of one seed."""
        return hash_of(self.config)

    @property
    def seeds(self) -> tuple[int, ...]:
        """One replica each."""
        return seed_list(self.config.seeds)

    @property
    def minimizes(self) -> bool:
        """Whether nnrep minimises; else a baseline does."""
        return self.config.minimizes

    @property
    def needs_modes(self) -> bool:
        """Whether a map is made of slow modes."""
        return any(stage.reparam.needs_modes for stage in self.stages)

    @property
    def deciding(self) -> dict[str, Any]:
        """What decides slow modes beside the group `modes`."""
        named = {name: self.plain[name] for name in ("system", "precision", "threads")}
        return {**named, "files": self.config.system.files}

    @property
    def recorded(self) -> dict[str, Any]:
        """What a run folder keeps of it: the plain form, and what the files hold that it names."""
        files = self.config.system.files
        return {**self.plain, "files": files} if files else self.plain

    def sized(self, size: Size) -> "Plan":
        """The plan for a system of this size.

        Raises:
            ConfigError: a stage wants a number of modes that the system does not have.
        """
        counts = []
        for stage in self.stages:
            with named_under(stage.place):
                counts.append(count_of_modes(stage.reparam.wanted_modes, stage.modes, size))
        return replace(self, mode_counts=tuple(counts), size=size)

    def for_molecule(self, molecule: Molecule | None) -> "Plan":
        """The plan for the system's molecule, if it has one; raises as `sized` does."""
        size = self.config.system.size(molecule)
        return self if size is None else self.sized(size)

    def check_maps(self) -> "Plan":
        """The plan as it is; raises `ConfigError` if a map cannot be made of the modes that are asked for."""
        for stage in self.stages:
            with named_under(stage.place):
                stage.reparam.check_modes(stage.modes)
        return self

    def with_seeds(self, seeds: tuple[int, ...]) -> "Plan":
        """The same for other seeds."""
        return replace(self, config=replace(self.config, seeds=list(seeds)))


def resolve(config: RunConfig) -> Plan:
    """The plan of a configuration, checked across its groups.

    Raises:
        ConfigError: naming the key at fault and what would be right.
    """
    stages: tuple[PlannedStage, ...] = ()
    if config.minimizes:
        schedule = config.schedule
        stages = tuple(schedule.planned(config.reparam, config.modes, config.optimizer, config.max_steps))
    _check_system(config)
    _check_record(config, stages)
    for stage in stages:
        with named_under(stage.place):
            check_map(config, stage)
    _check_schedule(config)
    return Plan(config, stages).for_molecule(None)


def load_plan(raw: DictConfig) -> Plan:
    """The plan of a run as it was composed.

    Raises:
        ConfigError: as `resolve` does, or a key was given a value that has no effect.
    """
    plan = resolve(load_config(raw))
    for error in without_effect_in(raw, plan).values():
        raise error
    return plan


def without_effect_in(raw: DictConfig, plan: Plan) -> dict[str, ConfigError]:
    """The keys of a composed run that were given a value without effect, with the line that refuses each."""
    unused = unused_keys(plan.config, plan.stages)
    return choices_without_effect(raw, unused) or given_without_effect(raw, plan.config, unused)


def _check_system(config: RunConfig) -> None:
    reason = None if config.minimizes else config.system.not_in_openmm()
    require(reason is None, "baseline", f"none, as {reason}", config.baseline.name)
    if config.system.freezes:
        with named_under("baseline"):
            config.baseline.check_frozen()
    own = config.baseline.own_solvent
    allowed = "vacuum, as the system has a solvent of its own"
    require(config.system.continuum is None or own is None, "baseline.solvent", allowed, own)


def _check_schedule(config: RunConfig) -> None:
    restarts, name = config.schedule.restarts, config.system.name
    allowed = f"0, as system={name} has no contacts by which a run fails"
    require(config.system.can_restart or restarts == 0, "schedule.restarts", allowed, restarts)
    with named_under("schedule"):
        config.schedule.check_system(name, config.system.has_like_particles)


def check_map(config: RunConfig, stage: PlannedStage) -> None:
    """Raise `ConfigError` unless the system has what a stage's map needs."""
    reparam, modes, system = stage.reparam, stage.modes, config.system
    wanted = reparam.wanted_modes
    both = "left out, as modes.epsilon is given"
    require(wanted is None or modes.epsilon is None, "reparam.modes", both, wanted)
    has_none = f"false, as system={system.name} has no node features"
    require(system.has_features or not reparam.needs_features, "reparam.features", has_none, True)
    reason = system.without_bonds() if reparam.needs_bonds else None
    require(reason is None, "reparam", f"a map that holds no bonds, as {reason}", reparam.name)
    none = f"false, as system={system.name} couples all pairs that act on each other"
    require(system.has_background or not modes.background, "modes.background", none, modes.background)
    if not system.can_restart:
        with named_under("reparam"):
            reparam.check_without_contacts(system.name)
    unit = f"unit, as system={system.name} has edges without weights"
    known = system.has_edge_weights or not reparam.needs_edge_weights
    require(known, "reparam.edge_weights", unit, "coupling")


def _check_record(config: RunConfig, stages: tuple[PlannedStage, ...]) -> None:
    every = config.record.every
    if every is None:
        return
    if not config.minimizes:
        own = config.baseline.record_every
        allowed = f"a multiple of baseline.record_every = {own}, or null"
        require(every >= 1 and every % own == 0, "record.every", allowed, every)
    for stage in stages:
        check_record_every(every, stage.stopping.check_every, "record.every", stage.check_key)
