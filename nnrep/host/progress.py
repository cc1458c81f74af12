"""How far a minimisation is, and how a line says so."""

import time
from math import isfinite
from typing import NamedTuple


class Progress(NamedTuple):
    """How far a minimisation is, as its caller is informed after every chunk of steps.

    Attributes:
        stage: its name, such as "coarse" or "fine".
        steps: steps of all replicas so far, all stages together.
        steps_limit: the most there can be; 0 for no limit.
        stage_steps: steps of all replicas in this stage.
        stage_limit: the most there can be, as some have stopped before theirs; 0 for no limit.
        running: replicas of this stage that have not stopped.
        energy: lowest loss that a replica of this stage has seen.
    """

    stage: str
    steps: int
    steps_limit: int
    stage_steps: int
    stage_limit: int
    running: int
    energy: float


NARROW = 72  # columns of a terminal below which a line is short


def energy_text(seen: Progress, unit: str) -> str:
    """The lowest energy with its unit; nothing before there is one."""
    return f"{seen.energy:.6g} {unit}".strip() if isfinite(seen.energy) else ""


def short_line(seen: Progress, unit: str, seconds_left: float | None) -> str:
    """A minimisation in 40 columns: stage, share of its steps, energy, and the time it takes at most."""
    share = f"{seen.stage_steps / seen.stage_limit:.0%}" if seen.stage_limit else f"{seen.stage_steps}"
    left = "" if seconds_left is None else f"<{clock(seconds_left)}"
    return " ".join(filter(None, (seen.stage, share, energy_text(seen, unit), left)))


def long_line(seen: Progress, unit: str, seconds_left: float | None) -> str:
    """The same after the stage's name and a bar, with words."""
    of = f"/{seen.stage_limit}" if seen.stage_limit else ""
    energy = energy_text(seen, unit)
    parts = [f"{seen.stage_steps}{of} steps", f"energy {energy}" if energy else ""]
    # Its rules may end a stage before its last step: nobody knows when.
    parts.append("" if seconds_left is None else f"ends within {clock(seconds_left)}")
    return "  ".join(filter(None, parts))


def clock(seconds: float) -> str:
    """A time as hours, minutes and seconds: 1:02:03, or 2:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Pace:
    """How long a stage takes at most, at its pace so far: compilation, and stages before it, do not count."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self._stage, self._first, self._last, self._time = "", 0, 0, 0.0

    def seconds_left(self, seen: Progress, now: float | None = None) -> float | None:
        """Seconds that the steps take which this stage may still have; None while that is not known."""
        now = time.monotonic() if now is None else now
        if seen.stage != self._stage or seen.stage_steps < self._last:
            self._stage, self._first, self._time = seen.stage, seen.stage_steps, now
        self._last = seen.stage_steps
        taken = seen.stage_steps - self._first
        if taken == 0 or seen.stage_limit == 0:
            return None
        return (now - self._time) / taken * (seen.stage_limit - seen.stage_steps)
