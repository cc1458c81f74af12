"""Figure 4: proteins, the network against plain minimisation."""

from typing import Any

import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Rectangle

from nnrep.figures.fig4_claims import SIX, claims
from nnrep.figures.fig4_pairs import (
    FG,
    GNN,
    geometric,
    pairs_of,
    tables,
    whole,
)
from nnrep.figures.figure import Evidence, Figure, nothing_repeated
from nnrep.figures.methods import COLORS, diverged, plain_decades, typical_run
from nnrep.figures.problems import Problem, of_problem, problems_of
from nnrep.figures.proteins import notes_on_runs
from nnrep.figures.structures import draw_traces
from nnrep.systems.protein import Start

# Read off the paper's plot: speed-ups, energy factors.
PUBLISHED = ((1.6, 3.0), (0.998, 1.001))
COLUMN, ROW = 4.2, 3.8  # inches
NAMES = {FG: "FG", GNN: "GNN"}


def draw(evidence: Evidence) -> Picture:
    """(a) and (b), a column a force field and start; below them (c) the structures, a row a start."""
    problems = problems_of(evidence.runs)
    columns = list(dict.fromkeys((problem.potential, problem.start) for problem in problems))
    structures = list(dict.fromkeys(problem.structure for problem in problems))
    starts = list(dict.fromkeys(problem.start for problem in problems))
    wide = max(COLUMN * len(columns), 2.6 * len(structures))
    heights = [2 * ROW, 2.8 * len(starts)]
    picture = Picture(figsize=(wide, sum(heights)), layout="constrained")
    parts: Any = picture.subfigures(2, 1, height_ratios=heights)
    above, below = parts
    colors = dict(zip(structures, colormaps["tab10"].colors * 10, strict=False))  # type: ignore[attr-defined]
    panels = above.subplots(2, len(columns), squeeze=False)
    pairs = pairs_of(evidence)
    for place, (potential, start) in enumerate(columns):
        chosen = [problem for problem in problems if (problem.potential, problem.start) == (potential, start)]
        _factors(panels[0, place], pairs, chosen, colors)
        _energies(panels[1, place], evidence.runs, chosen, colors)
        panels[0, place].set_title(f"{potential}\n{start} start", fontsize=10)
    handles = panels[0, 0].get_legend_handles_labels()
    above.legend(*handles, loc="outside right upper", frameon=False)
    above.legend(*panels[1, 0].get_legend_handles_labels(), loc="outside right lower", frameon=False)
    for row, start in enumerate(starts):
        for column, structure in enumerate(structures):
            problem = Problem(columns[0][0], start, structure)
            axes = below.add_subplot(
                len(starts), len(structures), row * len(structures) + column + 1, projection="3d"
            )
            _structures(axes, evidence, problem)
    return picture


def _factors(axes: Any, pairs: pd.DataFrame, problems: list[Problem], colors: dict[str, Any]) -> None:
    """(a): energy factor against speed-up; full by the own stopping rule, hollow to one energy."""
    axes.set_xscale("log")
    if problems[0].start != Start.native.value:
        (left, right), (low, high) = PUBLISHED
        box = Rectangle((left, low), right - left, high - low, color="0.8", label="published plot")
        axes.add_patch(box)
    axes.axvline(1, color="0.5", lw=0.8)
    axes.axhline(1, color="0.5", lw=0.8)
    for problem in problems:
        rows = whole(of_problem(pairs, problem))
        for ratio, face in (("speedup", colors[problem.structure]), ("speedup_energy", "none")):
            mean, deviation = geometric(rows[ratio])
            axes.errorbar(
                mean,
                rows["factor"].mean(),
                xerr=[[mean - mean / deviation], [mean * deviation - mean]],
                yerr=_deviation(rows["factor"]),
                fmt="o",
                mfc=face,
                color=colors[problem.structure],
                label=problem.structure if ratio == "speedup" else None,
            )
    plain_decades(axes)
    axes.set_xlabel("speed-up, FG's time / GNN's")
    axes.set_ylabel("energy factor, FG / GNN")
    axes.ticklabel_format(axis="y", useOffset=False)


def _deviation(values: pd.Series) -> float:
    """Of one value none."""
    return float(values.std()) if len(values) > 1 else 0.0


def _energies(axes: Any, runs: pd.DataFrame, problems: list[Problem], colors: dict[str, Any]) -> None:
    """(b): energy an atom against RMSD, FG as crosses and GNN as dots."""
    for problem in problems:
        rows = of_problem(runs, problem)
        rows = rows[~diverged(rows)]
        for reparam, marker in ((FG, "x"), (GNN, "o")):
            own = rows[rows["reparam"] == reparam]
            label = NAMES[reparam] if problem is problems[0] else None
            style = {"color": colors[problem.structure], "ls": "none", "ms": 5, "alpha": 0.7}
            axes.plot(own["rmsd_ca"], own["energy"] / own["n"], marker, label=label, **style)
    axes.set_xlabel("RMSD of CA to the native structure / A")
    axes.set_ylabel("energy an atom / kJ/mol")


def _structures(axes: Any, evidence: Evidence, problem: Problem) -> None:
    """(c): the typical end of both methods on the native structure."""
    ends, told = {}, []
    for reparam, name in NAMES.items():
        runs = of_problem(evidence.runs, problem)
        runs = runs[runs["reparam"] == reparam]
        if not runs.empty:
            run = typical_run(runs)
            ends[name] = evidence.positions(run["run_id"]), COLORS[reparam]
            told.append(f"{name} {run['rmsd_ca']:.1f} A")
    if problem.structure in evidence.molecules and ends:
        draw_traces(axes, evidence.molecules[problem.structure], ends)
    axes.set_title(f"{problem.structure}, {problem.start}\n{', '.join(told)}", fontsize=9)
    axes.set_axis_off()


def notes(evidence: Evidence) -> list[str]:
    """What is known of starts and structures."""
    found = notes_on_runs(evidence)
    others = [name for name in evidence.runs["structure"].unique() if name not in SIX]
    if others:
        found.append(f"Not among the paper's proteins: {', '.join(others)}.")
    return found


FIGURE = Figure(
    name="fig4",
    title="Figure 4: proteins by plain minimisation (FG) and by the network (GNN)",
    needs_positions=True,
    needs_histories=True,
    repeated=nothing_repeated,
    draw=draw,
    claims=claims,
    tables=tables,
    notes=notes,
    fixed_grid=True,
    caption=(
        "Above: energy factor against speed-up, over pairs of runs from one start: means (of speed-ups "
        "geometric) and standard deviations; full dots: each run to its own end (modes, fit, minimisation),"
        " hollow ones: until both are within 1 kcal/mol of the higher of their two lowest energies; the "
        "grey box is the paper's plot. Of negative energies a factor below 1 means a lower GNN, of positive"
        " ones a factor above 1. Middle: energy against RMSD, FG as crosses and GNN as dots. Below: traces "
        "of the CA atoms of the runs of median energy on the first force field, FG orange, GNN green, "
        "superposed on the native structure in grey. Pairs of which one diverged are left out; the tables "
        "count them."
    ),
)
