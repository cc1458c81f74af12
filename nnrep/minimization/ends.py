"""Where replicas have ended, the best of their attempts, and which of them are begun anew."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jax import Array


class Restarts(NamedTuple):
    """When a replica is begun anew, from another start, within its steps.

    Attributes:
        most: times for a replica.
        failed: positions (n, d) -> whether they are no success.
    """

    most: int
    failed: Callable[[np.ndarray], bool]


NO_RESTARTS = Restarts(0, lambda positions: False)


class Ends(NamedTuple):
    """The best end of every replica so far; what a replica has not come to is NaN.

    Attributes:
        ended: (s,) whether it is done.
        positions: (s, n, d).
        energy: (s,) exact.
        gradient_rms: (s,) of the exact gradient.
        status: (s,) codes of `Status`.
        coarse: (s, n, d) where the stage before the last one had ended; NaN where there was none.
    """

    ended: np.ndarray
    positions: np.ndarray
    energy: np.ndarray
    gradient_rms: np.ndarray
    status: np.ndarray
    coarse: np.ndarray

    @classmethod
    def none_yet(cls, count: int, like: Array) -> "Ends":
        """Of replicas that have just begun, with positions like those (n, d)."""
        nan = np.full(count, np.nan, like.dtype)
        positions = np.full((count, *like.shape), np.nan, like.dtype)
        return cls(np.zeros(count, bool), positions, nan, nan, np.zeros(count, int), positions)

    def with_ends(self, which: np.ndarray, there: "Ends") -> "Ends":
        """Some (s,) have ended, each in the lower of the end it had and of where it is now."""
        # Also where there is none yet. What is not finite is above everything.
        old, new = (np.where(np.isfinite(ends.energy), ends.energy, np.inf) for ends in (self, there))
        first = np.isnan(self.positions).any(axis=(1, 2))
        better = which & (first | (new < old))
        kept = Ends(
            *(
                np.where(better.reshape(-1, *[1] * (mine.ndim - 1)), theirs, mine)
                for mine, theirs in zip(self, there, strict=True)
            )
        )
        return kept._replace(ended=self.ended | which)
