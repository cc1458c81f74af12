"""What ladders are made of: a start, then rounds of dynamics and a quench of the frame of every replica."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from nnrep.exploration.quench import Quenched, quenched
from nnrep.exploration.settings import ExploreConfig
from nnrep.host.background import LeftError, interruptible
from nnrep.minimization import Stage
from nnrep.systems.system import System

PIECE_SECONDS = 0.5  # of dynamics, after which what was done is shown
PATIENCE_SECONDS = 3.0  # that a piece may go on once the search is to stop


class Frames(NamedTuple):
    """The replicas of a ladder after some steps.

    Attributes:
        positions: (R, n, d), dummies included or not.
        rung: (R,) at which of the ladder's temperatures each replica came there, counted from the coldest.
        energies: (R,) of the frames.
        kinetic_temperatures: (R,) of the rungs, means over all steps.
        attempts, accepted: (R - 1,) exchanges of each rung with the next hotter one, since the start.
        round_trips: (R,) of each replica, since the start.
    """

    positions: np.ndarray
    rung: np.ndarray
    energies: np.ndarray
    kinetic_temperatures: np.ndarray
    attempts: np.ndarray
    accepted: np.ndarray
    round_trips: np.ndarray


class Sampler(Protocol):
    """What moves the replicas of a ladder."""

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Of the rungs."""
        ...

    def start(self, seed: int, positions: np.ndarray) -> Any:
        """The state, a tuple of arrays, of a ladder whose replicas all stand at positions (n, d)."""
        ...

    def advance(self, state: Any, steps: int) -> tuple[Any, Frames]:
        """The state after some steps, a multiple of explore.exchange_every, and the replicas there.

        However steps are shared among calls, the numbers are the same but for mean temperatures.
        """
        ...

    def annealed(self, state: Any, steps: int) -> np.ndarray:
        """The replicas (R, n, d) after an annealing of so many steps; the state stays as it is."""
        ...


class Order(NamedTuple):
    """What is to be computed of a ladder: a round from a state of its sampler, or its start (None)."""

    seed: int
    state: Any | None


class Start(NamedTuple):
    """How a ladder begins.

    Attributes:
        state: of the sampler, all of whose replicas stand at the minimum below the system's start.
        quench: of the system's start.
    """

    state: Any
    quench: Quenched


class Round(NamedTuple):
    """What came of a round.

    Attributes:
        state: of the sampler at its end.
        steps: that the ladder has taken in it.
        frames: at its end.
        quenches: of the frame of each replica, the evaluations of its annealing among them.
    """

    state: Any
    steps: int
    frames: Frames
    quenches: tuple[Quenched, ...]


class Explorer:
    """All that a process needs for the rounds of a system; its programs serve every ladder."""

    def __init__(
        self, system: System, sampler: Sampler, stages: Sequence[Stage], config: ExploreConfig
    ) -> None:
        """Nothing is compiled yet.

        Args:
            system: whose minima are searched for.
            sampler: moves the replicas.
            stages: of quenches.
            config: intervals.
        """
        self.system, self.sampler, self.stages, self.config = system, sampler, tuple(stages), config
        self._exchanges = 1  # of a piece of the dynamics

    def quench(self, positions: np.ndarray, should_stop: Callable[[], bool] | None) -> Quenched | None:
        """The minimum below positions (n, d); None where it was to stop."""
        return quenched(self.system, self.stages, positions, self.config.quench.steps, should_stop)

    def computed(
        self,
        order: Order,
        should_stop: Callable[[], bool],
        on_steps: Callable[[int], None] | None = None,
    ) -> Start | Round | None:
        """What comes of an order; None where it was to stop, and nothing has come of it.

        Args:
            order: which ladder's start or round.
            should_stop: asked several times a second.
            on_steps: told of how many steps were taken, each time that there are some.
        """
        if order.state is None:
            return self._start(order.seed, should_stop)
        return self._round(order.state, should_stop, on_steps)

    def _start(self, seed: int, should_stop: Callable[[], bool]) -> Start | None:
        lowest = self.quench(np.asarray(self.system.start(seed)), should_stop)
        return None if lowest is None else Start(self.sampler.start(seed, lowest.positions), lowest)

    def _round(
        self, state: Any, should_stop: Callable[[], bool], on_steps: Callable[[int], None] | None
    ) -> Round | None:
        steps = self.config.quench_every
        moved = self._moved(state, steps, should_stop, on_steps)
        if moved is None:
            return None
        state, frames = moved
        annealed = self._annealed(state, frames, should_stop)
        if annealed is None:
            return None
        quenches, cooling = [], self.config.quench.annealing(self.system.energy_unit)
        for positions in annealed:
            one = self.quench(positions, should_stop)
            if one is None:
                return None
            quenches.append(one._replace(evaluations=cooling + one.evaluations))
        return Round(state, steps, frames, tuple(quenches))

    def _annealed(self, state: Any, frames: Frames, should_stop: Callable[[], bool]) -> np.ndarray | None:
        """Where quenches begin; None where the round was to stop."""
        steps = self.config.quench.annealing(self.system.energy_unit)
        if steps == 0:
            return frames.positions
        try:
            onward = partial(self.sampler.annealed, state, steps)
            return interruptible(onward, should_stop, PATIENCE_SECONDS)
        except LeftError:
            return None

    def _moved(
        self,
        state: Any,
        steps: int,
        should_stop: Callable[[], bool],
        on_steps: Callable[[int], None] | None,
    ) -> tuple[Any, Frames] | None:
        """Dynamics in pieces that take about `PIECE_SECONDS`; None where it was to stop."""
        done, frames = 0, None
        heat = np.zeros(len(self.sampler.temperatures))
        while done < steps:
            if should_stop():
                return None
            piece = min(self._exchanges * self.config.exchange_every, steps - done)
            began = time.perf_counter()
            onward = partial(self.sampler.advance, state, piece)
            try:
                state, frames = interruptible(onward, should_stop, PATIENCE_SECONDS)
            except LeftError:
                return None
            elapsed = max(time.perf_counter() - began, 1e-6)
            heat = heat + piece * frames.kinetic_temperatures
            done += piece
            growth = min(PIECE_SECONDS / elapsed, 8.0)
            self._exchanges = max(1, int(self._exchanges * growth))
            if on_steps is not None:
                on_steps(piece)
        assert frames is not None
        return state, frames._replace(kinetic_temperatures=heat / steps)
