"""`schedule=paper`: the coarse stage through the run's map, then the fine one."""

import math
from dataclasses import dataclass, field, replace

from omegaconf import MISSING

from nnrep.choices.identity import counts_if
from nnrep.choices.settings import build, settings
from nnrep.errors import require
from nnrep.minimization.optimizers.optimizer import Optimizer
from nnrep.minimization.optimizers.settings import OptimizerConfig
from nnrep.minimization.schedules.rules import StoppingConfig
from nnrep.minimization.schedules.settings import PlannedStage, ScheduleConfig
from nnrep.modes.settings import ModesConfig
from nnrep.reparam.none import NoneConfig
from nnrep.reparam.settings import MapConfig


@dataclass(kw_only=True)
class StageConfig(StoppingConfig):
    """A stage: its learning rate and when it ends.

    Attributes:
        learning_rate: at its first step.
        anneal: the factor by which it falls over all steps that the stage may take; null for not at all.
    """

    learning_rate: float = MISSING
    anneal: float | None = field(default=None, metadata=counts_if(lambda stage: stage.anneal is not None))

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 < self.learning_rate < math.inf, "learning_rate", "positive", self.learning_rate)
        anneal = self.anneal
        require(anneal is None or 1 < anneal < math.inf, "anneal", "above 1, or null", anneal)
        super().__post_init__()


@dataclass(kw_only=True)
class CoarseStageConfig(StageConfig):
    """The coarse stage may take `max_steps` steps; null is half of the run's max_steps."""

    max_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        steps = self.max_steps
        limited = steps is None or 0 <= steps < 2**31
        require(limited, "max_steps", "from 0 to 2^31 - 1, or null", steps)


@settings("schedule/paper")
class PaperSchedule(ScheduleConfig):
    """`schedule=paper`.

    Attributes:
        fine, coarse: stages.
    """

    # The coarse stage follows the fine one by default: an error is named where it was made.
    fine: StageConfig
    coarse: CoarseStageConfig

    def planned(
        self, reparam: MapConfig, modes: ModesConfig, optimizer: OptimizerConfig, max_steps: int
    ) -> list[PlannedStage]:
        """The coarse stage, unless the map is the identity, and the fine one."""
        planned = []
        if not reparam.is_identity:
            steps = self.coarse_steps(max_steps)
            planned.append(_planned("coarse", self.coarse, reparam, modes, optimizer, steps))
        free = build(NoneConfig, {})
        return [*planned, _planned("fine", self.fine, free, modes, optimizer, max_steps)]

    def coarse_steps(self, max_steps: int) -> int:
        """Most steps of the coarse stage of a run of so many."""
        return max_steps // 2 if self.coarse.max_steps is None else self.coarse.max_steps

    def without_effect(self, reparam: MapConfig) -> dict[str, str]:
        """The coarse stage without a map; learning rates have none but on those of the stages."""
        own = {"optimizer.learning_rate": "schedule.*.learning_rate is given"}
        if reparam.is_identity:
            none = f"reparam={reparam.name} has no coarse stage"
            return {**own, "schedule.coarse": none, "reparam.learning_rate_factor": none}
        return {**own, "reparam.learning_rate_factor": "schedule.coarse.learning_rate is given"}


def _planned(
    name: str,
    stage: StageConfig,
    reparam: MapConfig,
    modes: ModesConfig,
    optimizer: OptimizerConfig,
    max_steps: int,
) -> PlannedStage:
    return PlannedStage(
        name,
        reparam,
        modes,
        _optimizer(stage, optimizer, max_steps, f"schedule.{name}"),
        stage.learning_rate,
        stage.stopping(),
        max_steps,
        f"schedule.{name}.check_every",
    )


def _optimizer(stage: StageConfig, optimizer: OptimizerConfig, max_steps: int, place: str) -> Optimizer:
    if stage.anneal is None:
        return optimizer.build(stage.learning_rate)
    allowed = "null, as optimizer.decay_rate lowers the learning rate"
    require(optimizer.decay_rate == 1, f"{place}.anneal", allowed, stage.anneal)
    annealed = replace(optimizer, decay_rate=1 / stage.anneal, decay_steps=max(1, max_steps))
    return annealed.build(stage.learning_rate)


CHOICE = PaperSchedule
