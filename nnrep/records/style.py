"""The style of every picture: letters of 8 points or more at printed size, files for print and for screens.

A function that draws is decorated by `@styled()`, so that what it makes has the style, whatever the user's
own settings of Matplotlib are; `save` writes the picture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.backends.backend_pdf  # here, as this module is loaded beside the steps of a run
from matplotlib.figure import Figure

COLUMN, PAGE = 3.5, 7.0  # inches: widths of pictures in one column and across a page
LETTERS, SMALL = 9.0, 8.0  # points, at these widths
LINE = 0.17  # inches that a line of letters takes
DPI = 300
PLAIN = 1e6  # numbers below it are written out
LIGHT = 1  # compression of a PNG: a third sooner than more of it, for nearly the same size

# Of Matplotlib's settings, those that do not tell how a picture looks: the user's own are kept.
_OF_USER = ("backend", "backend_fallback", "interactive", "toolbar", "timezone")
_SETTINGS = {key: value for key, value in matplotlib.rcParamsDefault.items() if key not in _OF_USER} | {
    "font.size": LETTERS,
    "axes.labelsize": LETTERS,
    "axes.titlesize": LETTERS,
    "figure.titlesize": LETTERS,
    "figure.labelsize": LETTERS,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
}
OPEN_TYPE, TYPE_3 = 42, 3  # of the letters of a PDF


@contextmanager
def styled() -> Iterator[None]:
    """The style, as a decorator or as a context; afterwards the user's own settings are back."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def save(figure: Figure, path: Path, quickly: bool = False) -> None:
    """Write a picture to a path as PNG of 300 dpi, and beside it as PDF, which is sharp at every size.

    Neither needs a display or LaTeX, and the same picture gives the same files.

    Args:
        figure: the picture.
        path: of the PNG.
        quickly: in two thirds of the time, with letters of Type 3 in the PDF, which some journals refuse.
    """
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # where things are is settled for both files
    with styled(), matplotlib.rc_context({"pdf.fonttype": TYPE_3 if quickly else OPEN_TYPE}):
        figure.savefig(path, dpi=DPI, pil_kwargs={"compress_level": LIGHT})
        figure.savefig(vector_path(path), metadata={"CreationDate": None})


def vector_path(path: Path) -> Path:
    """Where the PDF of a picture lies, whose PNG lies at a path."""
    return path.with_suffix(".pdf")


def number(value: float, digits: int = 5) -> str:
    """A number of so many digits, with a true minus sign; below a million without a power of ten."""
    text = f"{value:.{digits}g}"
    if "e+" in text and abs(value) < PLAIN:
        text = f"{float(text):.0f}"
    return text.replace("-", "\N{MINUS SIGN}")
