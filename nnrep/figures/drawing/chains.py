"""A chain of particles on paper: the window is that of its largest piece, whatever flies off."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from scipy.cluster.hierarchy import fcluster, linkage

from nnrep.figures.drawing.axes import to_scale

COLORS = "viridis"  # along the chain
DOT = 5  # size of a particle, in points squared
BOND_WIDTHS = (2.2, 1.4)  # points: of the dark edge of a bond, and of the bond
DARK = 0.35  # of a bond's colour, that of its edge


def largest_piece(positions: np.ndarray, reach: float) -> np.ndarray:
    """Which particles (n,) of positions (n, d) belong to the largest connected piece.

    Two particles are connected if they are within reach of each other.
    """
    piece = fcluster(linkage(positions, "single"), reach, "distance")
    return piece == np.bincount(piece).argmax()


def chain_view(positions: np.ndarray, reach: float) -> np.ndarray:
    """Axes (d, d) of the largest piece of positions (n, d): the widest first, the thinnest in depth."""
    piece = positions[largest_piece(positions, reach)]
    if len(piece) < positions.shape[1]:
        return np.eye(positions.shape[1])
    return np.linalg.svd(piece - piece.mean(axis=0), full_matrices=False)[2]


def draw_chain(axes: Any, positions: np.ndarray, reach: float, view: np.ndarray | None = None) -> int:
    """A chain coloured from first particle to last, in a window around its largest piece.

    Broken bonds are thin and grey. What is in front covers what is behind.

    Args:
        axes: two-dimensional; they get the scale of the chain, and no ticks.
        positions: (n, d), d = 2 or 3.
        reach: a distance within which two particles are of one piece, and a bond is whole.
        view: (d, d) the directions to the right, upwards and in depth; None: those of the largest piece.

    Returns:
        How many particles lie outside of the window.
    """
    seen = positions @ (chain_view(positions, reach) if view is None else view).T
    flat, depth = seen[:, :2], seen[:, -1] if seen.shape[1] > 2 else np.zeros(len(seen))
    colors = colormaps[COLORS](np.linspace(0, 1, len(seen)))
    pairs: Any = np.stack([flat[:-1], flat[1:]], axis=1)
    whole = np.linalg.norm(seen[:-1] - seen[1:], axis=1) < reach
    axes.add_collection(LineCollection(pairs[~whole], colors="0.75", linewidths=0.3, zorder=1))
    order = np.argsort(depth)
    axes.scatter(*flat[order].T, s=DOT, c=colors[order], edgecolors="k", linewidths=0.2, zorder=2)
    order = np.flatnonzero(whole)[np.argsort((depth[:-1] + depth[1:])[whole])]
    # Each bond on a darker and wider one, so that what is in front covers what is behind.
    lines: Any = np.repeat(pairs[order], 2, axis=0)
    shades = np.repeat(colors[order], 2, axis=0)
    shades[::2, :3] *= DARK
    widths = np.tile(BOND_WIDTHS, len(order))
    axes.add_collection(LineCollection(lines, colors=shades, linewidths=widths, capstyle="round", zorder=3))
    held = flat[largest_piece(positions, reach)]
    to_scale(axes, held.min(axis=0), held.max(axis=0), square=True)
    low, high = np.transpose([axes.get_xlim(), axes.get_ylim()])
    return int(np.sum(~np.all((flat >= low) & (flat <= high), axis=1)))
