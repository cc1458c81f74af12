"""Scales of axes, and their numbers."""

from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, NullFormatter

MARGIN = 0.08  # around what is drawn to scale, relative to its extent


def plain_decades(axes: Any, most: int = 6) -> None:
    """Plain numbers along a logarithmic x axis that is drawn, at most so many: as even as they can be."""
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(FixedLocator(round_numbers(low, high, most)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def round_numbers(low: float, high: float, most: int) -> list[float]:
    """Round numbers from low to high, both positive, at most so many: evenly spaced in their logarithms."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in (tuple(range(1, 10)), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        numbers = [float(f"{step}e{decade}") for decade in decades for step in steps]
        within = [number for number in numbers if low <= number <= high]
        if len(within) <= most:
            return within
    return within[:: -(-len(within) // most)]


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
