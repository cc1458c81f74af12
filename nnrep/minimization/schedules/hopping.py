"""`schedule=hopping`: basin hopping through the run's map, then a descent of the positions."""

import math

from nnrep.choices.settings import build, settings
from nnrep.errors import require
from nnrep.minimization.basin_hopping import Moves, hopping
from nnrep.minimization.optimizers.settings import OptimizerConfig
from nnrep.minimization.schedules.settings import PlannedStage, ScheduleConfig
from nnrep.minimization.stopping import Stopping
from nnrep.modes.settings import ModesConfig
from nnrep.reparam.none import NoneConfig
from nnrep.reparam.settings import MapConfig


@settings("schedule/hopping")
class HoppingSchedule(ScheduleConfig):
    """`schedule=hopping`; the descents are those of the run's optimiser, over what the run's map moves.

    Attributes:
        size, temperature, rest, longest, surface: see `nnrep.minimization.basin_hopping.Moves`.
        last: most steps of the descent at the end, which are kept from the run's max_steps, of which they are
            half at most.
        rms_force: at which it ends, in the system's units.
        check_every: steps from check to check.
    """

    size: float
    temperature: float
    rest: float
    longest: int
    surface: float | None
    last: int
    rms_force: float
    check_every: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        Moves(self.size, self.temperature, self.rest, self.longest, self.surface).check()
        require(0 <= self.last < 2**31, "last", "from 0 to 2^31 - 1", self.last)
        require(0 < self.rms_force < math.inf, "rms_force", "positive", self.rms_force)
        require(1 <= self.check_every < 2**31, "check_every", "from 1 to 2^31 - 1", self.check_every)

    def planned(
        self, reparam: MapConfig, modes: ModesConfig, optimizer: OptimizerConfig, max_steps: int
    ) -> list[PlannedStage]:
        """The search, and the descent of the lowest point that it has met."""
        steps, rate = max_steps - min(self.last, max_steps // 2), optimizer.learning_rate
        rate_of_map = rate if reparam.is_identity else rate * reparam.learning_rate_factor
        descent = optimizer.build(rate_of_map)
        surface = self.surface if reparam.is_identity else None
        search = hopping(descent, self.size, self.temperature, self.rest, self.longest, surface)
        # It goes on whatever it meets.
        whole = Stopping(min_delta=0, patience=steps // self.check_every + 1, check_every=self.check_every)
        rest = Stopping(min_delta=0, check_every=self.check_every, rms_force=self.rms_force)
        free, key = build(NoneConfig, {}), "schedule.check_every"
        return [
            PlannedStage("hopping", reparam, modes, search, rate_of_map, whole, steps, key),
            PlannedStage("fine", free, modes, optimizer.build(rate), rate, rest, max_steps, key),
        ]

    def check_system(self, name: str, has_like_particles: bool) -> None:
        """Loose particles are moved to the surface of a cluster."""
        allowed = f"null, as particles of system={name} are not alike"
        require(self.surface is None or has_like_particles, "surface", allowed, self.surface)

    def without_effect(self, reparam: MapConfig) -> dict[str, str]:
        """A map's inputs are no particles."""
        reason = f"reparam={reparam.name} does not move particles one by one"
        return {} if reparam.is_identity else {"schedule.surface": reason}


CHOICE = HoppingSchedule
