"""Figure 3's picture: a dot a setting, and what was published."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture

from nnrep.figures.analysis.labels import LOOP_LABELS, METHOD_COLORS, METHOD_LABELS, PLAIN
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig3.published import Published, published_of

TIME_LABELS = {
    "time_s": "modes, fit and minimisation / s",
    "time_with_compile_s": "the same, with compilation / s",
}


def draw(evidence: Evidence) -> Picture:
    """A column a loop; energy above its bound against time, without and with compilation."""
    picture = Picture(figsize=(13, 11), layout="constrained")
    panels = picture.subplots(len(TIME_LABELS), len(LOOP_LABELS), squeeze=False, sharey="col")
    legend: dict[str, Any] = {}
    for row, (time, label) in enumerate(TIME_LABELS.items()):
        for column, (potential, loop) in enumerate(LOOP_LABELS.items()):
            axes = panels[row, column]
            rows = evidence.summary[evidence.summary["potential"] == potential]
            _panel(axes, rows, time, published_of(evidence, potential))
            axes.set_title(loop)
            axes.set_xlabel(label)
            legend |= {name: handle for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    picture.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=6, frameon=False)
    return picture


def _panel(axes: Any, rows: pd.DataFrame, time: str, published: dict[str, Published]) -> None:
    """One loop: our settings, and what was published of it."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(alpha=0.2)
    if rows.empty:
        return
    bound = rows["energy_bound"].iloc[0]
    axes.set_ylabel(f"mean energy above its lower bound ({bound:.4f})")
    for reparam in METHOD_LABELS:
        _dots(axes, rows[rows["reparam"] == reparam], reparam, time)
    heights = [*(rows["energy_mean"] - bound), *_published(axes, published, bound)]
    # Deviations may reach down to the bound, which is infinitely far below on this axis.
    known = [height for height in heights if np.isfinite(height)]
    plain_decades(axes)
    if known and min(known) > 0:
        axes.set_ylim(bottom=0.7 * min(known))


def _dots(axes: Any, rows: pd.DataFrame, reparam: str, time: str) -> None:
    """A dot a setting, the darker the more modes, with standard deviations over its runs."""
    counts = sorted(rows["modes"].unique())
    for modes, settings in rows.groupby("modes"):
        above = settings["energy_mean"] - settings["energy_bound"]
        # One run has no deviation; on a logarithmic axis a bar must end above zero.
        up, aside = (settings[f"{name}_std"].fillna(0) for name in ("energy", time))
        down, before = np.minimum(up, 0.99 * above), np.minimum(aside, 0.99 * settings[f"{time}_mean"])
        shade = 0.35 + 0.65 * (counts.index(modes) + 1) / len(counts)
        name = METHOD_LABELS[reparam] + (f", {modes} modes" if reparam != PLAIN else "")
        axes.errorbar(
            settings[f"{time}_mean"],
            above,
            xerr=[before, aside],
            yerr=[down, up],
            fmt="x" if reparam == PLAIN else "o",
            ms=7 if reparam == PLAIN else 4,
            color=METHOD_COLORS[reparam],
            alpha=shade,
            elinewidth=0.6,
            label=name,
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
