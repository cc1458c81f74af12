"""Replica exchange Langevin dynamics as the sampler of a search."""

from typing import Any

import jax
import numpy as np

from nnrep.dynamics.mechanics import mechanics_of
from nnrep.dynamics.replica_exchange import Ladder, advance, annealed, start_ladder
from nnrep.dynamics.settings import DynamicsSettings
from nnrep.exploration.round import Frames
from nnrep.systems.system import System


class ReplicaExchange:
    """Ladders of a system, see `nnrep.dynamics.replica_exchange`."""

    def __init__(self, system: System, settings: DynamicsSettings) -> None:
        """Check the settings; nothing is compiled.

        Raises:
            ConfigError: settings that the system cannot have.
        """
        mechanics_of(system, settings)
        self._system, self._settings = system, settings

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Of the rungs."""
        return tuple(self._settings.temperatures_k)

    def start(self, seed: int, positions: np.ndarray) -> Ladder:
        """A ladder whose replicas stand at positions (n, d), with velocities drawn for their temperatures."""
        return start_ladder(self._system, self._settings, seed, positions)

    def advance(self, state: Any, steps: int) -> tuple[Ladder, Frames]:
        """The ladder some steps further."""
        ladder, seen = advance(self._system, self._settings, Ladder(*state), steps)
        ladder = jax.tree.map(np.asarray, ladder)
        return ladder, Frames(
            positions=ladder.positions,
            rung=np.asarray(seen.rungs),
            energies=np.asarray(seen.potential_energies),
            kinetic_temperatures=np.asarray(seen.mean_kinetic_temperatures),
            attempts=ladder.attempts,
            accepted=ladder.accepted,
            round_trips=ladder.round_trips,
        )

    def annealed(self, state: Any, steps: int) -> np.ndarray:
        """The replicas (R, n, d) after an annealing, see `nnrep.dynamics.replica_exchange.annealed`."""
        return annealed(self._system, self._settings, Ladder(*state), steps)
