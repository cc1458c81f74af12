"""Pictures of slow modes: their spectrum, what they look like, and how robust they are."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from nnrep.records.pictures import equal_box
from nnrep.systems import System

ARROW = 0.15  # length of the longest arrow, relative to the extent of the positions


def draw_spectrum(path: Path, values: np.ndarray, rigid: np.ndarray, title: str) -> None:
    """Eigenvalues (k,) by rank, on a logarithmic axis; the rigid modes, which are to be zero, below it."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    zero = rigid | (values == 0)
    ranks = np.arange(1, len(values) + 1)
    for kind, marker, color, name in (
        (~zero & (values > 0), "o", "tab:blue", "eigenvalue"),
        (~zero & (values < 0), "v", "tab:red", "negative eigenvalue, its size"),
    ):
        if kind.any():
            axes.plot(ranks[kind], abs(values[kind]), marker, color=color, ms=3, label=name)
    if (~zero).any():
        axes.set_yscale("log")
    if zero.any():
        floor = 0.3 * abs(values[~zero]).min() if (~zero).any() else 1.0
        axes.plot(ranks[zero], np.full(zero.sum(), floor), "x", color="tab:gray", ms=5, label="rigid motion")
    axes.set_xlabel("mode")
    axes.set_ylabel("eigenvalue")
    axes.set_title(title)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def draw_modes(
    path: Path,
    system: System,
    positions: np.ndarray,
    values: np.ndarray,
    vectors: np.ndarray,
    flat: bool,
    chosen: Sequence[int],
) -> None:
    """What modes look like.

    Of a Laplacian, (n, k) numbers: a curve along a chain; of a protein, colours of its CA atoms. Of the
    Hessian, (n d, k): the displacements' components along a chain; of a protein, arrows at its CA atoms.

    Args:
        path: of the picture.
        system: whose modes.
        positions: (n, d).
        values: (k,).
        vectors: (n, k) or (n d, k).
        flat: whether the modes are of the Hessian.
        chosen: which modes, counted from 0.
    """
    dim = positions.shape[1]
    columns = min(3, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    in_space = system.trace is not None
    figure = Figure(figsize=(4 * columns, 3.4 * rows), layout="constrained")
    for place, index in enumerate(chosen, start=1):
        mode = vectors[:, index].reshape(len(positions), dim if flat else 1)
        axes = figure.add_subplot(rows, columns, place, projection="3d" if in_space else None)
        if not in_space:
            _curves(axes, mode)
        elif flat:
            _arrows(axes, positions[system.trace], mode[system.trace])
        else:
            _colours(figure, axes, positions[system.trace], mode[system.trace, 0])
        axes.set_title(f"mode {index + 1}, {values[index]:.3g}", fontsize=9)
    figure.savefig(path, dpi=150)


def _curves(axes: Any, mode: np.ndarray) -> None:
    """A mode (n, c) along the chain, a curve a component."""
    for name, component in zip("xyz" if mode.shape[1] > 1 else " ", mode.T, strict=False):
        axes.plot(component, lw=0.9, label=name.strip() or None)
    axes.axhline(0, color="0.8", lw=0.6, zorder=0)
    axes.set_xlabel("particle", fontsize=8)
    axes.tick_params(labelsize=7)
    if mode.shape[1] > 1:
        axes.legend(frameon=False, fontsize=7)


def _colours(figure: Figure, axes: Any, trace: np.ndarray, mode: np.ndarray) -> None:
    """A trace (m, 3) coloured by a mode (m,), white at zero."""
    limit = abs(mode).max() or 1.0
    axes.plot(*trace.T, color="0.6", lw=0.8)
    dots = axes.scatter(*trace.T, c=mode, cmap="coolwarm", vmin=-limit, vmax=limit, s=28, depthshade=False)
    bar = figure.colorbar(dots, ax=axes, shrink=0.6, pad=0.08)
    bar.ax.tick_params(labelsize=7)
    equal_box(axes)


def _arrows(axes: Any, trace: np.ndarray, mode: np.ndarray) -> None:
    """A trace (m, 3) with the displacements (m, 3) of a mode, scaled so that they can be seen."""
    longest = np.linalg.norm(mode, axis=1).max() or 1.0
    scale = ARROW * np.ptp(trace, axis=0).max() / longest
    axes.plot(*trace.T, color="0.6", lw=0.8)
    axes.quiver(*trace.T, *(scale * mode).T, color="tab:red", lw=1.2, arrow_length_ratio=0.35)
    equal_box(axes)


def draw_robustness(path: Path, table: pd.DataFrame, title: str) -> None:
    """Overlap against epsilon, and what is missing from 1 against epsilon^2; a line a reference.

    Args:
        path: of the picture.
        table: see `robustness_table`; without rows of one mode, which all Laplacians share.
        title: of the picture.
    """
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    references = table["reference"].unique()
    colors = colormaps["viridis"](np.linspace(0, 0.9, max(1, len(references) - 1)))
    for index, reference in enumerate(references):
        rows = table[table["reference"] == reference]
        unweighted = rows["step"].isna().all()
        style = {"color": "tab:red" if unweighted else colors[index - 1], "marker": "o", "ms": 3, "lw": 1}
        left.plot(rows["epsilon"], rows["overlap"], label=reference, **style)
        # What is below rounding says nothing, and would stretch the axis.
        missing = np.maximum(1 - rows["overlap"], 1e-12)
        right.plot(rows["epsilon_squared"], missing, **style)
    chance = table.drop_duplicates("epsilon")
    left.plot(chance["epsilon"], chance["overlap_of_random"], "--", color="gray", label="random subspace")
    line = chance["epsilon_squared"]
    right.plot(line, line, "--", color="gray", label="epsilon squared")
    left.set_xlabel("epsilon")
    left.set_ylabel("overlap of the slow subspaces")
    left.set_ylim(0, 1.05)
    left.legend(frameon=False, fontsize=8)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel("epsilon squared")
    right.set_ylabel("1 - overlap")
    right.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
