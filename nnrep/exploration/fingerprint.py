"""Which search a checkpoint is of, so that no other one goes on from it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from nnrep.choices.identity import hash_of
from nnrep.exploration.settings import ExploreConfig
from nnrep.minimization.exact import evaluate
from nnrep.minimization.fingerprint import STARTS, first_other
from nnrep.systems.system import System


class Fingerprint(NamedTuple):
    """What decides a search.

    Attributes:
        starts: (s, n, d) from which its ladders begin.
        start_energy: (1,) exact, of the first one.
        temperatures: (R,) of the rungs.
        settings: a hash of the configuration without its limits, which may change.
    """

    starts: np.ndarray
    start_energy: np.ndarray
    temperatures: np.ndarray
    settings: str

    @classmethod
    def of(
        cls, system: System, config: ExploreConfig, seeds: Sequence[int], temperatures: Sequence[float]
    ) -> Self:
        """That of a search; the energy is compiled for it, as quenches need it as well."""
        starts = np.stack([np.asarray(system.start(seed)) for seed in seeds])
        energy = evaluate(system, starts[0]).energy
        return cls(starts, energy[None], np.asarray(temperatures, float), hash_of(config))

    def snapshot(self) -> dict[str, Any]:
        """All of it, as arrays."""
        return {name: np.asarray(value) for name, value in self._asdict().items()}

    def difference(self, snapshot: dict[str, Any]) -> str | None:
        """What a snapshot has otherwise, in words; None where it agrees, or does not have it."""
        if "settings" not in snapshot:
            return None
        called = STARTS | {"temperatures": "temperatures"}
        if (other := first_other(self._asdict(), snapshot, called)) is not None:
            return other
        return None if str(snapshot["settings"]) == self.settings else "settings"
