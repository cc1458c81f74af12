"""Figure 3's picture: a dot a setting, and what was published."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture

from nnrep.figures.analysis.labels import LOOP_LABELS, METHOD_COLORS, METHOD_LABELS, PLAIN
from nnrep.figures.analysis.selection import diverged
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig3.published import Published, published_of
from nnrep.figures.fig3.starts import with_fresh_starts

TIME_LABEL = "modes, fit and minimisation / s"
PLAIN_MARKER, MODE_MARKERS = "x", ("^", "s", "o", "D", "v")  # the fewest modes first
SMALLEST, LARGEST = 4.0, 9.0  # points, of the lowest learning rate and of the highest
POOLED_BY = ["reparam", "modes", "hidden", "learning_rate", "learning_rate_coarse"]


def draw(evidence: Evidence) -> Picture:
    """A column a loop: energy against time, above with a linear axis, below with a logarithmic one."""
    picture = Picture(figsize=(13, 11), layout="constrained")
    panels = picture.subplots(2, len(LOOP_LABELS), squeeze=False)
    runs = with_times(with_fresh_starts(evidence.runs))
    legend: dict[str, Any] = {}
    for column, (potential, loop) in enumerate(LOOP_LABELS.items()):
        settings = pooled(runs[runs["potential"] == potential])
        known = published_of(evidence, potential)
        for axes, log in zip(panels[:, column], (False, True), strict=True):
            _panel(axes, settings, known, log)
            axes.set_title(loop)
            axes.set_xlabel(TIME_LABEL)
            legend |= {name: handle for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    picture.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=6, frameon=False)
    return picture


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


def _panel(axes: Any, settings: pd.DataFrame, published: dict[str, Published], log: bool) -> None:
    """One loop; on a logarithmic axis energies are above their bound, and what was published is marked."""
    axes.set_xscale("log")
    axes.grid(alpha=0.2)
    if settings.empty:
        return
    bound = settings["energy_bound"].iloc[0] if log else 0.0
    axes.set_yscale("log" if log else "linear")
    axes.set_ylabel(f"mean energy above its lower bound ({bound:.4f})" if log else "mean energy")
    for reparam in METHOD_LABELS:
        _marks(axes, settings[settings["reparam"] == reparam], reparam, bound, log)
    heights = [*(settings["energy_mean"] - bound), *(_published(axes, published, bound) if log else [])]
    plain_decades(axes)
    # Deviations may reach down to the bound, which is infinitely far below on this axis.
    known = [height for height in heights if np.isfinite(height)]
    if log and known and min(known) > 0:
        axes.set_ylim(bottom=0.7 * min(known))


def _marks(axes: Any, settings: pd.DataFrame, reparam: str, bound: float, log: bool) -> None:
    """A mark a setting with its deviations: shape by the number of modes, size by the learning rate."""
    counts = sorted(settings["modes"].unique())
    rates = sorted(settings["learning_rate"].unique())
    sizes = dict(zip(rates, np.linspace(SMALLEST, LARGEST, len(rates)), strict=True))
    for (modes, rate), rows in settings.groupby(["modes", "learning_rate"]):
        above = rows["energy_mean"] - bound
        # On a logarithmic axis a bar must end above zero.
        down = np.minimum(rows["energy_std"], 0.99 * above) if log else rows["energy_std"]
        before = np.minimum(rows["time_s_std"], 0.99 * rows["time_s_mean"])
        name = METHOD_LABELS[reparam] + (f", {modes} modes" if reparam != PLAIN else "")
        marker = MODE_MARKERS[counts.index(modes) % len(MODE_MARKERS)]
        axes.errorbar(
            rows["time_s_mean"],
            above,
            xerr=[before, rows["time_s_std"]],
            yerr=[down, rows["energy_std"]],
            fmt=PLAIN_MARKER if reparam == PLAIN else marker,
            ms=sizes[rate],
            color=METHOD_COLORS[reparam],
            alpha=0.7,
            elinewidth=0.6,
            label=f"{name}, lr {rate:g}",
        )


def _published(axes: Any, published: dict[str, Published], bound: float) -> list[float]:
    """Mark what was published of a loop; how high its marks are."""
    heights = []
    for reparam, known in published.items():
        method = METHOD_LABELS[reparam]
        style = {"color": METHOD_COLORS[reparam], "ls": "none", "mfc": "none", "mew": 1.5}
        best, median = known.best_mean - bound, known.median - bound
        axes.plot(known.best_mean_time, best, "*", ms=14, label=f"published {method}: best mean", **style)
        axes.plot(known.median_time, median, "D", ms=8, label=f"published {method}: median", **style)
        single = known.best - bound
        line = {"color": METHOD_COLORS[reparam], "ls": ":", "lw": 0.8}
        axes.axhline(single, label=f"published {method}: best run", **line)
        heights += [best, median, single]
    return heights
