"""Figure 9's picture: final structures, a row a number of eigenvectors."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Rectangle

from nnrep.figures.analysis.labels import METHOD_COLORS
from nnrep.figures.analysis.selection import energies_of
from nnrep.figures.drawing.molecules import draw_traces
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig9.eigenvectors import kinds_of
from nnrep.figures.notes.classical import notes_on_energy

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
    lowest_of_all = _lowest(pd.concat(shown.values()))
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
                frame = THICK if lowest == lowest_of_all else DASHED
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
        positions = evidence.positions(run["run_id"])
        draw_traces(axes, molecule, {"end": (positions, METHOD_COLORS[run["reparam"]])})
    axes.set_axis_off()
    text = f"{run['energy']:.1f} kJ/mol, {run['rmsd_ca']:.2f} A"
    axes.text2D(0.5, 0.0, text, transform=axes.transAxes, ha="center", va="bottom", fontsize=9)


def _lowest(runs: pd.DataFrame) -> str:
    """The name of the run of lowest energy; of none if all diverged."""
    energies = energies_of(runs).to_numpy()
    return str(runs["run_id"].iloc[int(np.argmin(energies))]) if np.isfinite(energies).any() else ""


def notes_of(evidence: Evidence) -> list[str]:
    """What is not drawn, and what is known of starts and seeds."""
    most = max(map(len, kinds_of(evidence.runs).values()))
    drawn = [f"The first {MOST_COLUMNS} of {most} runs are drawn."] if most > MOST_COLUMNS else []
    return [*drawn, *notes_on_energy(evidence)]
