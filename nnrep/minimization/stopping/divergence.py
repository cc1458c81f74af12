"""`divergence`: ends where particles fly apart or numbers are no longer finite."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from omegaconf import MISSING

from nnrep.errors import is_number, require
from nnrep.minimization.stopping.rule import Check, Rule
from nnrep.minimization.stopping.settings import RuleChoice
from nnrep.minimization.stopping.status import Status


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Divergence(Rule):
    """Diverged where particles fly apart: from one check to the next the extent has grown to more than a
    multiple of what it was (of at least one unit of length), or anything is NaN or infinite."""

    divergence: float

    def check(self) -> None:
        """See `Rule.check`."""
        large = is_number(self.divergence) and self.divergence > 1
        require(large, "divergence", "above 1", self.divergence)

    def start(self, positions: Array) -> Array:
        """See `Rule.start`."""
        return jnp.asarray(extent_of(positions), jnp.result_type(float))

    def at_check(self, state: Array, seen: Check) -> tuple[Any, Array]:
        """See `Rule.at_check`."""
        extent = extent_of(seen.positions)
        too_far = extent > self.divergence * jnp.maximum(state, 1)
        return extent, jnp.where(too_far | ~seen.is_finite, Status.diverged, Status.running)


def extent_of(positions: Array) -> Array:
    """Largest coordinate of positions (n, d) relative to their centre: a scalar."""
    return jnp.max(abs(positions - jnp.mean(positions, axis=0)))


@dataclass(kw_only=True)
class DivergenceConfig:
    """Key of a stage; see `Divergence`."""

    divergence: float = MISSING


CHOICE = RuleChoice(DivergenceConfig)
