"""The schema of `configs/` as a whole."""

from dataclasses import field
from typing import Any

from omegaconf import DictConfig

from nnrep.baselines.registry import BASELINES
from nnrep.baselines.settings import BaselineConfig
from nnrep.choices.identity import NO_PART, NOT_IN_HASH, counts_if, matters_if
from nnrep.choices.settings import build, choice, settings
from nnrep.config.groups import AnalysisConfig, PathsConfig, Precision, RecordConfig
from nnrep.errors import require
from nnrep.minimization.minimizer import seed_list
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.minimization.schedules.registry import SCHEDULES
from nnrep.modes.settings import ModesConfig
from nnrep.reparam.registry import MAPS
from nnrep.systems.registry import SYSTEMS

# Another engine takes the place of the minimisation; a list of stages has maps and optimisers of its own.
_IF_MINIMIZED = {
    **counts_if(lambda config: config.minimizes),
    **matters_if(
        lambda config: config.minimizes, lambda config: f"baseline={config.baseline.name} takes its place"
    ),
}
_IF_IN_SCHEDULE = {
    **counts_if(lambda config: config.minimizes and config.schedule.takes_map),
    **matters_if(
        lambda config: config.minimizes and config.schedule.takes_map,
        lambda config: (
            "the stages of the schedule have their own (schedule=paper has none)"
            if config.minimizes
            else f"baseline={config.baseline.name} takes its place"
        ),
    ),
}
_OF_MODES = {**NO_PART, **matters_if(lambda _: False, "nnrep modes alone takes it")}


@settings("config")
class RunConfig:
    """The whole configuration of a run.

    Attributes:
        system, reparam, modes, optimizer, schedule, baseline: one a group; a baseline takes the place of
            map, optimizer and schedule, a list of stages that of map and optimizer.
        record: trajectories.
        analysis: of `nnrep modes` alone.
        paths: folders.
        seeds: a count k (seeds 0..k-1) or a list.
        max_steps: most steps of a seed, all stages together; a baseline may have its own follow it.
        precision: of positions and energies.
        threads: that a process computes with, null for all; see `nnrep.host.threads`.
        resume: go on in a run folder that holds an unfinished run of this configuration.
        report: write a page of the run, or of the sweep that it belongs to.
    """

    system: Any = choice(SYSTEMS)
    reparam: Any = choice(MAPS, **_IF_IN_SCHEDULE)
    modes: ModesConfig = field(metadata=_IF_MINIMIZED)
    optimizer: Any = choice(OPTIMIZERS, **_IF_IN_SCHEDULE)
    schedule: Any = choice(SCHEDULES, **_IF_MINIMIZED)
    baseline: Any = choice(BASELINES)
    record: RecordConfig
    analysis: AnalysisConfig = field(metadata=_OF_MODES)
    paths: PathsConfig = field(metadata=NO_PART)
    seeds: Any = field(metadata=NOT_IN_HASH)
    max_steps: int = field(metadata=counts_if(lambda config: config.minimizes))
    precision: Precision
    threads: int | None
    resume: bool = field(metadata=NO_PART)
    report: bool = field(metadata=NO_PART)

    def __post_init__(self) -> None:
        """Check what is in no group; `nnrep.config.plan` checks what concerns several."""
        seed_list(self.seeds)
        threads = self.threads
        require(threads is None or threads >= 1, "threads", "at least 1, or null", threads)
        require(0 <= self.max_steps < 2**31, "max_steps", "from 0 to 2^31 - 1", self.max_steps)

    @property
    def minimizes(self) -> bool:
        """Whether nnrep minimises; else a baseline does."""
        baseline: BaselineConfig = self.baseline
        return not baseline.is_engine


def load_config(raw: DictConfig) -> RunConfig:
    """The configuration, group by group checked.

    Raises:
        ConfigError: naming the key at fault and what would be right.
    """
    return build(RunConfig, raw)
