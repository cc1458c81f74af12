"""A list of distinct minima: of those that count as one, the lowest."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from nnrep.minimization import Result
from nnrep.systems.measures import rmsd_in_place, rmsd_to_each


class Met(NamedTuple):
    """Where and when a minimum was met.

    Attributes:
        seed: of the ladder.
        step: of the ladder.
        time_s: since the search began.
        replica: which walker of the ladder, counted from 0.
        temperature: at which it was.
    """

    seed: int
    step: int
    time_s: float
    replica: int
    temperature: float


class Minimum(NamedTuple):
    """A minimum of the energy, and how often it was met.

    Attributes:
        energy: exact, of the positions.
        gradient_rms: root mean square of the exact gradient's components there.
        positions: (n, d), as the system has them.
        first: where and when it, or one that counts as the same, was met first.
        visits: how many quenches have ended in it.
        result: of the schedule that has minimised it; None of one that was left as it was quenched.
    """

    energy: float
    gradient_rms: float
    positions: np.ndarray
    first: Met
    visits: int = 1
    result: Result | None = None


class Same(NamedTuple):
    """When two minima count as one: where all that is given holds.

    Attributes:
        atoms: (m,) whose RMSD is taken.
        rmsd: at most so much, in the unit of the positions; None: any.
        energy: energies differ by at most so much; None: by any.
        superposed: whether the RMSD is that after superposition; else positions are compared as they are,
            as where particles are frozen.
        exchanges: permutations (m,) of these atoms after which a minimum is the same one; the RMSD is the
            least that they lead to, each taken where it lowers the RMSD.
    """

    atoms: np.ndarray
    rmsd: float | None
    energy: float | None
    superposed: bool = True
    exchanges: tuple[np.ndarray, ...] = ()

    def matches(self, minimum: Minimum, others: list[Minimum]) -> np.ndarray:
        """Which (k,) of k others count as one with a minimum."""
        matching = np.ones(len(others), bool)
        if not others:
            return matching
        if self.energy is not None:
            matching &= abs(np.array([each.energy for each in others]) - minimum.energy) <= self.energy
        if self.rmsd is not None and matching.any():
            near = np.stack([each.positions[self.atoms] for each in others])[matching]
            matching[matching] = self._rmsds(minimum.positions[self.atoms], near) <= self.rmsd
        return matching

    def _rmsds(self, positions: np.ndarray, others: np.ndarray) -> np.ndarray:
        """RMSD (k,) of positions (m, d) to each of k others (k, m, d)."""
        distances = rmsd_to_each if self.superposed else rmsd_in_place
        least = distances(positions, others)
        for exchange in self.exchanges:
            exchanged = others[:, exchange]
            rmsds = distances(positions, exchanged)
            lower = rmsds < least
            others = np.where(lower[:, None, None], exchanged, others)
            least = np.where(lower, rmsds, least)
        return least


def _order(met: Met) -> tuple[int, int, int]:
    """By which the first is told: not by time, at which ladders in several processes differ."""
    return met.step, met.seed, met.replica


class Minima:
    """The lowest distinct minima of a search, by energy."""

    def __init__(self, same: Same, most: int, held: Iterable[Minimum] = ()) -> None:
        """A list of at most so many; it begins with those that are held already."""
        self._same, self._most = same, most
        self._held = sorted(held, key=lambda each: each.energy)

    @property
    def all(self) -> tuple[Minimum, ...]:
        """The minima, the lowest first."""
        return tuple(self._held)

    @property
    def lowest(self) -> float:
        """The lowest energy; infinite without a minimum."""
        return self._held[0].energy if self._held else np.inf

    def of(self, held: Iterable[Minimum]) -> "Minima":
        """A list like this one, of other minima."""
        return Minima(self._same, self._most, held)

    def add(self, minimum: Minimum) -> None:
        """Take a minimum in, once more if it is there.

        Of all that count as one with it, the lowest remains, with the visits of all and the time of the
        first; a minimum that lies above several counts as one with the lowest of these alone.
        """
        if not np.isfinite(minimum.energy):
            return
        matching = np.flatnonzero(self._same.matches(minimum, self._held))
        if len(matching) and self._held[matching[0]].energy <= minimum.energy:
            matching = matching[:1]
        merged = [self._held[place] for place in matching]
        one = min([*merged, minimum], key=lambda each: each.energy)
        first = min((each.first for each in (*merged, minimum)), key=_order)
        visits = minimum.visits + sum(each.visits for each in merged)
        rest = [each for place, each in enumerate(self._held) if place not in set(matching.tolist())]
        rest.append(one._replace(first=first, visits=visits))
        self._held = sorted(rest, key=lambda each: each.energy)[: self._most]

    def snapshot(self) -> dict[str, Any]:
        """The list as arrays; empty without a minimum."""
        if not self._held:
            return {}
        return {
            "minima_positions": np.stack([each.positions for each in self._held]),
            "minima_numbers": np.array(
                [[each.energy, each.gradient_rms, each.visits, *each.first] for each in self._held]
            ),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        numbers = snapshot.get("minima_numbers", ())
        self._held = [
            Minimum(
                float(energy), float(rms), positions, Met(int(a), int(b), float(c), int(d), float(e)), int(k)
            )
            for (energy, rms, k, a, b, c, d, e), positions in zip(
                numbers, snapshot.get("minima_positions", ()), strict=True
            )
        ]


def merged(lists: Iterable[Minima], same: Same, most: int) -> Minima:
    """The minima of several searches in one list."""
    whole = Minima(same, most)
    for minimum in sorted((each for one in lists for each in one.all), key=lambda each: each.energy):
        whole.add(minimum)
    return whole
