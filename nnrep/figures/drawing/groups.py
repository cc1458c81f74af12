"""The picture of a comparison: what each run of each group came to."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from nnrep.figures.analysis.groups import Group
from nnrep.figures.analysis.selection import diverged
from nnrep.figures.analysis.summary import with_times
from nnrep.records.closing_table import common_energy_unit
from nnrep.records.style import PAGE, styled

ROW, MARGIN = 0.32, 0.9  # inches: height of a group, and of what is above and below
RUN, MEAN = "#0072B2", "black"
SPREAD = 0.25  # of the dots of a group, in rows


@styled()
def draw_groups(groups: Sequence[Group]) -> Figure:
    """A row a group and a dot a run, with the mean as a bar: energy, RMSD if there is one, and time."""
    tables = [with_times(group.numbers) for group in groups]
    tables = [table[~diverged(table)] for table in tables]
    panels = {column: title for column, title in _titles(groups).items() if _has(tables, column)}
    figure = Figure(figsize=(PAGE, MARGIN + ROW * max(3, len(groups))), layout="constrained")
    axes_row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (column, title) in zip(axes_row, panels.items(), strict=True):
        for row, table in enumerate(tables):
            values = table[column].dropna()
            offsets = [SPREAD * ((2 * k + 1) / len(values) - 1) for k in range(len(values))]
            axes.plot(
                values, [row + offset for offset in offsets], "o", ms=4, color=RUN, mec="white", mew=0.4
            )
            if len(values):
                axes.plot([values.mean()] * 2, [row - 0.36, row + 0.36], color=MEAN, lw=1.4, zorder=1)
        axes.set_xlabel(title)
        axes.grid(axis="y", alpha=0.3)
    axes_row[0].set_yticks(range(len(groups)), [group.name for group in groups])
    axes_row[0].invert_yaxis()
    return figure


def _titles(groups: Sequence[Group]) -> dict[str, str]:
    """Columns that are drawn, each with the title of its axis."""
    unit = common_energy_unit(group.rows["system"].iloc[0] for group in groups)
    return {
        "energy": f"energy ({unit})" if unit else "energy",
        "rmsd_ca": "RMSD of CA atoms (Å)",
        "time_s": "time of a run (s)",
    }


def _has(tables: Sequence[pd.DataFrame], column: str) -> bool:
    return any(table[column].notna().any() for table in tables)
