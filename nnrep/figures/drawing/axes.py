"""Scales of axes, and their numbers."""

from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, NullFormatter

ROUNDEST = (1, 2, 5, 3, 7, 1.5, 4, 6, 8, 9)  # digits of numbers along an axis
MARGIN = 0.08  # around what is drawn to scale, relative to its extent


def plain_decades(axes: Any, most: int = 6) -> None:
    """Plain numbers along a logarithmic x axis that is drawn, at most so many."""
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(FixedLocator(round_numbers(low, high, most)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def round_numbers(low: float, high: float, most: int) -> list[float]:
    """Round numbers from low to high, both positive, at most so many, the roundest first.

    In their logarithms no two are nearer than the axis divided by the most, so that they can be read.
    """
    apart = np.log10(high / low) / most
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    taken: list[float] = []
    for number in (float(f"{digits}e{decade}") for digits in ROUNDEST for decade in decades):
        free = all(abs(np.log10(number / other)) >= apart for other in taken)
        if low <= number <= high and free and len(taken) < most:
            taken.append(number)
    return sorted(taken)


def number_text(form: str, *values: float) -> str:
    """Numbers in a format, with the minus sign that axes have."""
    return form.format(*values).replace("-", "\N{MINUS SIGN}")


def to_scale(axes: Any, low: np.ndarray, high: np.ndarray, square: bool = False) -> None:
    """One scale for both directions of axes without ticks, whose corners are low (2,) and high (2,)."""
    centre, half = (low + high) / 2, (high - low) / 2
    longest = max(float(half.max()), 1e-6)
    half = (half if not square else longest) + MARGIN * longest
    (left, bottom), (right, top) = centre - half, centre + half
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], aspect="equal", frame_on=False)
