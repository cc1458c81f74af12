"""Which run a checkpoint is of, so that no other one goes on from it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from nnrep.minimization.attempts import Restarts
from nnrep.minimization.stage import Stage

# Relative to the largest number of an array, times the root of its precision: machines round differently.
ROUNDING = 4.0
STARTS = {"starts": "starts", "start_energy": "energy"}  # arrays, and what they are called


class Fingerprint(NamedTuple):
    """What decides a run.

    Attributes:
        starts: (s, n, d) from which its replicas begin.
        start_energy: (1,) exact, of the first one.
        numbers: (m,) of its stages, limits, restarts and frames.
    """

    starts: np.ndarray
    start_energy: np.ndarray
    numbers: np.ndarray

    def snapshot(self) -> dict[str, Any]:
        """All of it, as arrays."""
        return self._asdict()

    def difference(self, snapshot: dict[str, Any]) -> str | None:
        """What a snapshot has otherwise, in words; None where it agrees. KeyError: it lacks some of it."""
        if (other := first_other(self._asdict(), snapshot, STARTS)) is not None:
            return other
        if not np.array_equal(self.numbers, snapshot["numbers"]):
            return "optimisers, stopping rules, fits, limits, restarts or record_every"
        return None


def numbers_of(
    stages: Sequence[Stage], max_steps: int, restarts: Restarts, record_every: int | None
) -> np.ndarray:
    """The numbers (m,) of a run: of stages (-1 without an own limit), restarts and frames."""
    each = [
        (
            stage.optimizer.hyperparameters,
            stage.stopping._replace(rules=()),
            [leaf for leaf in jax.tree.leaves(stage.stopping.rules) if not callable(leaf)],
            -1 if stage.max_steps is None else stage.max_steps,
            stage.fit,
        )
        for stage in stages
    ]
    leaves = jax.tree.leaves((each, max_steps, restarts, record_every or 0))
    return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in leaves])


def first_other(mine: Mapping[str, Any], theirs: Mapping[str, Any], called: Mapping[str, str]) -> str | None:
    """The first array in which two fingerprints do not agree, in words; the precision is that of the starts.

    Args:
        mine: name -> array.
        theirs: the same of a snapshot.
        called: the names that are compared, and what they are called.
    """
    if mine["starts"].dtype != theirs["starts"].dtype:
        return "precision"
    return next((words for name, words in called.items() if not agree(mine[name], theirs[name])), None)


def agree(mine: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether two arrays are the same but for rounding."""
    if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
        return False
    largest = float(np.max(abs(mine), initial=0.0, where=np.isfinite(mine)))
    within = ROUNDING * float(np.sqrt(np.finfo(mine.dtype).eps)) * largest
    return np.allclose(mine, theirs, rtol=0, atol=within, equal_nan=True)
