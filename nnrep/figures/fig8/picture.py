"""Figure 8's picture: energy against time, a panel a start and structure."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture

from nnrep.figures.analysis.labels import METHOD_COLORS, METHOD_LABELS, PLAIN
from nnrep.figures.analysis.problems import of_problem, problems_of
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.evidence import Evidence

PANEL_SIZE = (3.9, 4.1)  # inches
LEGEND_PLACE = (0.5, -0.17)  # below the axes, in shares of them
SMALLEST_DOT, LARGEST_DOT = 4.0, 13.0  # points across, of no modes and of all


def draw(evidence: Evidence) -> Picture:
    """A row a start, a column a structure; a dot a setting, the larger the more modes."""
    problems = problems_of(evidence.summary)
    starts = list(dict.fromkeys((problem.potential, problem.start) for problem in problems))
    structures = list(dict.fromkeys(problem.structure for problem in problems))
    size = PANEL_SIZE[0] * len(structures), PANEL_SIZE[1] * len(starts)
    picture = Picture(figsize=size, layout="constrained")
    panels = picture.subplots(len(starts), len(structures), squeeze=False)
    for problem in problems:
        row, column = starts.index((problem.potential, problem.start)), structures.index(problem.structure)
        axes = panels[row, column]
        _panel(axes, of_problem(evidence.summary, problem))
        axes.set_title(f"{problem.structure}, {problem.start} start", fontsize=10)
        axes.set_xlabel("modes and minimisation / s")
        axes.set_ylabel("energy / kJ/mol")
    return picture


def _panel(axes: Any, settings: pd.DataFrame) -> None:
    """Means and standard deviations over the runs of each setting."""
    axes.set_xscale("log")
    axes.grid(alpha=0.2)
    for _, setting in settings.sort_values("modes").iterrows():
        share = setting["modes"] / setting["n"]
        plain = setting["reparam"] == PLAIN
        name = METHOD_LABELS[setting["reparam"]]
        time, aside = setting["time_s_mean"], np.nan_to_num(setting["time_s_std"])
        axes.errorbar(
            time,
            setting["energy_mean"],
            xerr=[[min(aside, 0.99 * time)], [aside]],
            yerr=np.nan_to_num(setting["energy_std"]),
            fmt="x" if plain else "o",
            ms=8 if plain else SMALLEST_DOT + share * (LARGEST_DOT - SMALLEST_DOT),
            color=METHOD_COLORS[setting["reparam"]],
            alpha=0.9 if plain else 0.65,
            elinewidth=0.7,
            label=name if plain else f"{name}, {setting['modes']:.0f} modes ({100 * share:.0f} %)",
        )
    plain_decades(axes)
    axes.legend(
        fontsize=7, frameon=False, markerscale=0.6, loc="upper center", bbox_to_anchor=LEGEND_PLACE, ncols=2
    )
