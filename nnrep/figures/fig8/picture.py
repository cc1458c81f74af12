"""Figure 8's picture: energy against time, a panel a start and structure."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D

from nnrep.figures.analysis.labels import COARSE_GRAINED, METHOD_COLORS, METHOD_LABELS, PLAIN
from nnrep.figures.analysis.problems import of_problem, problems_of
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.evidence import Evidence
from nnrep.records.style import PAGE, SMALL, styled

ROW_HEIGHT, KEY_HEIGHT = 2.0, 0.6  # inches
MOST_COLUMNS = 4  # panels in a row
SMALLEST_DOT, LARGEST_DOT = 3.0, 9.0  # points across, of no modes and of all


@styled()
def draw(evidence: Evidence) -> Picture:
    """Rows of a start, a panel a structure; a dot a setting, the larger the more modes."""
    problems = problems_of(evidence.summary)
    starts = list(dict.fromkeys((problem.potential, problem.start) for problem in problems))
    structures = list(dict.fromkeys(problem.structure for problem in problems))
    columns = min(MOST_COLUMNS, len(structures))
    rows = -(-len(structures) // columns)
    size = PAGE, KEY_HEIGHT + ROW_HEIGHT * rows * len(starts)
    picture = Picture(figsize=size, layout="constrained")
    panels = picture.subplots(rows * len(starts), columns, squeeze=False)
    left = set(panels.ravel())
    for problem in problems:
        row, column = divmod(structures.index(problem.structure), columns)
        axes = panels[rows * starts.index((problem.potential, problem.start)) + row, column]
        _panel(axes, of_problem(evidence.summary, problem))
        axes.set_title(f"{problem.structure}, {problem.start} start", fontsize=SMALL)
        left.discard(axes)
    for axes in left:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("energy / kJ/mol")
    for axes in panels[-1]:
        axes.set_xlabel("modes and\nminimisation / s")
    picture.legend(handles=_key(evidence.summary), loc="outside lower center", ncols=5, columnspacing=1.5)
    return picture


def _share(setting: pd.Series) -> float:
    """Modes of all coordinates of a dimension, from 0 to 1."""
    return float(setting["modes"] / setting["n"])


def _dot(share: float) -> float:
    return SMALLEST_DOT + share * (LARGEST_DOT - SMALLEST_DOT)


def _key(summary: pd.DataFrame) -> list[Line2D]:
    """The legend of all panels: GD, and CG by shares of modes, to the next tenth."""
    handles = []
    if (summary["reparam"] == PLAIN).any():
        style: dict[str, Any] = {"ls": "none", "marker": "X", "ms": 7, "color": METHOD_COLORS[PLAIN]}
        style |= {"mec": "w", "mew": 0.4}
        handles.append(Line2D([], [], label=METHOD_LABELS[PLAIN], **style))
    mapped = summary[summary["reparam"] == COARSE_GRAINED]
    for share in sorted({round(_share(setting), 1) for _, setting in mapped.iterrows()}):
        style = {"ls": "none", "marker": "o", "ms": _dot(share), "color": METHOD_COLORS[COARSE_GRAINED]}
        label = f"{METHOD_LABELS[COARSE_GRAINED]}, {100 * share:.0f} % of modes"
        handles.append(Line2D([], [], label=label, **style))
    return handles


def _panel(axes: Any, settings: pd.DataFrame) -> None:
    """Means and standard deviations over the runs of each setting."""
    axes.set_xscale("log")
    axes.grid(alpha=0.2)
    for _, setting in settings.sort_values("modes").iterrows():
        plain = setting["reparam"] == PLAIN
        time, aside = setting["time_s_mean"], np.nan_to_num(setting["time_s_std"])
        axes.errorbar(
            time,
            setting["energy_mean"],
            xerr=[[min(aside, 0.9 * time)], [aside]],
            yerr=np.nan_to_num(setting["energy_std"]),
            fmt="X" if plain else "o",
            ms=7 if plain else _dot(_share(setting)),
            color=METHOD_COLORS[setting["reparam"]],
            mec="w",
            mew=0.4,
            alpha=0.85,
            elinewidth=0.7,
            label=METHOD_LABELS[setting["reparam"]],
        )
    plain_decades(axes, most=4)
    axes.locator_params(axis="y", nbins=5)
