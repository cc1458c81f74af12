"""Particles that form no chain, on paper: balls, of which the nearer ones cover those behind."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import EllipseCollection
from scipy.spatial import cKDTree

from nnrep.records.chains import to_scale, within

SIZE = 0.5  # of a ball, relative to the usual distance of nearest neighbours
COLORS = "Blues_r"
DARKEST, BRIGHTEST = 0.1, 0.85  # of the colours, behind and in front
MOST_BALLS = 4000  # more of them are pixels in a PDF


def draw_balls(axes: Any, positions: np.ndarray, view: np.ndarray, main: np.ndarray) -> int:
    """Particles in a window around their main part.

    Args:
        axes: of two dimensions; they get the scale of the particles, and no ticks.
        positions: (n, d), d = 2 or 3.
        view: (d, d) a rotation, see `nnrep.records.chains.side_view`.
        main: (n,) which particles set the window, see `nnrep.records.chains.main_part`.

    Returns:
        How many particles lie outside of the window.
    """
    points = positions @ view.T
    to_scale(axes, points[main])
    depth = points[:, 2] if points.shape[1] > 2 else np.zeros(len(points))
    order = np.argsort(depth, kind="stable")
    low, high = depth[main].min(), depth[main].max()
    share = np.clip((depth[order] - low) / (high - low or 1.0), 0, 1)
    wide = np.full(len(points), SIZE * usual_distance(positions))
    balls = EllipseCollection(
        wide,
        wide,
        np.zeros(len(points)),
        units="x",
        offsets=points[order, :2],
        offset_transform=axes.transData,
        facecolors=colormaps[COLORS](DARKEST + (BRIGHTEST - DARKEST) * share),
        edgecolors="k",
        linewidths=0.5,
        rasterized=len(points) > MOST_BALLS,
    )
    axes.add_collection(balls)
    return int(np.sum(~within(axes, points)))


def usual_distance(positions: np.ndarray) -> float:
    """Median over particles (n, d) of the distance to the nearest other one."""
    if len(positions) < 2:
        return 1.0
    return float(np.median(cKDTree(positions).query(positions, k=2)[0][:, 1])) or 1.0
