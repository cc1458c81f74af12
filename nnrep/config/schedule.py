"""`schedule`: the stages of a run, the paper's two or any list, and every key's type and range."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from omegaconf import MISSING

from nnrep.choices.schema import build
from nnrep.config.groups import (
    CGConfig,
    FitConfig,
    GNNConfig,
    ModesConfig,
    NoneConfig,
    OptimizerConfig,
    SpectralConfig,
)
from nnrep.errors import named_under, require
from nnrep.minimization import Optimizer, Stopping
from nnrep.minimization.minimize import check_restarts
from nnrep.systems.measures import MIN_CONTACT_FRACTION

REPARAMS: dict[str, type] = {"none": NoneConfig, "cg": CGConfig, "gnn": GNNConfig, "spectral": SpectralConfig}


class PlannedStage(NamedTuple):
    """A stage as a run takes it.

    Attributes:
        name: for tables.
        reparam, modes: groups of the configuration that say which map.
        optimizer: with its learning rate.
        stopping: rule.
        max_steps: most steps.
        key: of the configuration that says when it checks.
        place: in a list of stages; empty where map and modes are the run's.
    """

    name: str
    reparam: Any
    modes: ModesConfig
    optimizer: Optimizer
    stopping: Stopping
    max_steps: int
    key: str
    place: str = ""

    @property
    def fit(self) -> FitConfig | None:
        """How its network is fitted to where it starts."""
        return self.reparam.fit if isinstance(self.reparam, GNNConfig) else None


@dataclass
class RuleConfig:
    """When a stage ends, see `nnrep.Stopping`; `rms_force` null is never."""

    min_delta: float = MISSING
    patience: int = MISSING
    check_every: int = MISSING
    divergence: float = MISSING
    rms_force: float | None = None

    def stopping(self) -> Stopping:
        """The stopping rule."""
        rule = Stopping(self.min_delta, self.patience, self.check_every, self.divergence)
        return rule._replace(rms_force=self.rms_force or 0.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        at_rest = self.rms_force is None or 0 < self.rms_force < math.inf
        require(at_rest, "rms_force", "positive, or null for never", self.rms_force)
        self.stopping().check()


@dataclass
class StageConfig(RuleConfig):
    """A stage of the paper's schedule: learning rate and stopping rule."""

    learning_rate: float = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 < self.learning_rate < math.inf, "learning_rate", "positive", self.learning_rate)
        super().__post_init__()


@dataclass
class CoarseStageConfig(StageConfig):
    """The coarse stage may take `max_steps` steps; null is half of the run's max_steps."""

    max_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        steps = self.max_steps
        limited = steps is None or 0 <= steps < 2**31
        require(limited, "max_steps", "from 0 to 2^31 - 1, or null", steps)


@dataclass
class PaperSchedule:
    """`schedule=paper`: the coarse stage through the run's map, then the fine one.

    Attributes:
        fine, coarse: stages.
        restarts: how often a seed that has failed begins anew, see `nnrep.minimize`.
        min_contact_fraction: of satisfied contacts, below which it has failed.
    """

    name: str = "paper"
    # The coarse stage follows the fine one by default: an error is named where it was made.
    fine: StageConfig = MISSING
    coarse: CoarseStageConfig = MISSING
    restarts: int = 0
    min_contact_fraction: float = MIN_CONTACT_FRACTION

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_restarts(self.restarts, self.min_contact_fraction)


