"""Figure 9: where a protein ends, by number of eigenvectors."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Rectangle

from nnrep.figures.classical import check_methods, notes_on_energy
from nnrep.figures.fig9_claims import BASELINE, claims, kinds_of, repeated
from nnrep.figures.figure import Evidence, Figure
from nnrep.figures.methods import COLORS, distinct_ends, energies_of
from nnrep.figures.statistics import deviation, difference
from nnrep.figures.structures import draw_traces

CELL = 2.5  # inches
HEAD = 0.5  # inches above the grid, and left of it
MOST_COLUMNS = 8
DASHED: dict[str, Any] = {"ls": "--", "lw": 1.3, "ec": "0.25"}  # frame of the lowest of a row
THICK: dict[str, Any] = {"ls": "-", "lw": 3.0, "ec": "k"}  # of the lowest of all


def draw(evidence: Evidence) -> Picture:
    """A row a number of eigenvectors, the baseline last; a column a run."""
    kinds = kinds_of(evidence.runs)
    columns = min(MOST_COLUMNS, max(map(len, kinds.values())))
    shown = {name: runs.head(columns) for name, runs in kinds.items()}
    best = _lowest(pd.concat(shown.values()))
    wide, high = HEAD + CELL * columns, HEAD + 1.15 * CELL * len(kinds)
    picture = Picture(figsize=(wide, high))
    grid = picture.add_gridspec(
        len(kinds),
        columns,
        left=HEAD / wide,
        right=0.99,
        top=1 - HEAD / high,
        bottom=0.015,
        wspace=0.06,
        hspace=0.1,
    )
    for row, (name, runs) in enumerate(shown.items()):
        lowest = _lowest(runs)
        for column, (_, run) in enumerate(runs.iterrows()):
            axes = picture.add_subplot(grid[row, column], projection="3d")
            _cell(axes, evidence, run)
            box = axes.get_position()
            if column == 0:
                place = 0.4 * HEAD / wide, box.y0 + box.height / 2
                picture.text(*place, name, rotation=90, ha="center", va="center", fontsize=11)
            if run["run_id"] == lowest:
                frame = THICK if lowest == best else DASHED
                corner = box.x0, box.y0 - 0.01
                picture.add_artist(Rectangle(corner, box.width, box.height + 0.01, fill=False, **frame))
    first = evidence.runs.iloc[0]
    title = f"{first['structure']}, {first['start']} start, {first['potential']}"
    picture.text(0.5, 1 - 0.4 * HEAD / high, title, ha="center", va="center", fontsize=12)
    return picture


def _cell(axes: Any, evidence: Evidence, run: pd.Series) -> None:
    """A run's CA trace on the native one; its energy and RMSD under it."""
    molecule = evidence.molecules.get(run["structure"])
    if molecule is not None:
        ends = {"end": (evidence.positions(run["run_id"]), COLORS[run["reparam"]])}
        draw_traces(axes, molecule, ends)
    axes.set_axis_off()
    told = f"{run['energy']:.1f} kJ/mol, {run['rmsd_ca']:.2f} A"
    axes.text2D(0.5, 0.0, told, transform=axes.transAxes, ha="center", va="bottom", fontsize=9)


def _lowest(runs: pd.DataFrame) -> str:
    """The name of the run of lowest energy; of none if all diverged."""
    energies = energies_of(runs).to_numpy()
    return str(runs["run_id"].iloc[int(np.argmin(energies))]) if np.isfinite(energies).any() else ""


def tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """A row a number of eigenvectors: the grid's runs, and the fresh ones."""
    fresh = kinds_of(evidence.repeats)
    rows = []
    for name, runs in kinds_of(evidence.runs).items():
        again = fresh.get(name, runs.iloc[:0])
        row = {"eigenvectors": name, "runs": len(runs)}
        row |= {"lowest energy": energies_of(runs).min(), "mean": energies_of(runs).mean()}
        row |= {"fresh runs": len(again), "fresh mean": energies_of(again).mean()}
        row |= {"std": deviation(energies_of(again)), "fresh lowest": energies_of(again).min()}
        row |= {"distinct energies": distinct_ends(again)}
        row |= _against(again, None if name == BASELINE else fresh.get(BASELINE))
        rows.append(
            row | {"RMSD CA / A": runs["rmsd_ca"].mean(), "fresh RMSD CA / A": again["rmsd_ca"].mean()}
        )
    return {"by_eigenvectors": pd.DataFrame(rows)}


def _against(runs: pd.DataFrame, baseline: pd.DataFrame | None) -> dict[str, float]:
    """Mean energy less that of the baseline, and Welch's interval; nothing without one."""
    names = ("less baseline", "from", "to")
    if baseline is None:
        return dict.fromkeys(names, np.nan)
    return dict(zip(names, difference(energies_of(runs), energies_of(baseline)), strict=True))


def notes(evidence: Evidence) -> list[str]:
    """What is not drawn, and what is known of starts and seeds."""
    most = max(map(len, kinds_of(evidence.runs).values()))
    drawn = [f"The first {MOST_COLUMNS} of {most} runs are drawn."] if most > MOST_COLUMNS else []
    return [*drawn, *notes_on_energy(evidence)]


FIGURE = Figure(
    name="fig9",
    title="Figure 9: where a protein ends on the classical energy, by number of eigenvectors",
    needs_positions=True,
    repeated=repeated,
    draw=draw,
    claims=claims,
    tables=tables,
    notes=notes,
    fixed_grid=True,
    check=check_methods,
    caption=(
        "A row is a number of eigenvectors of CG (blue), the last one plain minimisation (orange); a column "
        "is a run. CA traces are superposed on the native structure in grey; under each its energy and RMSD "
        "of CA. Of the runs drawn, dashed frame: lowest energy of a row; thick frame: lowest of all. Every "
        "setting is run again with fresh seeds, by which numbers of eigenvectors are compared."
    ),
)
