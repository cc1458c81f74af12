"""The schema of `configs/` as a whole, and what follows from a configuration."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING, DictConfig

from nnrep.baselines import DynamicsConfig, MinimizerConfig
from nnrep.choices.schema import build
from nnrep.config.groups import (
    CGConfig,
    GNNConfig,
    Graph,
    LookConfig,
    ModesConfig,
    NoBaselineConfig,
    OptimizerConfig,
    PathsConfig,
    Precision,
    RecordConfig,
    SpectralConfig,
)
from nnrep.config.schedule import REPARAMS, SCHEDULES, PlannedStage, StagedSchedule, planned_stages
from nnrep.errors import named_under, require
from nnrep.minimization.minimize import check_record_every, seed_list
from nnrep.modes.slow import Of, mode_count
from nnrep.systems.protein import ForceField
from nnrep.systems.registry import SYSTEMS

BASELINES: dict[str, type] = {
    "none": NoBaselineConfig,
    "openmm_minimizer": MinimizerConfig,
    "openmm_dynamics": DynamicsConfig,
}
DEFAULT_MODE_SHARE = 0.25
DEFAULT_MODES_PER_RESIDUE = 3  # of proteins, as in the paper


@dataclass
class RunConfig:
    """The whole configuration of a run.

    Attributes:
        system, reparam, modes, optimizer, schedule, baseline: one a group; a baseline takes the place of
            map, optimizer and schedule, a staged schedule that of map and optimizer.
        record: trajectories.
        look: of `nnrep modes` alone.
        paths: folders.
        seeds: a count k (seeds 0..k-1) or a list.
        max_steps: most steps of a seed, all stages together.
        precision: of positions and energies.
        threads: that a process computes with, null for all; see `nnrep.host.threads`.
        resume: go on in a run folder that holds an unfinished run of this configuration.
    """

    system: Any = MISSING
    reparam: Any = MISSING
    modes: ModesConfig = MISSING
    optimizer: OptimizerConfig = MISSING
    schedule: Any = MISSING
    baseline: Any = MISSING
    record: RecordConfig = MISSING
    look: LookConfig = MISSING
    paths: PathsConfig = MISSING
    seeds: Any = 1
    max_steps: int = 60_000
    precision: Precision = Precision.float32
    threads: int | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        """Check what concerns several groups, or none."""
        seed_list(self.seeds)
        threads = self.threads
        require(threads is None or threads >= 1, "threads", "at least 1, or null", threads)
        require(0 <= self.max_steps < 2**31, "max_steps", "from 0 to 2^31 - 1", self.max_steps)
        self._check_system()
        self._check_record()
        if self.minimizes and isinstance(self.schedule, StagedSchedule):
            for stage in self.stages:
                with named_under(stage.place):
                    self._check_map(stage.reparam, stage.modes)
        else:
            self._check_map(self.reparam, self.modes)

    def _check_system(self) -> None:
        protein = self.system.name == "protein"
        allowed = "none, as OpenMM knows proteins only"
        require(protein or self.minimizes, "baseline", allowed, self.baseline.name)
        classical = getattr(self.system, "force_field", None) is ForceField.classical
        allowed = "none, as OpenMM does not know system.force_field=classical"
        require(self.minimizes or not classical, "baseline", allowed, self.baseline.name)
        never = "0, as system=protein has no contacts by which a run fails"
        require(
            not protein or self.schedule.restarts == 0, "schedule.restarts", never, self.schedule.restarts
        )

    def _check_map(self, reparam: Any, modes: ModesConfig) -> None:
        asked = getattr(reparam, "modes", None)
        both = "left out, as modes.epsilon is given"
        require(asked is None or modes.epsilon is None, "reparam.modes", both, asked)
        protein = self.system.name == "protein"
        features = getattr(reparam, "features", False)
        has_none = "false, as system=loop has no node features"
        require(protein or not features, "reparam.features", has_none, features)
        if not protein:
            _mode_count(reparam, modes, self.system.n, self.system.dim, 0)

    def _check_record(self) -> None:
        every = self.record.every
        if every is None:
            return
        if not self.minimizes:
            own = self.baseline.record_every
            wanted = f"a multiple of baseline.record_every = {own}, or null"
            require(every >= 1 and every % own == 0, "record.every", wanted, every)
            return
        for stage in self.stages:
            check_record_every(every, stage.stopping.check_every, "record.every", stage.key)

    @property
    def minimizes(self) -> bool:
        """Whether nnrep minimises; else a baseline does."""
        return isinstance(self.baseline, NoBaselineConfig)

    @property
    def stages(self) -> list[PlannedStage]:
        """The stages of its schedule, in order."""
        return list(planned_stages(self.schedule, self.reparam, self.modes, self.optimizer, self.max_steps))

    def at(self, stage: PlannedStage) -> "RunConfig":
        """The configuration with the map and modes of a stage."""
        return dataclasses.replace(self, reparam=stage.reparam, modes=stage.modes)

    @property
    def needs_modes(self) -> bool:
        """Whether a map of a run is made of slow modes.

        Raises:
            ConfigError: it cannot be made of those that are asked for.
        """
        if not self.minimizes:
            return False
        made = []  # every one of them is checked
        for stage in self.stages:
            with named_under(stage.place):
                made.append(_made_of_modes(stage))
        return any(made)

    def mode_count(self, n: int, dim: int, residues: int) -> int | None:
        """How many modes are wanted of a system of n particles in d dimensions; None for modes.epsilon.

        Raises:
            ConfigError: reparam.modes is no number of modes that the system has.
        """
        return _mode_count(self.reparam, self.modes, n, dim, residues)

    def check_mode_counts(self, n: int, dim: int, residues: int) -> None:
        """Raise `ConfigError` if a stage wants a number of modes that a system does not have."""
        for stage in self.stages if self.minimizes else []:
            with named_under(stage.place):
                _mode_count(stage.reparam, stage.modes, n, dim, residues)


def _mode_count(reparam: Any, modes: ModesConfig, n: int, dim: int, residues: int) -> int | None:
    asked = getattr(reparam, "modes", None)
    flat = modes.of is Of.hessian
    n = n * dim if flat else n
    if modes.epsilon is not None:
        return None
    if asked is not None:
        with named_under("reparam"):
            return mode_count(asked, n, residues, "n d" if flat else "n")
    if residues:
        return min(n, DEFAULT_MODES_PER_RESIDUE * residues)
    # A handful at least: the first mode only moves all particles together.
    return min(n, max(4, round(DEFAULT_MODE_SHARE * n)))


def _made_of_modes(stage: PlannedStage) -> bool:
    reparam, of = stage.reparam, stage.modes.of
    network = isinstance(reparam, GNNConfig) and reparam.graph is Graph.slow_modes
    of_particles = "backbone or graph, as the convolution of reparam=gnn runs over particles"
    require(not network or of is not Of.hessian, "modes.of", of_particles, of.value)
    length = reparam.start_length if isinstance(reparam, SpectralConfig) else None
    of_laplacian = "null with modes.of=hessian, whose modes are displacements"
    require(length is None or of is not Of.hessian, "reparam.start_length", of_laplacian, length)
    return network or isinstance(reparam, CGConfig)


def load_config(raw: DictConfig) -> RunConfig:
    """The checked configuration.

    Raises:
        ConfigError: naming the key at fault and what would be right.
    """
    return build(
        RunConfig, raw, {"system": SYSTEMS, "reparam": REPARAMS, "baseline": BASELINES, "schedule": SCHEDULES}
    )


def as_plain(config: RunConfig) -> dict[str, Any]:
    """The configuration as nested dicts of numbers, strings and lists, every key with its value."""
    plain = dataclasses.asdict(config, dict_factory=_plain_dict)
    # Neither changes a run: what is found in the folders is compared as it is.
    return {key: value for key, value in plain.items() if key not in ("resume", "paths", "look")}


def _plain_dict(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value.name if isinstance(value, Enum) else value for key, value in items}


def _without_defaults(schedule: dict[str, Any]) -> dict[str, Any]:
    """A schedule without what earlier versions did not have, where it is not asked for."""
    plain = {key: value for key, value in schedule.items() if key != "rms_force" or value is not None}
    if plain.get("restarts") == 0:
        del plain["restarts"], plain["min_contact_fraction"]
    return {
        key: _without_defaults(value) if isinstance(value, dict) else value for key, value in plain.items()
    }


def config_hash(config: RunConfig) -> str:
    """A short hash of all that decides the numbers of one seed."""
    deciding = {key: value for key, value in as_plain(config).items() if key != "seeds"}
    if deciding["system"].get("force_field") != ForceField.classical.name:
        deciding["system"].pop("classical", None)
    if isinstance(config.schedule, StagedSchedule):  # whose stages have their own
        del deciding["reparam"], deciding["optimizer"]
    deciding["schedule"] = _without_defaults(deciding["schedule"])
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:12]
