"""Figure 4's picture: speed-ups and energy factors, energies and RMSD, structures."""

from itertools import product
from typing import Any

import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from nnrep.figures.analysis.labels import FG, GNN, METHOD_COLORS, NETWORK, PLAIN
from nnrep.figures.analysis.problems import MinimizationProblem, of_problem, problems_of
from nnrep.figures.analysis.selection import diverged, typical_run
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.drawing.molecules import draw_traces
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig4.pairs import geometric, pairs_of, whole
from nnrep.records.chains import scale_bar
from nnrep.records.palette import NATIVE, protein_marks
from nnrep.records.style import PAGE, SMALL, styled

# Read off the paper's plot: speed-ups, energy factors.
PUBLISHED_BOX = ((1.6, 3.0), (0.998, 1.001))
BOX_COLOR = "0.85"
METHODS = {PLAIN: FG, NETWORK: GNN}
ROW_HEIGHT, STRUCTURE_HEIGHT, KEY_HEIGHT, TITLE_HEIGHT = 1.75, 1.65, 0.75, 0.25  # inches
MOST_STRUCTURES = 6  # in a row

Marks = dict[str, tuple[str, str]]  # protein -> colour and marker


@styled()
def draw(evidence: Evidence) -> Picture:
    """(a) and (b), a column a force field and start; below them (c) the structures, a row a start."""
    problems = problems_of(evidence.runs)
    columns = list(dict.fromkeys((problem.potential, problem.start) for problem in problems))
    structures = list(dict.fromkeys(problem.structure for problem in problems))
    starts = list(dict.fromkeys(problem.start for problem in problems))
    marks = protein_marks(structures)
    cells = [MinimizationProblem(columns[0][0], *pair) for pair in product(starts, structures)]
    wide = len(cells) if len(cells) <= MOST_STRUCTURES else min(len(structures), MOST_STRUCTURES)
    rows = -(-len(cells) // wide)
    heights = [2 * ROW_HEIGHT + KEY_HEIGHT, TITLE_HEIGHT + STRUCTURE_HEIGHT * rows]
    picture = Picture(figsize=(PAGE, sum(heights)), layout="constrained")
    parts: Any = picture.subfigures(2, 1, height_ratios=heights)
    above, below = parts
    panels = above.subplots(2, len(columns), squeeze=False)
    pairs = pairs_of(evidence)
    for place, (potential, start) in enumerate(columns):
        chosen = [problem for problem in problems if (problem.potential, problem.start) == (potential, start)]
        _factors(panels[0, place], pairs, chosen, marks)
        _energies(panels[1, place], evidence.runs, chosen, marks)
        panels[0, place].set_title(f"{potential}\n{start} start", fontsize=SMALL)
    panels[0, 0].set_ylabel("(a) energy factor, FG / GNN", fontsize=SMALL)
    panels[1, 0].set_ylabel("(b) energy per atom above\nthe lowest / kJ/mol", fontsize=SMALL)
    above.legend(handles=_key(marks), loc="outside lower center", ncols=4)
    grid = below.subplots(rows, wide, squeeze=False).ravel()
    for place, axes in enumerate(grid):
        if place < len(cells):
            _structures(axes, evidence, cells[place])
        else:
            axes.set_axis_off()
    below.suptitle(f"(c) structures, {columns[0][0]}", x=0.01, ha="left")
    return picture


def _key(marks: Marks) -> list[Any]:
    """The legend of all panels."""
    handles: list[Any] = [
        Line2D([], [], ls="none", marker=marker, color=color, label=name)
        for name, (color, marker) in marks.items()
    ]
    handles += [
        Line2D([], [], ls="none", marker="o", color="0.3", label="(a) to each run's own end"),
        Line2D([], [], ls="none", marker="o", color="0.3", mfc="none", label="(a) to one energy"),
        Patch(color=BOX_COLOR, label="(a) published plot"),
    ]
    handles += [
        Line2D([], [], marker="o", color=METHOD_COLORS[reparam], label=f"(b), (c) {name}")
        for reparam, name in METHODS.items()
    ]
    return [*handles, Line2D([], [], lw=2.8, color=NATIVE, label="(c) native structure")]


def _factors(axes: Any, pairs: pd.DataFrame, problems: list[MinimizationProblem], marks: Marks) -> None:
    """(a): energy factor against speed-up; full by the own stopping rule, hollow to one energy."""
    axes.set_xscale("log")
    (left, right), (low, high) = PUBLISHED_BOX  # of which start, the paper does not say
    axes.add_patch(Rectangle((left, low), right - left, high - low, color=BOX_COLOR))
    axes.axvline(1, color="0.5", lw=0.8)
    axes.axhline(1, color="0.5", lw=0.8)
    for problem in problems:
        rows = whole(of_problem(pairs, problem))
        color, marker = marks[problem.structure]
        for ratio, face in (("speedup", color), ("speedup_energy", "none")):
            mean, deviation = geometric(rows[ratio])
            axes.errorbar(
                mean,
                rows["factor"].mean(),
                xerr=[[mean - mean / deviation], [mean * deviation - mean]],
                yerr=_deviation(rows["factor"]),
                fmt=marker,
                mfc=face,
                color=color,
                elinewidth=0.7,
            )
    plain_decades(axes, most=4)
    axes.set_xlabel("speed-up, FG's\ntime / GNN's", fontsize=SMALL)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.locator_params(axis="y", nbins=5)


def _deviation(values: pd.Series) -> float:
    """Of one value none."""
    return float(values.std()) if len(values) > 1 else 0.0


def _energies(axes: Any, runs: pd.DataFrame, problems: list[MinimizationProblem], marks: Marks) -> None:
    """(b): energy per atom above the lowest of its protein against RMSD, colours are methods."""
    for problem in problems:
        rows = of_problem(runs, problem)
        rows = rows[~diverged(rows)]
        for reparam in METHODS:
            own = rows[rows["reparam"] == reparam]
            above = (own["energy"] - rows["energy"].min()) / own["n"]
            style = {"color": METHOD_COLORS[reparam], "alpha": 0.75, "mec": "w", "mew": 0.3, "ms": 4.5}
            axes.plot(own["rmsd_ca"], above, marks[problem.structure][1], ls="none", **style)
    axes.set_xlabel("RMSD of CA to\nnative / Å", fontsize=SMALL)
    axes.locator_params(axis="x", nbins=3)
    axes.locator_params(axis="y", nbins=5)


def _structures(axes: Any, evidence: Evidence, problem: MinimizationProblem) -> None:
    """(c): the structure of the typical run of both methods on the native one."""
    structures, distances = {}, []
    for reparam, name in METHODS.items():
        runs = of_problem(evidence.runs, problem)
        runs = runs[runs["reparam"] == reparam]
        if not runs.empty:
            run = typical_run(runs)
            structures[name] = evidence.positions(run["run_id"]), METHOD_COLORS[reparam]
            distances.append(f"{name} {run['rmsd_ca']:.1f} Å")
    axes.set_axis_off()
    if problem.structure in evidence.molecules and structures:
        draw_traces(axes, evidence.molecules[problem.structure], structures)
        scale_bar(axes, "Å")
    axes.set_title("\n".join([f"{problem.structure}, {problem.start}", *distances]), fontsize=SMALL)
