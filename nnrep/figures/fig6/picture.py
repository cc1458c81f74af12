"""Figure 6's picture: energy against iterations and wall time, over learning rates and starts."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure as Picture

from nnrep.figures.analysis.histories import before_loop
from nnrep.figures.analysis.labels import BASELINE_LABELS, DYNAMICS, GD, MINIMIZER
from nnrep.figures.analysis.selection import energies_of
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig6.settings import (
    at_first_start,
    best_runs,
    fresh_runs,
    labelled,
    minimized,
    of_all_starts,
    openmm_energies,
)

PALETTES = {GD: "Oranges", "GNN1": "Greens", "GNN2": "Blues"}
LINE_STYLES = {GD: "-", "GNN1": "--", "GNN2": ":"}
OTHER_PALETTE, OTHER_LINE_STYLE = "Purples", "-."  # of methods that the paper does not have
WINDOW = 0.8  # the highest that is shown above the lowest energy, relative to that
RATE_SHADES = (0.9, 0.4)  # from the highest learning rate to the lowest


def draw(evidence: Evidence) -> Picture:
    """(a), (b): best runs at the first start, with OpenMM's marks; (c): of all starts; (d): fresh seeds."""
    runs = labelled(evidence.runs)
    picture = Picture(figsize=(22, 7.5), layout="constrained")
    iterations, times, starts, seeds = picture.subplots(1, 4)
    first = at_first_start(runs)
    best = best_runs(minimized(first))
    for axes, column, label in ((iterations, "step", "iterations"), (times, "time_s", "wall time / s")):
        shown = [_curve(axes, evidence, run, column, **_style(run, best)) for _, run in best.iterrows()]
        shown += _marks(axes, evidence, first, column)
        _frame(axes, shown, label)
    iterations.set_title("(a) learning rates")
    times.set_title("(b) the same; modes and fit included, compilation apart")
    starts.set_title("(c) starts")
    _starts(starts, evidence, best_runs(of_all_starts(runs)))
    _distributions(seeds, evidence)
    iterations.set_ylabel("energy / kJ/mol")
    for axes in (iterations, starts, seeds):
        if axes.get_lines():
            axes.legend(fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    return picture


def _style(run: pd.Series, runs: pd.DataFrame) -> dict[str, Any]:
    """Colour by method, the darker the higher the learning rate."""
    own = runs[runs["method"] == run["method"]]
    rates = sorted(own["learning_rate"].unique(), reverse=True)
    shade = np.linspace(*RATE_SHADES, len(rates))[rates.index(run["learning_rate"])]
    coarse = run["learning_rate_coarse"]
    rate = run["learning_rate"] if pd.isna(coarse) else coarse
    palette = PALETTES.get(run["method"], OTHER_PALETTE)
    return {"color": colormaps[palette](shade), "label": f"{run['method']}, lr {rate:g}"}


def _curve(axes: Any, evidence: Evidence, run: pd.Series, column: str, label: str, **style: Any) -> float:
    """Draw the energy of a run, and return the final one."""
    history = evidence.histories(run["run_id"])
    before = before_loop(run) if column == "time_s" else 0.0
    label = f"{label}: {run['energy']:.0f}"
    axes.plot(before + history[column], history["energy"], lw=1.1, label=label, **style)
    return float(run["energy"])


def _marks(axes: Any, evidence: Evidence, runs: pd.DataFrame, column: str) -> list[float]:
    """Mark OpenMM's minimiser (star, dashed line) and, for itself, its dynamics; return their energies."""
    heights = []
    energies = openmm_energies(evidence, runs)
    for place, (step, energy) in enumerate(energies.items()):
        label = f"{BASELINE_LABELS[MINIMIZER]}, {step} iterations: {energy:.0f}"
        if place == len(energies) - 1:
            axes.axhline(energy, color="k", ls="--", lw=0.8, label=label)
        if place == 0:
            minimizer = best_runs(runs[runs["baseline"] == MINIMIZER]).iloc[0]
            history = evidence.histories(minimizer["run_id"])
            at = history[history["step"] == step].iloc[0]
            axes.plot(at[column], energy, "*", color="k", ms=13, ls="none", label=f"{label} (star)")
        heights.append(energy)
    for _, run in best_runs(runs[runs["baseline"] == DYNAMICS]).iterrows():
        last = evidence.histories(run["run_id"]).iloc[-1]
        label = f"{BASELINE_LABELS[DYNAMICS]}, {last['step']:.0f} steps: {last['energy']:.0f}"
        axes.plot(last[column], last["energy"], "P", color="0.5", ms=9, ls="none", label=label)
        heights.append(float(last["energy"]))
    return heights


def _distributions(axes: Any, evidence: Evidence) -> None:
    """The share of fresh runs of a method's best rate that end at or below an energy."""
    axes.set_title("(d) best rates, fresh seeds")
    axes.set_xlabel("energy / kJ/mol")
    axes.set_ylabel("share of runs at or below")
    axes.grid(alpha=0.2)
    for name, palette in PALETTES.items():
        energies = np.sort(energies_of(fresh_runs(evidence, name)))
        if len(energies):
            shares = np.arange(1, len(energies) + 1) / len(energies)
            axes.step(energies, shares, where="post", color=colormaps[palette](0.8), label=name)


def _starts(axes: Any, evidence: Evidence, runs: pd.DataFrame) -> None:
    """Energy against iterations, a colour a start, a style a method, at the rate that all starts have."""
    names = list(runs["from"].unique())
    colors = dict(zip(names, colormaps["tab10"].colors * 10, strict=False))  # type: ignore[attr-defined]
    shown = []
    for _, run in runs.iterrows():
        label = f"{run['from']}, {run['method']}"
        line = LINE_STYLES.get(run["method"], OTHER_LINE_STYLE)
        style = {"color": colors[run["from"]], "ls": line, "label": label}
        shown.append(_curve(axes, evidence, run, "step", **style))
    _frame(axes, shown, "iterations")


def _frame(axes: Any, energies: list[float], label: str) -> None:
    """Final energies in sight, but for those that are far above the lowest: the legend has them all."""
    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.grid(alpha=0.2)
    plain_decades(axes)
    known = [energy for energy in energies if np.isfinite(energy)]
    if known:
        span = min(max(1.6 * np.ptp(known), 0.05 * abs(min(known))), WINDOW * abs(min(known)))
        axes.set_ylim(min(known) - 0.05 * span, min(known) + span)
