"""`min_delta` and `patience`: ends where the loss no longer falls."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from omegaconf import MISSING

from nnrep.errors import require
from nnrep.minimization.stopping.rule import Check, Rule
from nnrep.minimization.stopping.settings import RuleChoice
from nnrep.minimization.stopping.status import Status


class Best(NamedTuple):
    """Lowest loss so far that counts, and the checks since then."""

    loss: Array
    checks: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Patience(Rule):
    """Converged after `patience` checks in a row without an improvement of more than `min_delta`."""

    min_delta: float
    patience: int

    def check(self) -> None:
        """See `Rule.check`."""
        require(0 <= self.min_delta < float("inf"), "min_delta", "zero or positive", self.min_delta)
        require(1 <= self.patience < 2**31, "patience", "from 1 to 2^31 - 1", self.patience)

    def start(self, positions: Array) -> Best:
        """See `Rule.start`."""
        return Best(jnp.asarray(jnp.inf, jnp.result_type(float)), jnp.zeros((), int))

    def at_check(self, state: Best, seen: Check) -> tuple[Any, Array]:
        """See `Rule.at_check`."""
        improved = seen.loss < state.loss - self.min_delta
        checks = jnp.where(improved, 0, state.checks + 1)
        status = jnp.where(checks >= self.patience, Status.converged, Status.running)
        return Best(jnp.where(improved, seen.loss, state.loss), checks), status


@dataclass(kw_only=True)
class PatienceConfig:
    """Keys of a stage; see `Patience`."""

    min_delta: float = MISSING
    patience: int = MISSING


CHOICE = RuleChoice(PatienceConfig)
