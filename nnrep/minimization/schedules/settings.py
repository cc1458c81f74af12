"""`ScheduleConfig`: what every choice of `schedule` has."""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from nnrep.choices.identity import counts_if, matters_if
from nnrep.minimization.attempts import Restarts
from nnrep.minimization.optimizers.optimizer import Optimizer
from nnrep.minimization.optimizers.settings import OptimizerConfig
from nnrep.minimization.stage import Stage
from nnrep.minimization.stopping import Stopping
from nnrep.modes.settings import ModesConfig
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.settings import MapConfig

_IF_RESTARTED = counts_if(lambda schedule: schedule.restarts > 0)


class PlannedStage(NamedTuple):
    """A stage as its configuration describes it.

    Attributes:
        name: for tables.
        reparam: settings of its map.
        modes: of which modes it is made.
        optimizer: with its learning rate.
        learning_rate: at the first step.
        stopping: rules.
        max_steps: most steps.
        check_key: of the configuration that says when it checks.
        place: in a list of stages; empty where map and modes are the run's.
        given_modes: keys of `modes` that the stage itself was given.
    """

    name: str
    reparam: MapConfig
    modes: ModesConfig
    optimizer: Optimizer
    learning_rate: float
    stopping: Stopping
    max_steps: int
    check_key: str
    place: str = ""
    given_modes: tuple[str, ...] = ()

    def with_map(self, reparam: Reparametrization) -> Stage:
        """What `minimize` takes."""
        return Stage(self.name, reparam, self.optimizer, self.stopping, self.max_steps, self.reparam.fitting)


@dataclass(kw_only=True)
class ScheduleConfig:
    """Settings of a schedule.

    Attributes:
        name: of the choice.
        restarts: how often a seed that has failed is restarted, see `nnrep.minimize`.
        min_contact_fraction: of satisfied contacts, below which it has failed.
    """

    name: str
    restarts: int = field(metadata=_IF_RESTARTED)
    min_contact_fraction: float = field(
        metadata={
            **_IF_RESTARTED,
            **matters_if(lambda schedule: schedule.restarts > 0, "schedule.restarts=0 restarts nothing"),
        }
    )

    # In pictures, #RRGGBB, or grey if empty; in tables and claims of figures, or its name if empty.
    color: ClassVar[str] = ""
    label: ClassVar[str] = ""
    # Whether the groups `reparam` and `optimizer` have a part in it.
    takes_map: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        Restarts(self.restarts, self.min_contact_fraction).check()

    @property
    def shown_name(self) -> str:
        """What tables call it."""
        return self.name

    def planned(
        self, reparam: MapConfig, modes: ModesConfig, optimizer: OptimizerConfig, max_steps: int
    ) -> list[PlannedStage]:
        """The stages in order.

        Args:
            reparam, modes, optimizer: the run's groups.
            max_steps: of the run.

        Raises:
            ConfigError: naming the key at fault.
        """
        raise NotImplementedError

    def check_system(self, name: str, has_like_particles: bool) -> None:
        """Raise `ConfigError` if it is not for a system.

        Args:
            name: of the system.
            has_like_particles: whether nothing tells one particle of it from another.
        """

    def without_effect(self, reparam: MapConfig) -> dict[str, str]:
        """Keys of the whole configuration that its stages do not take with the run's map, and why.

        One that others follow by default is among them: it has an effect where they do follow it.
        """
        return {}

    def maps(self, reparam: MapConfig) -> list[MapConfig]:
        """The maps that tables name, repeated stages once."""
        return [reparam]

    def optimizers(self, optimizer: OptimizerConfig) -> list[OptimizerConfig]:
        """The optimisers that tables name."""
        return [optimizer]
