"""Chains of particles on paper: seen from where they are widest, as tubes that are coloured along the chain.

Pieces that fly off do not set the scale: the window is that of the main part.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.transforms import ScaledTranslation

from nnrep.records.style import SMALL
from nnrep.systems.measures import piece_of_each

COLORS = "viridis"  # along the chain
MAIN = 0.5  # share of the particles from which on the largest piece is the main part
FAR = 4.0  # times the median distance from the middle; beyond that, particles have flown off
MARGIN = 0.08  # around the main part, relative to its extent
DARK = 0.4  # of a tube's colour, that of its edge
THICKNESS = 0.25  # of a tube, relative to its links
NARROWEST, WIDEST = 0.8, 3.5  # points, of a tube
SMOOTH = 6  # lines between two points of a smooth tube
EDGE = 0.5  # points, on each side of a tube
MOST_LINES = 4000  # of a picture's tubes that are drawn as lines in a PDF; more of them are pixels
BAR_SHARE = 0.4  # of the axes' width that a scale bar takes at most
BAR_BELOW = 0.12  # inches from the axes to the bar
FLATTEST = 0.4  # height over width of a panel
POINTS_PER_INCH = 72


class Tube(NamedTuple):
    """Points that are joined by links of one colour each.

    Attributes:
        points: (n, d) to the right, upwards and, in three dimensions, towards the viewer.
        links: (m, 2) of points.
        colors: (m, 4) of links.
        smooth: whether the links are pieces of a smooth line.
    """

    points: np.ndarray
    links: np.ndarray
    colors: np.ndarray
    smooth: bool = False


def along(count: int) -> np.ndarray:
    """Colours (count, 4) from the first particle to the last."""
    return colormaps[COLORS](np.linspace(0, 1, count))


def main_part(positions: np.ndarray, reach: float | None = None) -> np.ndarray:
    """Which particles (n,) have not flown off.

    That is the largest connected piece, if it has half of the particles; else those that are not far from
    the middle.

    Args:
        positions: (n, d).
        reach: distance within which two particles hang together; None where that is not known.
    """
    if reach is not None:
        piece = piece_of_each(positions, reach)
        largest = piece == np.bincount(piece).argmax()
        if largest.mean() >= MAIN:
            return largest
    distances = np.linalg.norm(positions - np.median(positions, axis=0), axis=1)
    return distances <= FAR * np.median(distances)


def side_view(positions: np.ndarray) -> np.ndarray:
    """Rotation (d, d) after which positions (n, d) are widest from left to right, and thinnest in depth."""
    centred = positions - positions.mean(axis=0)
    view = np.linalg.eigh(centred.T @ centred)[1].T[::-1]
    view[-1] *= np.sign(np.linalg.det(view))  # no mirror image
    return view


def to_scale(axes: Any, points: np.ndarray) -> None:
    """A window without ticks around points (n, d) that fills axes of whatever shape, with one scale."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    width, height = _printed_size(axes)
    per_inch = max((high - low) / (width, height)) or 1.0
    centre, half = (low + high) / 2, (0.5 + MARGIN) * per_inch * np.array([width, height])
    axes.set(xlim=(centre[0] - half[0], centre[0] + half[0]), ylim=(centre[1] - half[1], centre[1] + half[1]))
    axes.set(xticks=[], yticks=[], aspect="equal")


def fitting_ratio(clouds: Sequence[np.ndarray]) -> float:
    """Height over width of axes that clouds of points (n, d) fill, each in axes of its own."""
    spans = [np.ptp(points[:, :2], axis=0) for points in clouds]
    return float(np.clip(max(high / max(wide, 1e-9) for wide, high in spans), FLATTEST, 1))


def draw_tube(axes: Any, tube: Tube, thickness: float, zorder: float = 3) -> float:
    """A tube in a window that is set already; what is nearer to the viewer covers what is behind it.

    Args:
        axes: of two dimensions.
        tube: what is drawn.
        thickness: of the tube, a length.
        zorder: beside what else is in the axes.

    Returns:
        The printed width of the tube, in points.
    """
    pairs = tube.points[tube.links]
    per_length = _points_per_length(axes)
    width = float(np.clip(thickness * per_length, NARROWEST, WIDEST))
    order = np.argsort(pairs[:, :, 2].mean(axis=1)) if pairs.shape[2] > 2 else np.arange(len(pairs))
    # Each link on a darker and wider one, so that crossings can be told apart.
    lines, shades = (np.repeat(each[order], 2, axis=0) for each in (pairs[:, :, :2], tube.colors))
    if tube.smooth:  # no edge where two links meet
        lines[1::2] = _longer(lines[1::2], width / 2 / per_length)
    shades[::2, :3] *= DARK
    widths = np.tile([width + 2 * EDGE, width], len(pairs))
    style: dict[str, Any] = {"zorder": zorder, "rasterized": len(pairs) > MOST_LINES}
    style["capstyle"] = "butt" if tube.smooth else "round"
    axes.add_collection(LineCollection(list(lines), colors=shades, linewidths=widths, **style))
    return width


