"""The keys of a stage that say when it ends: those of all stopping rules."""

from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import MISSING

from nnrep.minimization.stopping import Stopping
from nnrep.minimization.stopping.registry import RULES

_KEYS = tuple(rule.settings for rule in RULES.values())
_RuleKeys: Any = object if TYPE_CHECKING else make_dataclass("_RuleKeys", [], bases=_KEYS, kw_only=True)


@dataclass(kw_only=True)
class StoppingConfig(_RuleKeys):
    """When a stage ends, see `nnrep.Stopping`: the keys of every rule, and how often they are asked.

    Attributes:
        check_every: steps from check to check.
    """

    check_every: int = MISSING

    if TYPE_CHECKING:  # of rules that every stage has
        min_delta: float
        patience: int
        divergence: float
        epoch: int | None
        rms_force: float | None

    def stopping(self) -> Stopping:
        """The stopping rules."""
        more = [rule.build(self) for rule in RULES.values() if rule.build is not None]
        return Stopping(
            min_delta=self.min_delta,
            patience=self.patience,
            check_every=self.check_every,
            divergence=self.divergence,
            rms_force=self.rms_force or 0.0,
            epoch=self.epoch or 0,
            rules=tuple(rule for rule in more if rule is not None),
        )

    def __post_init__(self) -> None:
        """Check the ranges."""
        for keys in _KEYS:
            if hasattr(keys, "__post_init__"):
                keys.__post_init__(self)
        self.stopping().check()
