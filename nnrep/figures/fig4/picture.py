"""Figure 4's picture: speed-ups and energy factors, energies and RMSD, structures."""

from typing import Any

import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Rectangle

from nnrep.figures.analysis.labels import FG, GNN, METHOD_COLORS, NETWORK, PLAIN
from nnrep.figures.analysis.problems import MinimizationProblem, of_problem, problems_of
from nnrep.figures.analysis.selection import diverged, typical_run
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.drawing.molecules import draw_traces
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig4.pairs import geometric, pairs_of, whole

# Read off the paper's plot: speed-ups, energy factors.
PUBLISHED_BOX = ((1.6, 3.0), (0.998, 1.001))
COLUMN_WIDTH, ROW_HEIGHT = 4.2, 3.8  # inches
METHODS_AND_MARKERS = {PLAIN: (FG, "x"), NETWORK: (GNN, "o")}


def draw(evidence: Evidence) -> Picture:
    """(a) and (b), a column a force field and start; below them (c) the structures, a row a start."""
    problems = problems_of(evidence.runs)
    columns = list(dict.fromkeys((problem.potential, problem.start) for problem in problems))
    structures = list(dict.fromkeys(problem.structure for problem in problems))
    starts = list(dict.fromkeys(problem.start for problem in problems))
    wide = max(COLUMN_WIDTH * len(columns), 2.6 * len(structures))
    heights = [2 * ROW_HEIGHT, 2.8 * len(starts)]
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
            problem = MinimizationProblem(columns[0][0], start, structure)
            axes = below.add_subplot(
                len(starts), len(structures), row * len(structures) + column + 1, projection="3d"
            )
            _structures(axes, evidence, problem)
    return picture


def _factors(
    axes: Any, pairs: pd.DataFrame, problems: list[MinimizationProblem], colors: dict[str, Any]
) -> None:
    """(a): energy factor against speed-up; full by the own stopping rule, hollow to one energy."""
    axes.set_xscale("log")
    (left, right), (low, high) = PUBLISHED_BOX  # of which start, the paper does not say
    axes.add_patch(Rectangle((left, low), right - left, high - low, color="0.8", label="published plot"))
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


def _energies(
    axes: Any, runs: pd.DataFrame, problems: list[MinimizationProblem], colors: dict[str, Any]
) -> None:
    """(b): energy an atom against RMSD, FG as crosses and GNN as dots."""
    for problem in problems:
        rows = of_problem(runs, problem)
        rows = rows[~diverged(rows)]
        for reparam, (name, marker) in METHODS_AND_MARKERS.items():
            own = rows[rows["reparam"] == reparam]
            label = name if problem is problems[0] else None
            style = {"color": colors[problem.structure], "ls": "none", "ms": 5, "alpha": 0.7}
            axes.plot(own["rmsd_ca"], own["energy"] / own["n"], marker, label=label, **style)
    axes.set_xlabel("RMSD of CA to the native structure / A")
    axes.set_ylabel("energy an atom / kJ/mol")


def _structures(axes: Any, evidence: Evidence, problem: MinimizationProblem) -> None:
    """(c): the structure of the typical run of both methods on the native one."""
    structures, distances = {}, []
    for reparam, (name, _) in METHODS_AND_MARKERS.items():
        runs = of_problem(evidence.runs, problem)
        runs = runs[runs["reparam"] == reparam]
        if not runs.empty:
            run = typical_run(runs)
            structures[name] = evidence.positions(run["run_id"]), METHOD_COLORS[reparam]
            distances.append(f"{name} {run['rmsd_ca']:.1f} A")
    if problem.structure in evidence.molecules and structures:
        draw_traces(axes, evidence.molecules[problem.structure], structures)
    axes.set_title(f"{problem.structure}, {problem.start}\n{', '.join(distances)}", fontsize=9)
    axes.set_axis_off()