def draw_chain(axes: Any, positions: np.ndarray, reach: float | None, view: np.ndarray | None = None) -> int:
    """A chain in a window around its main part; broken links are thin and grey.

    Args:
        axes: of two dimensions; they get the scale of the chain, and no ticks.
        positions: (n, d), d = 2 or 3.
        reach: distance within which two particles hang together, and a link is whole; None: links are whole.
        view: (d, d) a rotation, see `side_view`; None: that of the main part.

    Returns:
        How many particles lie outside of the window.
    """
    main = main_part(positions, reach)
    points = positions @ (side_view(positions[main]) if view is None else view).T
    to_scale(axes, points[main])
    links = consecutive(len(points))
    length = np.linalg.norm(points[links[:, 1]] - points[links[:, 0]], axis=1)
    whole = np.ones(len(links), bool) if reach is None else length < reach
    colors = along(len(points))
    as_pixels: dict[str, Any] = {"rasterized": len(points) > MOST_LINES}
    broken = points[links[~whole], :2]
    axes.add_collection(LineCollection(list(broken), colors="0.8", linewidths=0.3, zorder=1, **as_pixels))
    width = NARROWEST
    if whole.any():
        tube = Tube(points, links[whole], colors[:-1][whole])
        width = draw_tube(axes, tube, THICKNESS * float(np.median(length[whole])))
    dots: dict[str, Any] = {"s": (width + EDGE) ** 2, "edgecolors": "k", "linewidths": 0.2, "zorder": 2}
    axes.scatter(*points[:, :2].T, c=colors, **dots, **as_pixels)
    return int(np.sum(~within(axes, points)))


def consecutive(count: int) -> np.ndarray:
    """The links (count - 1, 2) of each to the next."""
    first = np.arange(count - 1)
    return np.stack([first, first + 1], axis=1)


def smooth_tube(points: np.ndarray, first: np.ndarray, colors: np.ndarray) -> Tube:
    """A smooth line through the points of a chain: cubic, as Catmull and Rom's.

    Args:
        points: (n, d).
        first: (m,) which points are joined to the next one, ascending.
        colors: (n, 4) of the points.
    """
    linked = np.isin(np.arange(len(points)), first)
    one, two = points[first], points[first + 1]
    before = np.where(linked[first - 1, None] & (first > 0)[:, None], points[first - 1], 2 * one - two)
    after = np.where(linked[first + 1, None], points[(first + 2) % len(points)], 2 * two - one)
    t = np.linspace(0, 1, SMOOTH + 1)[:, None, None]
    fine = (2 * t**3 - 3 * t**2 + 1) * one + (t**3 - 2 * t**2 + t) * (two - before) / 2
    fine += (3 * t**2 - 2 * t**3) * two + (t**3 - t**2) * (after - one) / 2
    links = len(first) * consecutive(SMOOTH + 1)[:, None] + np.arange(len(first))[:, None]
    between = (1 - t[:-1]) * colors[first] + t[:-1] * colors[first + 1]
    return Tube(fine.reshape(-1, points.shape[1]), links.reshape(-1, 2), between.reshape(-1, 4), smooth=True)


def within(axes: Any, points: np.ndarray) -> np.ndarray:
    """Which of points (n, d) lie inside of the axes' window (n,)."""
    low, high = np.transpose([axes.get_xlim(), axes.get_ylim()])
    return np.all((points[:, :2] >= low) & (points[:, :2] <= high), axis=1)


def scale_bar(axes: Any, unit: str) -> None:
    """A bar of a round length with its length in a unit, below axes to scale."""
    low, high = axes.get_xlim()
    length = round_length(BAR_SHARE * (high - low))
    share = length / (high - low)
    below = axes.transAxes + ScaledTranslation(0, -BAR_BELOW, axes.figure.dpi_scale_trans)
    axes.plot([0, share], [0, 0], color="k", lw=2, solid_capstyle="butt", clip_on=False, transform=below)
    axes.text(share + 0.02, 0, f"{length:g} {unit}", va="center", fontsize=SMALL, transform=below)


def round_length(most: float) -> float:
    """The largest of ..., 0.5, 1, 2, 5, 10, ... that is no longer than a positive length."""
    decade = 10.0 ** np.floor(np.log10(most))
    return float(decade * max(step for step in (1, 2, 5) if step * decade <= most * (1 + 1e-9)))


def _longer(lines: np.ndarray, length: float) -> np.ndarray:
    """Lines (m, 2, 2) that go on by a length at both ends."""
    along_them = lines[:, 1] - lines[:, 0]
    norm = np.linalg.norm(along_them, axis=1, keepdims=True)
    step = length * along_them / np.maximum(norm, 1e-12)
    return lines + np.stack([-step, step], axis=1)


def _printed_size(axes: Any) -> np.ndarray:
    """Width and height in inches of axes whose place in the picture is settled."""
    return axes.figure.get_size_inches() * axes.get_position().size


def _points_per_length(axes: Any) -> float:
    """Printed size of a length of one, in points, in a window that fills its axes."""
    low, high = axes.get_xlim()
    return POINTS_PER_INCH * float(_printed_size(axes)[0]) / (high - low)