@dataclass
class ListedStage(RuleConfig):
    """A stage of a list.

    Attributes:
        name: for tables; null is that of its map.
        reparam: a map by its name, or with its keys; what is not given is as in Python. Its
            learning_rate_factor has no part here.
        modes: keys of the group `modes` that differ from the run's.
        optimizer: an optimiser by its name, or with its keys.
        max_steps: most steps.
        repeat: how often in a row, each time from where it is, until it has come to rest (rms_force).
    """

    name: str | None = None
    reparam: Any = MISSING
    modes: Any = field(default_factory=dict)
    optimizer: Any = MISSING
    max_steps: int = MISSING
    repeat: int = 1
    min_delta: float = 1e-6
    patience: int = 20
    check_every: int = 20
    divergence: float = 1000.0

    def __post_init__(self) -> None:
        """Build the groups, and check the ranges."""
        super().__post_init__()
        require(0 <= self.max_steps < 2**31, "max_steps", "from 0 to 2^31 - 1", self.max_steps)
        require(1 <= self.repeat <= 1000, "repeat", "from 1 to 1000", self.repeat)
        with named_under("reparam"):
            given = _named(self.reparam, REPARAMS)
            self.reparam = build(REPARAMS[given["name"]], given)
        with named_under("optimizer"):
            # No clamp, which suits one kind of system, unless it is asked for.
            self.optimizer = build(OptimizerConfig, {"clamp": None} | _named(self.optimizer, None))
        require(isinstance(self.modes, dict), "modes", "a group of keys of modes", self.modes)
        with named_under("modes"):
            build(ModesConfig, self.modes)
        self.name = self.name or self.reparam.name


@dataclass
class StagedSchedule:
    """`schedule=staged` and others: any list of stages, each starting from where the one before ended.

    Attributes:
        stages: see `ListedStage`.
        restarts, min_contact_fraction: as in `PaperSchedule`.
    """

    name: str = "staged"
    stages: Any = MISSING
    restarts: int = 0
    min_contact_fraction: float = MIN_CONTACT_FRACTION

    def __post_init__(self) -> None:
        """Build the stages, and check the ranges."""
        check_restarts(self.restarts, self.min_contact_fraction)
        listed = isinstance(self.stages, list) and len(self.stages) > 0
        require(listed, "stages", "a list of at least one stage", self.stages)
        built = []
        for index, stage in enumerate(self.stages):
            with named_under(f"stages.{index}"):
                require(isinstance(stage, dict), "", "a group of values", stage)
                built.append(build(ListedStage, stage))
        self.stages = built


SCHEDULES: dict[str, type] = {"paper": PaperSchedule, "staged": StagedSchedule}


def planned_stages(
    schedule: PaperSchedule | StagedSchedule,
    reparam: Any,
    modes: ModesConfig,
    optimizer: OptimizerConfig,
    max_steps: int,
) -> Iterator[PlannedStage]:
    """The stages of a schedule; the paper's take the run's map, modes, optimiser and steps."""
    if isinstance(schedule, StagedSchedule):
        for index, stage in enumerate(schedule.stages):
            with named_under(f"schedule.stages.{index}.modes"):
                own = build(ModesConfig, {**_as_given(modes), **stage.modes})
            optimiser = stage.optimizer.build(stage.optimizer.learning_rate)
            place = f"schedule.stages.{index}"
            planned = PlannedStage(
                stage.name,
                stage.reparam,
                own,
                optimiser,
                stage.stopping(),
                stage.max_steps,
                f"{place}.check_every",
                place,
            )
            yield from [planned] * stage.repeat
        return
    coarse, fine = schedule.coarse, schedule.fine
    if not isinstance(reparam, NoneConfig):
        rate, key = optimizer.build(coarse.learning_rate), "schedule.coarse.check_every"
        steps = max_steps // 2 if coarse.max_steps is None else coarse.max_steps
        yield PlannedStage("coarse", reparam, modes, rate, coarse.stopping(), steps, key)
    rate, key = optimizer.build(fine.learning_rate), "schedule.fine.check_every"
    yield PlannedStage("fine", NoneConfig(), modes, rate, fine.stopping(), max_steps, key)


def _as_given(modes: ModesConfig) -> dict[str, Any]:
    return {name: getattr(value, "name", value) for name, value in vars(modes).items()}


def _named(given: Any, choices: dict[str, type] | None) -> dict[str, Any]:
    """A group by its name alone, or as it is."""
    group = given if isinstance(given, dict) else {"name": given}
    if choices is not None:
        known = str(group.get("name")) in choices
        require(known, "name", f"one of {', '.join(choices)}", group.get("name"))
    return group
