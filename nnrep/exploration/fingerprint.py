"""Which search a checkpoint is of, so that no other one goes on from it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np

from nnrep.choices.identity import hash_of
from nnrep.exploration.settings import ExploreConfig
from nnrep.minimization.batches import initial_params
from nnrep.minimization.exact import evaluate
from nnrep.minimization.fingerprint import STARTS, first_other
from nnrep.minimization.stage import Stage
from nnrep.reparam.base import Reparametrization, moved_of
from nnrep.systems.system import System

CALLED = STARTS | {"temperatures": "temperatures", "maps": "maps"}  # arrays, and what they are called


class Fingerprint(NamedTuple):
    """What decides a search.

    Attributes:
        starts: (s, n, d) from which its ladders begin.
        start_energy: (1,) exact, of the first one.
        temperatures: (R,) of the rungs.
        maps: (m, 2) of the stages of a quench: how many numbers their maps move, and their norm at the first
            start.
        settings: a hash of the configuration without its limits, which may change.
    """

    starts: np.ndarray
    start_energy: np.ndarray
    temperatures: np.ndarray
    maps: np.ndarray
    settings: str

    @classmethod
    def of(
        cls,
        system: System,
        config: ExploreConfig,
        seeds: Sequence[int],
        temperatures: Sequence[float],
        quench: Sequence[Stage],
    ) -> Self:
        """That of a search; energy and maps are compiled for it, as quenches need them as well."""
        starts = np.stack([np.asarray(system.start(seed)) for seed in seeds])
        energy = evaluate(system, starts[0]).energy
        maps = np.array([_size_and_norm(stage.reparam, starts[0]) for stage in quench])
        return cls(starts, energy[None], np.asarray(temperatures, float), maps, hash_of(config))

    def snapshot(self) -> dict[str, Any]:
        """All of it, as arrays."""
        return {name: np.asarray(value) for name, value in self._asdict().items()}

    def difference(self, snapshot: dict[str, Any]) -> str | None:
        """What a snapshot has otherwise, in words; None where it agrees. KeyError: it lacks some of it."""
        if (other := first_other(self._asdict(), snapshot, CALLED)) is not None:
            return other
        return None if str(snapshot["settings"]) == self.settings else "settings"


def _size_and_norm(reparam: Reparametrization, start: np.ndarray) -> tuple[float, float]:
    """How many numbers a map moves, and their norm where it stands at a start (n, d)."""
    leaves = [np.ravel(leaf) for leaf in jax.tree.leaves(moved_of(initial_params(reparam, 0, 0, start)))]
    moved = np.concatenate(leaves)
    return float(len(moved)), float(np.linalg.norm(moved))
