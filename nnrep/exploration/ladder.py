"""`LadderRecord`: where one ladder of a search stands, and what it has met."""

from typing import Any, NamedTuple

import numpy as np

from nnrep.exploration.minima import Met, Minima, Minimum, Same
from nnrep.exploration.quench import Quenched
from nnrep.exploration.round import Frames, Round, Start
from nnrep.exploration.shape import Shape

# Of the table of quenches, before the columns of `Shape`. Temperatures in K, energies in the system's unit.
COLUMNS = (
    *("seed", "step", "time_s", "replica", "temperature", "energy_frame", "energy"),
    *("gradient_rms", "evaluations"),
)
STEP, ENERGY = COLUMNS.index("step"), COLUMNS.index("energy")
NO_REPLICA = -1  # of the quench of a start
STATE, FRAMES = "state", "frames"
# Numbers of the exchanges, since the start.
EXCHANGE = ("attempts", "accepted", "round_trips")


class Low(NamedTuple):
    """A quench that ended lower than all before it of its ladder; by step, then by energy."""

    step: int
    energy: float


class LadderRecord:
    """One ladder of a search.

    Attributes:
        seed: of the ladder.
        state: of its sampler; None before its start.
        step: that it has taken.
        time_s: since the search began, of its last round.
        diverged: whether a replica has flown apart, in its last round; the ladder is at its end then.
        minima: distinct ones, the lowest first.
        rows: a row a quench: `COLUMNS`, and those of the shape.
        frames: (n, d) of the coldest replica after each round.
        heat: (rounds, R) mean kinetic temperatures of the rungs.
        exchange: see `EXCHANGE`.
        lows: quenches at which its lowest energy fell, however little.
    """

    def __init__(self, seed: int, same: Same, most: int) -> None:
        """A ladder that has not begun."""
        self.seed, self.minima = seed, Minima(same, most)
        self.state: Any = None
        self.step, self.time_s, self.diverged = 0, 0.0, False
        self.rows: list[list[float]] = []
        self.frames: list[np.ndarray] = []
        self.heat: list[np.ndarray] = []
        self.exchange = {name: np.zeros(0, int) for name in EXCHANGE}
        self.lows: list[Low] = []

    @property
    def lowest(self) -> float:
        """Its lowest energy; infinite before its first quench."""
        return self.minima.lowest

    def begin(self, start: Start, shape: Shape, time_s: float) -> None:
        """Take in its start, of so many seconds after the search began."""
        self.time_s, self.state = time_s, start.state
        self._quench(start.quench, NO_REPLICA, np.nan, np.nan, shape)

    def take(self, came: Round, temperatures: tuple[float, ...], shape: Shape, time_s: float) -> None:
        """Take in a round that has ended so many seconds after the search began."""
        self.time_s = time_s
        self.state, self.step = came.state, self.step + came.steps
        frames: Frames = came.frames
        self.diverged = not np.all(np.isfinite(frames.positions))
        for replica, one in enumerate(came.quenches):
            temperature = temperatures[int(frames.rung[replica])]
            self._quench(one, replica, temperature, float(frames.energies[replica]), shape)
        n = len(came.quenches[0].positions)
        self.frames.append(np.asarray(frames.positions[int(np.argmin(frames.rung))][:n], np.float32))
        self.heat.append(np.asarray(frames.kinetic_temperatures, float))
        self.exchange = {name: np.asarray(getattr(frames, name)) for name in EXCHANGE}

    def _quench(
        self, one: Quenched, replica: int, temperature: float, energy_frame: float, shape: Shape
    ) -> None:
        met = Met(self.seed, self.step, self.time_s, replica, temperature)
        self.minima.add(Minimum(one.energy, one.gradient_rms, one.positions, met))
        own = (*met, energy_frame, one.energy, one.gradient_rms, one.evaluations)
        self.rows.append([*map(float, own), *shape.of_positions(one.positions).values()])
        self._follow(self.step, one.energy)

    def _follow(self, step: int, energy: float) -> None:
        if energy < (self.lows[-1].energy if self.lows else np.inf):
            self.lows.append(Low(step, energy))

    def snapshot(self) -> dict[str, Any]:
        """All of it, as arrays and lists of arrays."""
        return {
            STATE: [np.asarray(each) for each in self.state or ()],
            FRAMES: np.array(self.frames),
            "rows": np.array(self.rows),
            "heat": np.array(self.heat),
            "numbers": np.array([self.step, self.time_s, self.diverged]),
            **self.minima.snapshot(),
            **self.exchange,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        step, time_s, diverged = snapshot["numbers"]
        self.step, self.time_s, self.diverged = int(step), float(time_s), bool(diverged)
        self.rows, self.frames = snapshot["rows"].tolist(), list(snapshot[FRAMES])
        for row in self.rows:
            self._follow(int(row[STEP]), row[ENERGY])
        self.heat = list(snapshot["heat"])
        self.exchange = {name: snapshot[name] for name in EXCHANGE}
        self.minima.restore(snapshot)
        self.state = tuple(snapshot[STATE]) or None
