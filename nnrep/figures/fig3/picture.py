"""Figure 3's picture: a dot a setting, and what was published."""

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D

from nnrep.figures.analysis.labels import LOOP_LABELS, METHOD_COLORS, METHOD_LABELS, PLAIN
from nnrep.figures.analysis.selection import diverged
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.drawing.axes import number_text, plain_decades
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig3.published import Published, published_of
from nnrep.figures.fig3.starts import with_fresh_starts
from nnrep.records.style import PAGE, styled

TIME_LABEL = "modes, fit and minimisation / s"
HEIGHT = 6.4  # of the picture, in inches
PLAIN_MARKER, MODE_MARKERS = "X", ("^", "s", "o", "D", "v")  # the fewest modes first
SMALLEST, LARGEST = 12.0, 50.0  # points squared, of the lowest learning rate and of the highest
STAR, DIAMOND = 110.0, 40.0  # the same, of what was published
POOLED_BY = ["reparam", "modes", "hidden", "learning_rate", "learning_rate_coarse"]


@styled()
def draw(evidence: Evidence) -> Picture:
    """A column a loop: energy against time, above with a linear axis, below with a logarithmic one."""
    picture = Picture(figsize=(PAGE, HEIGHT), layout="constrained")
    panels = picture.subplots(2, len(LOOP_LABELS), squeeze=False, sharex="col")
    runs = with_times(with_fresh_starts(evidence.runs))
    settings = {potential: pooled(runs[runs["potential"] == potential]) for potential in LOOP_LABELS}
    shapes, sizes = shapes_of(pd.concat(settings.values())), sizes_of(pd.concat(settings.values()))
    known = {potential: published_of(evidence, potential) for potential in LOOP_LABELS}
    for column, (potential, loop) in enumerate(LOOP_LABELS.items()):
        for axes, log in zip(panels[:, column], (False, True), strict=True):
            _panel(axes, settings[potential], shapes, sizes, known[potential], log)
        panels[0, column].set_title(loop)
        plain_decades(panels[1, column])  # of both, which share their times
        panels[1, column].set_xlabel(TIME_LABEL)
    picture.legend(handles=_key(shapes, sizes, any(known.values())), loc="outside lower center", ncols=4)
    return picture


def shapes_of(settings: pd.DataFrame) -> dict[int, str]:
    """Number of modes -> marker."""
    counts = sorted(settings.loc[settings["reparam"] != PLAIN, "modes"].unique())
    return {int(modes): marker for modes, marker in zip(counts, cycle(MODE_MARKERS), strict=False)}


def sizes_of(settings: pd.DataFrame) -> dict[float, float]:
    """Learning rate of the positions -> size of a marker."""
    rates = sorted(settings["learning_rate"].unique())
    return dict(zip(rates, np.linspace(SMALLEST, LARGEST, len(rates)), strict=True))


def _key(shapes: dict[int, str], sizes: dict[float, float], published: bool) -> list[Line2D]:
    """The legend: colours are methods, shapes numbers of modes, sizes learning rates."""
    point: dict[str, Any] = {"ls": "none", "mec": "w", "mew": 0.4}
    handles = [
        Line2D([], [], marker="o", ms=6, color=METHOD_COLORS[reparam], label=name, **point)
        for reparam, name in METHOD_LABELS.items()
    ]
    grey: dict[str, Any] = {"color": "0.35", **point}
    handles.append(Line2D([], [], marker=PLAIN_MARKER, ms=6, label="no modes", **grey))
    handles += [
        Line2D([], [], marker=marker, ms=6, label=f"{modes} modes", **grey)
        for modes, marker in shapes.items()
    ]
    handles.append(Line2D([], [], color="0.35", lw=1.2, label="std of the best setting"))
    handles += [
        Line2D([], [], marker="o", ms=np.sqrt(size), label=f"learning rate {rate:g}", **grey)
        for rate, size in sizes.items()
    ]
    if published:
        edge: dict[str, Any] = {"ls": "none", "color": "w", "mec": "k", "mew": 0.8}
        handles.append(Line2D([], [], marker="*", ms=9, label="published best mean", **edge))
        handles.append(Line2D([], [], marker="D", ms=5.5, label="published median", **edge))
        handles.append(Line2D([], [], color="0.35", ls=":", lw=1.2, label="published best run"))
    return handles


def pooled(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a setting, its tolerances taken together: means and standard deviations of energy and time.

    Over the runs that have not diverged; one run has no deviation.
    """
    good = runs[~diverged(runs)]
    groups = good.groupby(POOLED_BY, dropna=False, sort=False)
    rows = groups.agg(
        energy_mean=("energy", "mean"),
        energy_std=("energy", "std"),
        time_s_mean=("time_s", "mean"),
        time_s_std=("time_s", "std"),
        energy_bound=("energy_bound", "first"),
    )
    return rows.fillna({"energy_std": 0.0, "time_s_std": 0.0}).reset_index()


def _panel(
    axes: Any,
    settings: pd.DataFrame,
    shapes: dict[int, str],
    sizes: dict[float, float],
    published: dict[str, Published],
    log: bool,
) -> None:
    """One loop; on a logarithmic axis energies are above their bound, and what was published is marked."""
    axes.set_xscale("log")
    axes.grid(alpha=0.2)
    bound = settings["energy_bound"].iloc[0] if log and len(settings) else 0.0
    axes.set_yscale("log" if log else "linear")
    axes.set_ylabel(number_text("mean energy above its bound {:.4f}", bound) if log else "mean energy")
    if settings.empty:
        return
    for _, row in settings.sample(frac=1, random_state=0).iterrows():  # no method covers another one
        axes.scatter(
            row["time_s_mean"],
            row["energy_mean"] - bound,
            s=sizes[row["learning_rate"]],
            marker=PLAIN_MARKER if row["reparam"] == PLAIN else shapes[int(row["modes"])],
            color=METHOD_COLORS[row["reparam"]],
            alpha=0.75,
            edgecolors="w",
            linewidths=0.4,
            zorder=3,
        )
    for reparam in METHOD_LABELS:
        _deviations(axes, settings[settings["reparam"] == reparam], reparam, bound, log)
    if log:
        _published(axes, published, bound)


def _deviations(axes: Any, settings: pd.DataFrame, reparam: str, bound: float, log: bool) -> None:
    """Standard deviations of a method's setting of lowest mean energy, over its mark."""
    if settings["energy_mean"].dropna().empty:
        return
    best = settings.iloc[int(np.nanargmin(settings["energy_mean"]))]
    above, time = best["energy_mean"] - bound, best["time_s_mean"]
    # On a logarithmic axis a bar must end above zero.
    down = min(best["energy_std"], 0.9 * above) if log else best["energy_std"]
    before = min(best["time_s_std"], 0.9 * time)
    axes.errorbar(
        time,
        above,
        xerr=[[before], [best["time_s_std"]]],
        yerr=[[down], [best["energy_std"]]],
        fmt="none",
        ecolor=METHOD_COLORS[reparam],
        elinewidth=1.2,
        capsize=2.5,
        zorder=4,
    )


def _published(axes: Any, published: dict[str, Published], bound: float) -> None:
    """Mark what was published of a loop."""
    for reparam, known in published.items():
        color = METHOD_COLORS[reparam]
        style = {"color": color, "edgecolors": "k", "linewidths": 0.8, "zorder": 5}
        axes.scatter(known.best_mean_time, known.best_mean - bound, s=STAR, marker="*", **style)
        axes.scatter(known.median_time, known.median - bound, s=DIAMOND, marker="D", **style)
        axes.axhline(known.best - bound, color=color, ls=":", lw=1.2)
