"""Figure 6: energy against iterations and wall time, over learning rates and starts."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure as Picture

from nnrep.figures.fig6_claims import claims
from nnrep.figures.fig6_settings import (
    at_first_start,
    best_runs,
    labelled,
    minimised,
    of_all_starts,
    repeated,
)
from nnrep.figures.figure import Evidence, Figure
from nnrep.figures.followed import before_loop
from nnrep.figures.methods import plain_decades
from nnrep.figures.proteins import BASELINES, DYNAMICS, MINIMIZER, notes_on_runs

PALETTES = {"GD": "Oranges", "GNN1": "Greens", "GNN2": "Blues"}
STYLES = {"GD": "-", "GNN1": "--", "GNN2": ":"}
MARKED_STEPS = (5000, 10_000)  # of dynamics
WINDOW = 0.8  # the highest that is shown above the lowest energy, relative to that
SHADES = (0.9, 0.4)  # from the highest learning rate to the lowest


def draw(evidence: Evidence) -> Picture:
    """(a) and (b): best runs at the first start, with OpenMM's marks; (c): best runs of several starts."""
    runs = labelled(evidence.runs)
    picture = Picture(figsize=(18, 7.5), layout="constrained")
    iterations, times, starts = picture.subplots(1, 3)
    first = at_first_start(runs)
    best = best_runs(minimised(first))
    for axes, column, label in ((iterations, "step", "iterations"), (times, "time_s", "wall time / s")):
        shown = [_curve(axes, evidence, run, column, **_style(run, best)) for _, run in best.iterrows()]
        shown += _marks(axes, evidence, first, column)
        _frame(axes, shown, label)
    iterations.set_title("(a) learning rates")
    times.set_title("(b) the same; modes and fit included, compilation apart")
    starts.set_title("(c) starts")
    _starts(starts, evidence, best_runs(of_all_starts(runs)))
    iterations.set_ylabel("energy / kJ/mol")
    for axes in (iterations, starts):
        if axes.get_lines():
            axes.legend(fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    return picture


def _style(run: pd.Series, runs: pd.DataFrame) -> dict[str, Any]:
    """Colour by method, the darker the higher the learning rate."""
    own = runs[runs["method"] == run["method"]]
    rates = sorted(own["learning_rate"].unique(), reverse=True)
    shade = np.linspace(*SHADES, len(rates))[rates.index(run["learning_rate"])]
    coarse = run["learning_rate_coarse"]
    rate = run["learning_rate"] if pd.isna(coarse) else coarse
    palette = PALETTES.get(run["method"], "Purples")
    return {"color": colormaps[palette](shade), "label": f"{run['method']}, lr {rate:g}"}


def _curve(axes: Any, evidence: Evidence, run: pd.Series, column: str, label: str, **style: Any) -> float:
    """Energy of a run; where it ends."""
    history = evidence.histories(run["run_id"])
    before = before_loop(run) if column == "time_s" else 0.0
    label = f"{label}: {run['energy']:.0f}"
    axes.plot(before + history[column], history["energy"], lw=1.1, label=label, **style)
    return float(run["energy"])


def _marks(axes: Any, evidence: Evidence, runs: pd.DataFrame, column: str) -> list[float]:
    """OpenMM's dynamics after so many steps, and where its minimiser ends; their energies."""
    heights = []
    for baseline, marker, wanted in ((DYNAMICS, "*", MARKED_STEPS), (MINIMIZER, "P", (None,))):
        for _, run in best_runs(runs[runs["baseline"] == baseline]).iterrows():
            history = evidence.histories(run["run_id"])
            for step in wanted:
                rows = history if step is None else history[history["step"] == step]
                if rows.empty:
                    continue
                last = rows.iloc[-1]
                label = BASELINES[baseline] + ("" if step is None else f", {step} steps")
                label = f"{label}: {last['energy']:.0f}"
                fill = "none" if step == MARKED_STEPS[0] else "k"
                axes.plot(
                    last[column], last["energy"], marker, color="k", mfc=fill, ms=11, ls="none", label=label
                )
                axes.axhline(last["energy"], color="k", ls="--", lw=0.5, alpha=0.4)
                heights.append(float(last["energy"]))
    return heights


def _starts(axes: Any, evidence: Evidence, runs: pd.DataFrame) -> None:
    """Energy against iterations, a colour a start, a style a method, at the rate that all starts have."""
    names = list(runs["from"].unique())
    colors = dict(zip(names, colormaps["tab10"].colors * 10, strict=False))  # type: ignore[attr-defined]
    shown = []
    for _, run in runs.iterrows():
        label = f"{run['from']}, {run['method']}"
        style = {"color": colors[run["from"]], "ls": STYLES.get(run["method"], "-."), "label": label}
        shown.append(_curve(axes, evidence, run, "step", **style))
    _frame(axes, shown, "iterations")


def _frame(axes: Any, ends: list[float], label: str) -> None:
    """The ends in sight, but for those that are far above the lowest: the legend has their energies."""
    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.grid(alpha=0.2)
    plain_decades(axes)
    known = [end for end in ends if np.isfinite(end)]
    if known:
        span = min(max(1.6 * np.ptp(known), 0.05 * abs(min(known))), WINDOW * abs(min(known)))
        axes.set_ylim(min(known) - 0.05 * span, min(known) + span)


def notes(evidence: Evidence) -> list[str]:
    """What is to be known of dynamics, and of starts and structures."""
    found = list(notes_on_runs(evidence))
    if (evidence.runs["baseline"] == DYNAMICS).any():
        found.append(
            "OpenMM's dynamics is at 298 K: its potential energy has kT/2 for every vibration, and is not to "
            "be compared with a minimum; the plot of the paper has about -1775 kJ/mol after 10 000 steps."
        )
    return found


FIGURE = Figure(
    name="fig6",
    title="Figure 6: energy over learning rates and starts, and OpenMM",
    needs_positions=False,
    needs_histories=True,
    repeated=repeated,
    draw=draw,
    claims=claims,
    notes=notes,
    fixed_grid=True,
    caption=(
        "Each line is the run of lowest energy of its setting's seeds. GD, orange: positions alone; GNN1, "
        "green, and GNN2, blue: networks of one and two layers at the learning rate that is named, then the"
        " positions at ten times that. Stars: potential energy of OpenMM's dynamics at 298 K, of the run "
        "that ends lowest; cross: the end of OpenMM's minimiser. What ends far above the lowest is out of "
        "sight; legends have the final energies, and that of (a) is that of (b) as well."
    ),
)
