"""The pictures of a run."""

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nnrep.systems import System

STAGE_COLORS = {"coarse": "tab:orange", "fine": "tab:blue", "openmm": "tab:green"}
# In turns, of stages that a list names otherwise.
OTHER_COLORS = ("tab:purple", "tab:red", "tab:brown", "tab:pink", "tab:olive", "tab:cyan")


def draw_energy(path: Path, history: pd.DataFrame, system: System) -> None:
    """Energy against time, a line a seed, stages by colour, a dot where a stage ends.

    The axis is linear near the lowest energies and logarithmic above, so that both the fall from the
    start and the approach to the minimum show.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    energy_bound = system.energy_bound
    lowest = min([history["energy"].min(), *([] if energy_bound is None else [energy_bound])])
    others = cycle(OTHER_COLORS)
    for stage in history["stage"].unique():
        color = STAGE_COLORS.get(stage) or next(others)
        rows = history[history["stage"] == stage]
        for index, (_, seed_rows) in enumerate(rows.groupby("seed")):
            label = f"{stage} stage" if index == 0 else None
            axes.plot(seed_rows["time_s"], seed_rows["energy"], color=color, lw=0.9, label=label)
            axes.plot(seed_rows["time_s"].iloc[-1:], seed_rows["energy"].iloc[-1:], "o", color=color, ms=4)
    if energy_bound is not None:
        axes.axhline(energy_bound, color="gray", ls="--", lw=0.9, label="lower bound")
    if np.isfinite(lowest) and history["energy"].max() > 10 * max(abs(lowest), 1e-12):
        axes.set_yscale("symlog", linthresh=max(abs(lowest), 1e-6))
        axes.set_ylim(bottom=lowest - 0.2 * abs(lowest))
    axes.set_xlabel("time in the minimisation loop / s")
    unit = f" / {system.energy_unit}" if system.energy_unit else ""
    axes.set_ylabel(f"energy seen by the optimiser{unit}")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def draw_layouts(path: Path, system: System, start: np.ndarray, final: np.ndarray, title: str) -> None:
    """Start and final positions (n, d) side by side, coloured along the chain; of a protein its CA atoms."""
    # Fixed margins: to measure what is around three axes takes longer than to draw them.
    figure = Figure(figsize=(10, 5))
    figure.subplots_adjust(left=0.05, right=0.97, bottom=0.07, top=0.87, wspace=0.12)
    figure.suptitle(title)
    for column, (name, positions) in enumerate((("start", start), ("final", final)), start=1):
        dim = positions.shape[1]
        axes = figure.add_subplot(1, 2, column, projection="3d" if dim == 3 else None)
        draw_chain(axes, positions if system.trace is None else positions[system.trace])
        axes.set_title(name)
    figure.savefig(path, dpi=150)


def draw_chain(axes: Any, positions: np.ndarray) -> None:
    """A chain of particles (n, d), d = 2 or 3, as a line with dots coloured from first to last."""
    coordinates = list(positions.T)
    axes.plot(*coordinates, color="0.7", lw=0.6)
    dots = {"c": np.arange(len(positions)), "cmap": "viridis", "s": 10}
    axes.scatter(*coordinates, **dots)
    equal_box(axes)


def equal_box(axes: Any) -> None:
    """One scale for all directions, with small numbers."""
    axes.set_aspect("equal")
    axes.tick_params(labelsize=7)
