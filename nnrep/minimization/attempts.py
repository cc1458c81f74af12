"""Where replicas came to their end, the best of their attempts, and which of them are restarted."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jax import Array

from nnrep.errors import AsCode, is_integer, is_number, require
from nnrep.minimization.stopping import Status
from nnrep.systems.measures import MIN_CONTACT_FRACTION

MOST_RESTARTS = 100


class Restarts(NamedTuple):
    """When a failed replica is restarted from another start, within its steps; for systems that draw starts.

    Attributes:
        most: times for a replica; the lowest of its outcomes is kept, of those that have not failed if any.
        min_contact_fraction: share of satisfied contacts below which a replica has failed, see `has_failed`.
    """

    most: int = 0
    min_contact_fraction: float = MIN_CONTACT_FRACTION

    def check(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the number out of range.
        """
        counted = is_integer(self.most) and 0 <= self.most <= MOST_RESTARTS
        require(counted, "restarts", f"from 0 to {MOST_RESTARTS}", self.most)
        least = self.min_contact_fraction
        share = is_number(least) and 0 <= least <= 1
        require(share, "min_contact_fraction", "from 0 to 1", AsCode(least))


class Outcomes(NamedTuple):
    """The best outcome of every replica so far; what a replica has not come to is NaN.

    Attributes:
        done: (s,) whether it has ended.
        positions: (s, n, d).
        energy: (s,) exact.
        gradient_rms: (s,) of the exact gradient.
        status: (s,) codes of `Status`.
        coarse: (s, n, d) where the stage before the last one ended; NaN where there was none.
    """

    done: np.ndarray
    positions: np.ndarray
    energy: np.ndarray
    gradient_rms: np.ndarray
    status: np.ndarray
    coarse: np.ndarray

    @classmethod
    def none_yet(cls, count: int, like: Array) -> "Outcomes":
        """Of replicas that have just begun, with positions like those (n, d)."""
        nan = np.full(count, np.nan, like.dtype)
        positions = np.full((count, *like.shape), np.nan, like.dtype)
        return cls(np.zeros(count, bool), positions, nan, nan, np.zeros(count, int), positions)

    @property
    def exist(self) -> np.ndarray:
        """(s,) whether a replica has come to one."""
        return ~np.isnan(self.positions).any(axis=(1, 2))

    def lower_than(self, others: "Outcomes") -> np.ndarray:
        """Which (s,) are lower than others; what is not finite is above everything."""
        own, theirs = (np.where(np.isfinite(each.energy), each.energy, np.inf) for each in (self, others))
        return own < theirs

    def where(self, which: np.ndarray, other: "Outcomes") -> "Outcomes":
        """These outcomes of some replicas (s,), and the other ones of the rest."""
        pairs = zip(self, other, strict=True)
        return Outcomes(
            *(np.where(which.reshape(-1, *[1] * (mine.ndim - 1)), mine, theirs) for mine, theirs in pairs)
        )


class Attempts:
    """The attempts of all replicas.

    Attributes:
        number: of attempts before the present one.
        outcomes: of each replica the lowest one that has not failed or, where all have, of all.
        failed: (s,) whether that one has failed; where nothing is restarted, nothing is judged.
        restarted: (s,) how often each replica was restarted.
        examined: (s,) whether a replica's outcome has been looked at for failure.
    """

    def __init__(
        self, restarts: Restarts, has_failed: Callable[[np.ndarray], bool], count: int, like: Array
    ) -> None:
        """None has ended, of so many replicas with positions like those (n, d)."""
        self._restarts, self._has_failed = restarts, has_failed
        self.number = 0
        self.outcomes = Outcomes.none_yet(count, like)
        self.failed, self.examined = np.zeros(count, bool), np.zeros(count, bool)
        self.restarted = np.zeros(count, int)

    def end(self, which: np.ndarray, current: Outcomes) -> None:
        """Some replicas (s,) have ended where they are."""
        failed = self._failures(which, current)
        better = np.where(failed == self.failed, current.lower_than(self.outcomes), self.failed)
        better = which & (better | ~self.outcomes.exist)
        kept = current.where(better, self.outcomes)
        self.outcomes = kept._replace(done=self.outcomes.done | which)
        self.failed = np.where(better, failed, self.failed)

    def begin_next(self, may_go_on: np.ndarray) -> np.ndarray:
        """Which replicas (s,) are restarted: those that have failed, of those that may go on."""
        # A second look at a finished run finds nothing to do.
        anew = may_go_on & (self.number < self._restarts.most) & ~self.examined & self.failed
        self.examined = np.ones_like(anew)
        if anew.any():
            self.number += 1
            self.restarted = self.restarted + anew
            self.outcomes, self.examined = self.outcomes._replace(done=~anew), ~anew
        return anew

    def snapshot(self) -> dict[str, Any]:
        """All of it, as arrays and lists of arrays."""
        return {
            "attempt": np.asarray(self.number),
            "outcomes": list(self.outcomes),
            "restarted": self.restarted,
            "examined": self.examined,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        self.number = int(snapshot["attempt"])
        self.outcomes = Outcomes(*snapshot["outcomes"])
        self.restarted, self.examined = snapshot["restarted"], snapshot["examined"]
        self.failed = self._failures(self.outcomes.exist, self.outcomes)

    def _failures(self, which: np.ndarray, outcomes: Outcomes) -> np.ndarray:
        """Which (s,) of some outcomes (s,) have failed."""
        failed = np.zeros(len(which), bool)
        if self._restarts.most == 0:
            return failed
        for replica in np.flatnonzero(which):
            lost = outcomes.status[replica] == Status.diverged or not np.isfinite(outcomes.energy[replica])
            failed[replica] = lost or self._has_failed(outcomes.positions[replica])
        return failed
