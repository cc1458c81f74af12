"""The picture of a spectrum: eigenvalues by rank."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnrep.host.text import counted
from nnrep.records.style import LETTERS, PAGE, number, styled

HEIGHT = 3.4  # inches
STRIP = 12  # the height of the axes over that of the strip for zeros
# A marker and a colour that differ under every kind of colour blindness.
POSITIVE, NEGATIVE, ZERO = ("o", "#0072B2"), ("v", "#D55E00"), ("x", "0.35")


@styled()
def spectrum_picture(values: np.ndarray, rigid: np.ndarray, title: str, unit: str) -> Figure:
    """Eigenvalues (k,) by rank on a logarithmic axis; those that are zero in a strip of their own.

    Args:
        values: (k,) eigenvalues.
        rigid: (k,) whether a mode is a rigid motion, whose eigenvalue is zero up to rounding.
        title: of the picture.
        unit: of the eigenvalues; empty for dimensionless ones.
    """
    figure = Figure(figsize=(PAGE, HEIGHT), layout="constrained")
    figure.suptitle(title, parse_math=False, fontsize=LETTERS)
    zero = rigid | (values == 0)
    ranks = np.arange(1, len(values) + 1)
    axes, strip = figure.subplots(2, 1, sharex=True, height_ratios=[STRIP, 1])
    for chosen, (marker, color), name in (
        (~zero & (values > 0), POSITIVE, "eigenvalue"),
        (~zero & (values < 0), NEGATIVE, "negative eigenvalue, its size"),
    ):
        if chosen.any():
            axes.plot(ranks[chosen], abs(values[chosen]), marker, color=color, ms=3, label=name)
    if not zero.all():
        axes.set_yscale("log")
    if (values[~zero] < 0).any():
        axes.legend()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("eigenvalue" + (f" / {unit}" if unit else ""))
    if zero.any():
        marker, color = ZERO
        strip.plot(ranks[zero], np.zeros(zero.sum()), marker, color=color)
        strip.set(yticks=[0], yticklabels=["zero"], ylim=(-1, 1), facecolor="0.94")
        largest = f"{number(abs(values[zero]).max(), 2)} {unit}".strip()
        note = f"{counted(int(zero.sum()), 'rigid motion')}: zero in theory, computed to within {largest}"
        strip.annotate(note, (1, 0.5), xycoords="axes fraction", ha="right", va="center")
        axes.tick_params(labelbottom=False)
        strip.set_xlabel("mode")
    else:
        strip.remove()
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("mode")
    return figure
