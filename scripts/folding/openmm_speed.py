"""How fast OpenMM's dynamics are, and what other dynamics at one temperature would take at that speed."""

from collections.abc import Iterable

import numpy as np

from folding.kept import Kept
from folding.naming import parsed
from folding.summary import OPENMM
from folding.survival import Times
from nnrep.records.style import number

S_PER_HOUR, PS_PER_NS = 3600.0, 1000.0


def ps_a_second(searches: Iterable[Kept], problem: str) -> float:
    """Of processor time, by OpenMM's searches of a problem however short, quenches included; NaN without any.

    What a search does before its first quench is over is left out: it compiles then.
    """
    spans = [
        one.table[["ps", "cpu_s"]].iloc[[0, -1]].diff().iloc[-1]
        for one in searches
        if one.problem == problem and parsed(one.arm).kind == OPENMM
    ]
    moved, used = (sum(span[name] for span in spans) for name in ("ps", "cpu_s"))
    return float(moved / used) if used > 0 else np.nan


def at_speed(simulated: Times, speed: float) -> Times:
    """Times in s of processor time, from those in ps and a speed in ps a second."""
    return Times(simulated.time / speed, simulated.folded)


def in_words(speed: float) -> str:
    """A speed in ns an hour."""
    return f"{number(speed * S_PER_HOUR / PS_PER_NS, 3)} ns an hour"
