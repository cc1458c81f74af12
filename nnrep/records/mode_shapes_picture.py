"""The picture of what modes look like."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba_array
from matplotlib.figure import Figure

from nnrep.records.chains import draw_tube, fitting_ratio, scale_bar, side_view, to_scale
from nnrep.records.palette import NATIVE
from nnrep.records.style import LINE, PAGE, SMALL, number, styled
from nnrep.records.traces import NATIVE_THICKNESS, THICKNESS, Native, native_of
from nnrep.systems import System
from nnrep.systems.measures import ANGSTROM_PER_NM

COLUMNS = 3
# Inches: beside the panels, between them, above all, of a caption, below a panel, and below all.
LEFT, RIGHT, BETWEEN, ABOVE, CAPTION, BELOW, FOOT = 0.65, 0.15, 0.2, 0.3, 0.25, 0.3, 0.65
BAR = 0.85  # inches, of a bar of colours and its label, at the right
CURVE_RATIO = 0.7  # height over width of a panel of curves
ARROW = 0.2  # length of the longest arrow, relative to the extent of the trace
ARROW_COLOR, COMPONENT_COLORS = "#D55E00", ("#D55E00", "#0072B2", "#009E73")
COLORS = "RdBu_r"  # of a component: red above zero, blue below
CURVES = "Components of eigenvectors of unit norm along the chain."
COLORED = "Colours: components of eigenvectors of unit norm at the {atoms}."
ARROWS = "Arrows: directions in which the {atoms} move, of any length; those of a mode have one scale."


@styled()
def mode_shapes_picture(
    system: System,
    positions: np.ndarray,
    values: np.ndarray,
    vectors: np.ndarray,
    chosen: Sequence[int],
    unit: str,
) -> Figure:
    """What modes look like: curves along a chain; for a protein colours of its CA trace, or arrows.

    A vector of (n,) numbers, as a Laplacian has, is a curve or colours; one of (n d,), as the Hessian has,
    a curve a component, or displacements as arrows.

    Args:
        system: whose modes.
        positions: (n, d) at which they are shown.
        values: (k,) eigenvalues.
        vectors: (n, k) or (n d, k), of unit norm.
        chosen: which modes, counted from 0.
        unit: of the eigenvalues; empty for dimensionless ones.
    """
    native = native_of(system)
    modes = [vectors[:, k].reshape(len(positions), -1) for k in chosen]
    figure, axes, key = _curves(modes) if native is None else _on_trace(native, positions, modes)
    for each, k in zip(axes, chosen, strict=True):
        each.set_title(f"mode {k + 1}: {number(values[k], 3)} {unit}".strip(), fontsize=SMALL)
    height = figure.get_figheight()
    title = f"{system.name}: modes and their eigenvalues"
    figure.text(0.5, 1 - 0.5 * LINE / height, title, ha="center", va="top", parse_math=False)
    figure.text(0.5, 0.07 / height, key, ha="center", va="bottom", fontsize=SMALL, color="0.3")
    return figure


def _panels(count: int, ratio: float, beside: float = 0) -> tuple[Figure, list[Any]]:
    """A picture with so many panels of this height over their width, and a free margin beside them."""
    width = (PAGE - LEFT - RIGHT - beside - (COLUMNS - 1) * BETWEEN) / COLUMNS
    tall = ratio * width
    rows = math.ceil(count / COLUMNS)
    height = ABOVE + rows * (CAPTION + tall) + (rows - 1) * BELOW + FOOT
    figure = Figure(figsize=(PAGE, height))
    axes = []
    for row, column in (divmod(place, COLUMNS) for place in range(count)):
        left = LEFT + column * (width + BETWEEN)
        bottom = height - ABOVE - (row + 1) * (CAPTION + tall) - row * BELOW
        axes.append(figure.add_axes((left / PAGE, bottom / height, width / PAGE, tall / height)))
    return figure, axes


def _curves(modes: list[np.ndarray]) -> tuple[Figure, list[Any], str]:
    """Modes (n, c) along the chain, a curve a component, all to one scale; panels and what they show."""
    figure, axes = _panels(len(modes), CURVE_RATIO)
    _draw_curves(axes, modes)
    return figure, axes, CURVES


def _on_trace(
    native: Native, positions: np.ndarray, modes: list[np.ndarray]
) -> tuple[Figure, list[Any], str]:
    """Modes (n, c) at the drawn atoms, seen from the side; panels and what they show."""
    chosen = positions[native.chosen]
    view = side_view(chosen)
    points = ANGSTROM_PER_NM * chosen @ view.T
    shown = [mode[native.chosen] for mode in modes]
    ratio = fitting_ratio([points])
    if shown[0].shape[1] > 1:
        figure, axes = _panels(len(modes), ratio)
        _draw_arrows(axes, native, points, [mode @ view.T for mode in shown])
        return figure, axes, ARROWS.format(atoms=native.atoms)
    figure, axes = _panels(len(modes), ratio, BAR)
    _draw_colors(figure, axes, native, points, [mode[:, 0] for mode in shown])
    return figure, axes, COLORED.format(atoms=native.atoms)


def _draw_curves(axes: list[Any], modes: list[np.ndarray]) -> None:
    largest = 1.08 * max(abs(mode).max() for mode in modes)
    for place, (each, mode) in enumerate(zip(axes, modes, strict=True)):
        several = mode.shape[1] > 1
        for name, color, component in zip("xyz", COMPONENT_COLORS, mode.T, strict=False):
            each.plot(np.arange(1, len(component) + 1), component, color=color, lw=0.9, label=name)
        each.axhline(0, color="0.8", lw=0.6, zorder=0)
        each.set_ylim(-largest, largest)
        if place % COLUMNS:
            each.tick_params(labelleft=False)
        else:
            each.set_ylabel("component")
        if place + COLUMNS < len(axes):
            each.tick_params(labelbottom=False)
        else:
            each.set_xlabel("particle")
        if several and place == 0:
            each.legend(ncols=3, loc="upper left", handlelength=1, columnspacing=1, borderaxespad=0)


def _draw_colors(
    figure: Figure, axes: list[Any], native: Native, points: np.ndarray, modes: list[np.ndarray]
) -> None:
    """A trace (m, 3), seen from the side, coloured by modes (m,), all by one scale, which is beside it."""
    largest = max(abs(mode).max() for mode in modes) or 1.0
    scale = ScalarMappable(Normalize(-largest, largest), COLORS)
    for each, mode in zip(axes, modes, strict=True):
        _to_scale(each, points)
        draw_tube(each, native.tube(points, scale.to_rgba(mode)), THICKNESS)
    top, bottom = axes[0].get_position().y1, axes[-1].get_position().y0
    left = 1 - (RIGHT + BAR - 0.15) / PAGE
    bar = figure.add_axes((left, bottom, 0.12 / PAGE, top - bottom))
    figure.colorbar(scale, cax=bar).set_label("component")


def _draw_arrows(axes: list[Any], native: Native, points: np.ndarray, modes: list[np.ndarray]) -> None:
    """A trace (m, 3), seen from the side, with the displacements (m, 3) of modes."""
    grey = to_rgba_array([NATIVE] * len(points))
    extent = np.ptp(points, axis=0).max()
    for each, mode in zip(axes, modes, strict=True):
        _to_scale(each, points)
        draw_tube(each, native.tube(points, grey), NATIVE_THICKNESS)
        arrows = ARROW * extent / (np.linalg.norm(mode, axis=1).max() or 1.0) * mode
        true_to_scale: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1}
        each.quiver(
            *points[:, :2].T, *arrows[:, :2].T, color=ARROW_COLOR, width=0.012, zorder=4, **true_to_scale
        )


def _to_scale(axes: Any, points: np.ndarray) -> None:
    to_scale(axes, points)
    axes.set_frame_on(False)
    scale_bar(axes, "Å")
