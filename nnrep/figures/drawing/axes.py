"""Scales of axes."""

from typing import Any

from matplotlib.ticker import LogLocator, NullFormatter

FEW_TIMES, FEW_DECADES = 5, 200  # last over first value of an axis: less than one decade, up to two


def plain_decades(axes: Any) -> None:
    """Plain numbers along a logarithmic x axis that is drawn: all, 1, 2 and 5, or 1 of each decade."""
    low, high = axes.get_xlim()
    subs = range(1, 10) if high < FEW_TIMES * low else (1, 2, 5) if high < FEW_DECADES * low else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
