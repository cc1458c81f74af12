"""Figure 9's picture: final structures, a row a number of eigenvectors."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnrep.figures.analysis.labels import METHOD_COLORS, METHOD_LABELS
from nnrep.figures.analysis.selection import energies_of
from nnrep.figures.drawing.axes import number_text
from nnrep.figures.drawing.molecules import draw_traces
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig9.eigenvectors import kinds_of
from nnrep.figures.notes.classical import notes_on_energy
from nnrep.records.chains import scale_bar
from nnrep.records.palette import NATIVE
from nnrep.records.style import PAGE, SMALL, styled

ROW_HEIGHT, KEY_HEIGHT = 1.6, 0.6  # inches
MOST_COLUMNS = 4
BELOW_BAR = 15  # points from a cell to its energy, which is below the bar of its scale
DASHED: dict[str, Any] = {"ls": "--", "lw": 1.0, "color": "0.25"}  # frame of the lowest of a row
THICK: dict[str, Any] = {"ls": "-", "lw": 2.2, "color": "k"}  # of the lowest of all


@styled()
def draw(evidence: Evidence) -> Picture:
    """A row a number of eigenvectors, the baseline last; a column a run."""
    kinds = kinds_of(evidence.runs)
    columns = min(MOST_COLUMNS, max(map(len, kinds.values())))
    shown = {name: runs.head(columns) for name, runs in kinds.items()}
    lowest_of_all = _lowest(pd.concat(shown.values()))
    picture = Picture(figsize=(PAGE, KEY_HEIGHT + ROW_HEIGHT * len(kinds)), layout="constrained")
    panels = picture.subplots(len(kinds), columns, squeeze=False)
    for row, (name, runs) in zip(panels, shown.items(), strict=True):
        lowest = _lowest(runs)
        for axes, (_, run) in zip(row, runs.iterrows(), strict=False):
            _cell(axes, evidence, run)
            if run["run_id"] == lowest:
                _frame(axes, THICK if lowest == lowest_of_all else DASHED)
        for axes in row[len(runs) :]:
            axes.set_axis_off()
        row[0].set_ylabel(name)
    first = evidence.runs.iloc[0]
    picture.suptitle(f"{first['structure']}, {first['start']} start, {first['potential']}")
    picture.legend(handles=_key(evidence.runs), loc="outside lower center", ncols=5)
    return picture


def _key(runs: pd.DataFrame) -> list[Any]:
    """The legend of all panels."""
    methods = [name for name in METHOD_LABELS if (runs["reparam"] == name).any()]
    return [
        Line2D([], [], color=NATIVE, lw=2.8, label="native"),
        *(Line2D([], [], color=METHOD_COLORS[name], label=METHOD_LABELS[name]) for name in methods),
        Patch(fill=False, label="lowest energy of the row", ls=DASHED["ls"], lw=DASHED["lw"]),
        Patch(fill=False, label="lowest of all", lw=THICK["lw"]),
    ]


def _frame(axes: Any, style: dict[str, Any]) -> None:
    """A frame around a cell."""
    axes.set_frame_on(True)
    for spine in axes.spines.values():
        spine.set(visible=True, linestyle=style["ls"], linewidth=style["lw"], edgecolor=style["color"])


def _cell(axes: Any, evidence: Evidence, run: pd.Series) -> None:
    """A run's CA trace on the native one; its energy and RMSD under it."""
    axes.set(xticks=[], yticks=[], frame_on=False)
    molecule = evidence.molecules.get(run["structure"])
    if molecule is not None:
        positions = evidence.positions(run["run_id"])
        draw_traces(axes, molecule, {"end": (positions, METHOD_COLORS[run["reparam"]])})
        scale_bar(axes, "Å")
    text = number_text("{:.1f} kJ/mol, {:.2f} Å", run["energy"], run["rmsd_ca"])
    axes.set_xlabel(text, fontsize=SMALL, labelpad=BELOW_BAR)


def _lowest(runs: pd.DataFrame) -> str:
    """The name of the run of lowest energy; of none if all diverged."""
    energies = energies_of(runs).to_numpy()
    return str(runs["run_id"].iloc[int(np.argmin(energies))]) if np.isfinite(energies).any() else ""


def notes_of(evidence: Evidence) -> list[str]:
    """What is not drawn, and what is known of starts and seeds."""
    most = max(map(len, kinds_of(evidence.runs).values()))
    drawn = [f"The first {MOST_COLUMNS} of {most} runs are drawn."] if most > MOST_COLUMNS else []
    return [*drawn, *notes_on_energy(evidence)]
