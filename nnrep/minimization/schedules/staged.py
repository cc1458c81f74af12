"""`schedule=staged` and others: any list of stages, each starting from where the one before ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from nnrep.choices.identity import NO_PART, plain_form
from nnrep.choices.settings import build, choose, settings
from nnrep.errors import named_under, require
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.minimization.optimizers.settings import OptimizerConfig
from nnrep.minimization.schedules.rules import StoppingConfig
from nnrep.minimization.schedules.settings import PlannedStage, ScheduleConfig
from nnrep.minimization.stopping import Stopping
from nnrep.modes.settings import ModesConfig
from nnrep.reparam.registry import MAPS
from nnrep.reparam.settings import MapConfig

DEFAULT = Stopping()


@dataclass(kw_only=True)
class ListedStage(StoppingConfig):
    """A stage of a list; what its stopping rules are not given is as in Python.

    Attributes:
        name: for tables; null is that of its map.
        reparam: a map by its name, or with its keys. Its learning_rate_factor has no effect.
        modes: keys of the group `modes` that differ from the run's.
        optimizer: an optimiser by its name, or with its keys; without a clamp unless it is given one.
        max_steps: most steps.
        repeat: how often in a row, each time from where it is, until it has come to rest (rms_force).
    """

    name: str | None = None
    reparam: Any = MISSING
    modes: Any = field(default_factory=dict)
    optimizer: Any = MISSING
    max_steps: int = MISSING
    repeat: int = 1
    min_delta: float = DEFAULT.min_delta
    patience: int = DEFAULT.patience
    check_every: int = DEFAULT.check_every
    divergence: float = DEFAULT.divergence
    rms_force: float | None = None  # in the hash whatever it is

    def __post_init__(self) -> None:
        """Build the groups, and check the ranges."""
        super().__post_init__()
        require(0 <= self.max_steps < 2**31, "max_steps", "from 0 to 2^31 - 1", self.max_steps)
        require(1 <= self.repeat <= 1000, "repeat", "from 1 to 1000", self.repeat)
        with named_under("reparam"):
            self.reparam = choose(MAPS, self.reparam)
        with named_under("optimizer"):
            # No clamp, which suits one kind of system, unless it is asked for.
            self.optimizer = choose(OPTIMIZERS, {"clamp": None} | _named(self.optimizer))
        require(isinstance(self.modes, dict), "modes", "a group of keys of modes", self.modes)
        with named_under("modes"):
            build(ModesConfig, self.modes)
        self.name = self.name or self.reparam.name


def _named(given: Any) -> dict[str, Any]:
    """A group by its name alone, or as it is."""
    return dict(given) if isinstance(given, Mapping) else {"name": given}


@settings("schedule/staged")
class StagedSchedule(ScheduleConfig):
    """`schedule=staged` and other lists; their maps and optimisers are their own.

    Attributes:
        title: what tables call the list.
        stages: see `ListedStage`.
    """

    title: str = field(metadata=NO_PART)
    stages: Any

    color = "#402906"
    takes_map = False

    def __post_init__(self) -> None:
        """Build the stages, and check the ranges."""
        super().__post_init__()
        listed = isinstance(self.stages, list) and len(self.stages) > 0
        require(listed, "stages", "a list of at least one stage", self.stages)
        built = []
        for index, stage in enumerate(self.stages):
            with named_under(f"stages.{index}"):
                require(isinstance(stage, dict), "", "a group of values", stage)
                built.append(build(ListedStage, stage))
        self.stages = built

    @property
    def shown_name(self) -> str:
        """That of the list."""
        return self.title

    def planned(
        self, reparam: MapConfig, modes: ModesConfig, optimizer: OptimizerConfig, max_steps: int
    ) -> list[PlannedStage]:
        """The stages of the list, each as often as it is repeated."""
        planned = []
        for index, stage in enumerate(self.stages):
            place = f"schedule.stages.{index}"
            with named_under(f"{place}.modes"):
                own_modes = build(ModesConfig, {**plain_form(modes), **stage.modes})
            one = PlannedStage(
                stage.name,
                stage.reparam,
                own_modes,
                stage.optimizer.build(stage.optimizer.learning_rate),
                stage.optimizer.learning_rate,
                stage.stopping(),
                stage.max_steps,
                f"{place}.check_every",
                place,
                tuple(stage.modes),
            )
            planned += [one] * stage.repeat
        return planned

    def without_effect(self, reparam: MapConfig) -> dict[str, str]:
        """Maps of a list have the learning rates of its optimisers."""
        reason = "the stage's optimizer has a learning_rate"
        places = range(len(self.stages))
        return {f"schedule.stages.{place}.reparam.learning_rate_factor": reason for place in places}

    def maps(self, reparam: MapConfig) -> list[MapConfig]:
        """Those of the list."""
        return [stage.reparam for stage in self.stages]

    def optimizers(self, optimizer: OptimizerConfig) -> list[OptimizerConfig]:
        """Those of the list."""
        return [stage.optimizer for stage in self.stages]


CHOICE = StagedSchedule
