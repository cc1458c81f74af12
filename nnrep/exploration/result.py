"""What a search leaves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnrep.exploration.minima import Minimum
from nnrep.exploration.search import Ended
from nnrep.minimization import Result
from nnrep.minimization.result import Frames

if TYPE_CHECKING:
    import pandas as pd


class Lowest(NamedTuple):
    """A minimum of the list at the end.

    Attributes:
        minimum: energy, place, count and first time; positions as the system has them.
        shape: RMSDs to the native structure and radius of gyration, see `Shape`.
    """

    minimum: Minimum
    shape: dict[str, float]

    @property
    def result(self) -> Result | None:
        """Of the schedule that has minimised it; None of those that were left as they were quenched."""
        return self.minimum.result


@dataclass(frozen=True, eq=False, repr=False)
class Exploration:
    """The outcome of a search.

    Energies are exact ones; RMSDs and radii of gyration are in Angstrom, or in the unit that positions have.
    Temperatures are in K, or energies where a system has no units.

    Attributes:
        ended: why it has.
        diverged: seeds of ladders that have ended where a replica flew apart, with what they had met.
        lowest: the minima, the lowest first.
        native: the native structure, minimised as they are; None where there is none.
        quenches: a row a quench: seed of the ladder, step, time_ps, time_s, replica (-1: the start),
            temperature, energy_frame (before, that of a container included), energy, gradient_rms,
            evaluations, and the minimum's shape.
        exchange: a row a temperature: seed, temperature, mean kinetic_temperature, attempts and accepted
            exchanges with the next hotter one, acceptance, and round_trips of all replicas of the ladder.
        frames: the coldest replica after each round, in the frame of the molecule's file, but for one that
            has flown apart; seeds are ladders.
        time_step_ps: of the dynamics.
        steps: of all replicas of all ladders.
        time_s: seconds that the search took, without the minimisation at its end.
        name: of the system.
        energy_unit: empty where it has none.
        length_unit: likewise.
    """

    ended: Ended
    diverged: tuple[int, ...]
    lowest: tuple[Lowest, ...]
    native: Lowest | None
    quenches: "pd.DataFrame"
    exchange: "pd.DataFrame"
    frames: Frames
    time_step_ps: float
    steps: int
    time_s: float
    name: str
    energy_unit: str
    length_unit: str

    @property
    def results(self) -> tuple[Result, ...]:
        """The results of the minima that were minimised at the end, the lowest first."""
        return tuple(each.result for each in self.lowest if each.result is not None)

    def to_frame(self) -> "pd.DataFrame":
        """A row a minimum, the lowest first.

        Columns: rank, energy, gradient_rms, finished (whether it was minimised at the end), the shape, count
        (of quenches that ended in it), and where it was met first: seed, step, time_s, replica, temperature,
        time_ps.
        """
        import pandas as pd

        rows = [
            {
                "rank": rank,
                "energy": each.minimum.energy,
                "gradient_rms": each.minimum.gradient_rms,
                "finished": each.result is not None,
                **each.shape,
                "count": each.minimum.visits,
                **each.minimum.first._asdict(),
                "time_ps": each.minimum.first.step * self.time_step_ps,
            }
            for rank, each in enumerate(self.lowest, start=1)
        ]
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["rank", "energy"])

    def __repr__(self) -> str:
        """The system, the number of minima, and the lowest energy, in one line."""
        lowest = self.lowest[0].minimum.energy if self.lowest else np.nan
        text = f"{len(self.lowest)} minima, lowest energy {lowest:.6g} {self.energy_unit}".rstrip()
        return f"<Exploration {self.name}: {text}, ended by {self.ended.value}>"
