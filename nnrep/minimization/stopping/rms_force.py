"""`rms_force`: ends at the very step at which the forces are small, as OpenMM's minimiser does."""

import math
from dataclasses import dataclass, field

import jax
from jax import Array

from nnrep.choices.identity import counts_if
from nnrep.errors import is_number, require
from nnrep.minimization.exact import rms
from nnrep.minimization.stopping.rule import Rule, Step
from nnrep.minimization.stopping.settings import RuleChoice


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RmsForce(Rule):
    """Converged where the root mean square of the forces' components is below a number; 0 for never."""

    rms_force: float

    def check(self) -> None:
        """See `Rule.check`."""
        usable = is_number(self.rms_force) and 0 <= self.rms_force < math.inf
        require(usable, "rms_force", "zero (never) or positive", self.rms_force)

    def at_step(self, seen: Step) -> Array:
        """See `Rule.at_step`."""
        return rms(seen.slope, seen.particles) < self.rms_force


@dataclass(kw_only=True)
class RmsForceConfig:
    """Key of a stage; null is never. See `RmsForce`."""

    rms_force: float | None = field(
        default=None, metadata=counts_if(lambda stage: stage.rms_force is not None)
    )

    def __post_init__(self) -> None:
        """Check the range."""
        usable = self.rms_force is None or 0 < self.rms_force < math.inf
        require(usable, "rms_force", "positive, or null for never", self.rms_force)


CHOICE = RuleChoice(RmsForceConfig)
