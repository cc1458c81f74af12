"""`min_delta`, `patience` and `epoch`: ends where the loss no longer falls."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from omegaconf import MISSING

from nnrep.choices.identity import counts_if
from nnrep.errors import is_integer, is_number, require
from nnrep.minimization.stopping.rule import Check, Rule
from nnrep.minimization.stopping.settings import RuleChoice
from nnrep.minimization.stopping.status import Status


class Best(NamedTuple):
    """Lowest loss so far that counts, the checks since then or since its epoch began, and the epoch."""

    loss: Array
    checks: Array
    epoch: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Patience(Rule):
    """Stalled after `patience` checks in a row without an improvement of more than `min_delta`.

    Every `epoch` steps the count of checks restarts at 0; the lowest loss is kept. 0 for never.
    """

    min_delta: float
    patience: int
    epoch: int = 0

    def check(self) -> None:
        """See `Rule.check`."""
        enough = is_number(self.min_delta) and 0 <= self.min_delta < float("inf")
        require(enough, "min_delta", "zero or positive", self.min_delta)
        counted = is_integer(self.patience) and 1 <= self.patience < 2**31
        require(counted, "patience", "from 1 to 2^31 - 1", self.patience)
        counted = is_integer(self.epoch) and 0 <= self.epoch < 2**31
        require(counted, "epoch", "from 0 (never) to 2^31 - 1", self.epoch)

    def start(self, positions: Array) -> Best:
        """See `Rule.start`."""
        return Best(jnp.asarray(jnp.inf, jnp.result_type(float)), *jnp.zeros(2, int))

    def at_check(self, state: Best, seen: Check) -> tuple[Any, Array]:
        """See `Rule.at_check`."""
        improved = seen.loss < state.loss - self.min_delta
        checks = jnp.where(improved, 0, state.checks + 1)
        status = jnp.where(checks >= self.patience, Status.stalled, Status.running)
        epoch = jnp.where(self.epoch > 0, seen.step // jnp.maximum(self.epoch, 1), 0)
        checks = jnp.where(epoch > state.epoch, 0, checks)
        return Best(jnp.where(improved, seen.loss, state.loss), checks, epoch.astype(int)), status


@dataclass(kw_only=True)
class PatienceConfig:
    """Keys of a stage; see `Patience`. A null epoch is never."""

    min_delta: float = MISSING
    patience: int = MISSING
    epoch: int | None = field(default=None, metadata=counts_if(lambda stage: stage.epoch is not None))

    def __post_init__(self) -> None:
        """Check the range."""
        usable = self.epoch is None or 1 <= self.epoch < 2**31
        require(usable, "epoch", "from 1 to 2^31 - 1, or null for never", self.epoch)


CHOICE = RuleChoice(PatienceConfig)
