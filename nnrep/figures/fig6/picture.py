"""Figure 6's picture: energy against iterations and wall time, over learning rates and starts."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D

from nnrep.figures.analysis.histories import before_loop
from nnrep.figures.analysis.labels import (
    BASELINE_LABELS,
    DYNAMICS,
    GD,
    METHOD_COLORS,
    MINIMIZER,
    NETWORK,
    PLAIN,
)
from nnrep.figures.analysis.selection import energies_of
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig6.settings import (
    at_first_start,
    best_runs,
    fresh_runs,
    labelled,
    minimized,
    minimizer_name,
    minimizers_of,
    of_all_starts,
    openmm_energies,
)
from nnrep.records.palette import NEUTRAL, method_color, shades
from nnrep.records.style import PAGE, styled

CURVE_COLORS = {GD: METHOD_COLORS[PLAIN], "GNN1": METHOD_COLORS[NETWORK], "GNN2": METHOD_COLORS[NETWORK]}
CURVE_DASHES: dict[str, Any] = {GD: "-", "GNN1": "-", "GNN2": (0, (3, 1))}
LINE_DASHES = ("--", ":")  # of OpenMM's minimiser, by tolerance
OTHER_DASHES = "-."  # of methods that the paper does not have
FLOOR = 1.0  # kJ/mol above the lowest energy; what is lower is drawn there
HEIGHT_LABEL = "energy above the\nlowest / kJ/mol"
ABOVE, STARTS_HEIGHT, BELOW = 2.5, 2.0, 2.0  # inches: of (a) and (b), of a row of (c), of (d)
MOST_COLUMNS = 4  # panels of starts in a row


class Mark(NamedTuple):
    """What OpenMM comes to: a point, or a height."""

    label: str
    step: float
    time_s: float
    energy: float
    style: dict[str, Any]


@styled()
def draw(evidence: Evidence) -> Picture:
    """(a), (b): best runs at the first start, with OpenMM's marks; (c): of all starts; (d): fresh seeds."""
    runs = labelled(evidence.runs)
    first = at_first_start(runs)
    best, others = best_runs(minimized(first)), best_runs(of_all_starts(runs))
    marks = _marks(evidence, first)
    heights = (ABOVE, STARTS_HEIGHT * -(-max(1, others["from"].nunique()) // MOST_COLUMNS), BELOW)
    picture = Picture(figsize=(PAGE, sum(heights)), layout="constrained")
    parts: Any = picture.subfigures(3, 1, height_ratios=heights)
    above, middle, below = parts
    panels = above.subplots(1, 2, sharey=True)
    for axes, column, label in zip(panels, ("step", "time_s"), ("iterations", "wall time / s"), strict=True):
        _descents(axes, evidence, best, column, marks)
        axes.set_xlabel(label)
    panels[0].set_title("(a) learning rates, first start", loc="left")
    panels[1].set_title("(b) the same, modes and fit included", loc="left")
    panels[0].set_ylabel(HEIGHT_LABEL)
    _starts(middle, evidence, others)
    seeds, key = below.subplots(1, 2)
    _distributions(seeds, evidence)
    key.set_axis_off()
    key.legend(handles=_key(best, others, marks), loc="center left", ncols=2)
    return picture


def _style(run: pd.Series, runs: pd.DataFrame) -> dict[str, Any]:
    """Colour and dashes by method, the paler the lower the learning rate."""
    own = runs[runs["method"] == run["method"]]
    rates = sorted(own["learning_rate"].unique(), reverse=True)
    color = CURVE_COLORS.get(run["method"], NEUTRAL)
    return {
        "color": shades(color, len(rates))[rates.index(run["learning_rate"])],
        "ls": CURVE_DASHES.get(run["method"], OTHER_DASHES),
    }


def _key(best: pd.DataFrame, others: pd.DataFrame, marks: list[Mark]) -> list[Line2D]:
    """The legend of all panels."""
    handles = []
    for name in dict.fromkeys(pd.concat([best, others])["method"]):
        color, dashes = CURVE_COLORS.get(name, NEUTRAL), CURVE_DASHES.get(name, OTHER_DASHES)
        rates = sorted(best.loc[best["method"] == name, "learning_rate"].unique(), reverse=True)
        labels = [f"{name}, {_rate(best, name, rate)}" for rate in rates] or [name]
        for label, shade in zip(labels, shades(color, len(labels)), strict=True):
            handles.append(Line2D([], [], label=label, color=shade, ls=dashes))
    return [*handles, *(Line2D([], [], label=mark.label, **mark.style) for mark in marks)]


def _rate(runs: pd.DataFrame, name: str, rate: float) -> str:
    """The learning rate of a method's first stage, by that of the positions."""
    coarse = runs.loc[(runs["method"] == name) & (runs["learning_rate"] == rate), "learning_rate_coarse"]
    first = coarse.iloc[0]
    return f"lr {rate if pd.isna(first) else first:g}"


def _marks(evidence: Evidence, runs: pd.DataFrame) -> list[Mark]:
    """OpenMM's minimiser (star, dashed line) and its dynamics, with their final energies."""
    marks = []
    for (tolerance, setting), dashes in zip(minimizers_of(evidence).items(), cycle(LINE_DASHES)):
        marks += _minimizer_marks(evidence, setting, tolerance, dashes)
    for _, run in best_runs(runs[runs["baseline"] == DYNAMICS]).iterrows():
        last = evidence.histories(run["run_id"]).iloc[-1]
        style = {"color": method_color(DYNAMICS), "marker": "P", "ms": 7, "ls": "none"}
        style |= {"mec": "k", "mew": 0.5}
        label = f"{BASELINE_LABELS[DYNAMICS]},\n{last['step']:.0f} steps"
        marks.append(Mark(label, float(last["step"]), float(last["time_s"]), float(last["energy"]), style))
    return marks


def _minimizer_marks(evidence: Evidence, setting: str, tolerance: float, dashes: str) -> list[Mark]:
    """A star where OpenMM's best run is after the first of the marked iterations, a line after the last."""
    marks = []
    energies = openmm_energies(evidence, setting)
    for place, (step, energy) in enumerate(energies.items()):
        minimizer = best_runs(evidence.runs[evidence.runs["config_hash"] == setting]).iloc[0]
        history = evidence.histories(minimizer["run_id"])
        time = float(history.loc[history["step"] == step, "time_s"].iloc[0])
        color = method_color(MINIMIZER)
        if place == 0:
            face = color if dashes == LINE_DASHES[0] else "white"
            style: dict[str, Any] = {"color": color, "marker": "*", "ms": 9, "ls": "none", "mfc": face}
            marks.append(Mark(f"{minimizer_name(tolerance)},\n{step} iterations", step, time, energy, style))
        if place == len(energies) - 1:
            style = {"color": color, "ls": dashes, "lw": 0.8}
            label = f"the same, {step} iterations" if place else "its energy"
            label += f" ({tolerance:g})"
            marks.append(Mark(label, np.nan, np.nan, energy, style))
    return marks


def _descents(
    axes: Any, evidence: Evidence, runs: pd.DataFrame, column: str, marks: Sequence[Mark] = ()
) -> None:
    """Energies of runs and marks above the lowest of them."""
    lowest = min([*runs["energy"], *(mark.energy for mark in marks)], default=0.0)
    for _, run in runs.iterrows():
        history = evidence.histories(run["run_id"])
        before = before_loop(run) if column == "time_s" else 0.0
        axes.plot(before + history[column], _above(history["energy"], lowest), lw=1.0, **_style(run, runs))
    for mark in marks:
        height = _above(mark.energy, lowest)
        if np.isnan(mark.step):
            axes.axhline(height, **mark.style)
        else:
            axes.plot(getattr(mark, column), height, zorder=4, **mark.style)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(alpha=0.2)
    plain_decades(axes, most=5)


def _above(energies: Any, lowest: float) -> Any:
    return np.maximum(energies - lowest, FLOOR)


def _starts(picture: Any, evidence: Evidence, runs: pd.DataFrame) -> None:
    """(c): energy against iterations, a panel a start, at the rate that all starts have."""
    names = list(dict.fromkeys(runs["from"]))
    columns = max(1, min(MOST_COLUMNS, len(names)))
    grid = picture.subplots(-(-max(1, len(names)) // columns), columns, squeeze=False, sharey=True)
    panels = grid.ravel()
    for axes, name in zip(panels, names, strict=False):
        _descents(axes, evidence, runs[runs["from"] == name], "step")
        plain_decades(axes, most=3)
        axes.set_title(f"{'(c) ' if name == names[0] else ''}{name} start", loc="left")
        axes.set_xlabel("iterations")
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel(HEIGHT_LABEL)


def _distributions(axes: Any, evidence: Evidence) -> None:
    """(d): the share of fresh runs of a method's best rate that end at or below an energy."""
    axes.set_title("(d) best rates, fresh seeds", loc="left")
    axes.set_xlabel("energy / kJ/mol")
    axes.set_ylabel("share of runs\nat or below")
    axes.grid(alpha=0.2)
    axes.locator_params(axis="x", nbins=5)
    for name, color in CURVE_COLORS.items():
        energies = np.sort(energies_of(fresh_runs(evidence, name)))
        if len(energies):
            shares = np.arange(1, len(energies) + 1) / len(energies)
            axes.step(energies, shares, where="post", color=color, ls=CURVE_DASHES[name], label=name)
