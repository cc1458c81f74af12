"""Figure 8: energy against time, linear coarse-graining (CG) against plain minimisation (GD)."""

from nnrep.figures.fig8.claims import claims_of
from nnrep.figures.fig8.comparison import tables
from nnrep.figures.fig8.picture import draw
from nnrep.figures.fig8.settings import (
    KNOWN_SEEDS,
    PEPTIDE_SEEDS,
    check_setting,
    comparisons,
    notes_of,
    repeated,
)
from nnrep.figures.figure import Figure

__all__ = ["FIGURE"]

FIGURE = Figure(
    name="fig8",
    title="Figure 8: energy against time on the classical energy, CG against GD",
    needs_positions=False,
    needs_histories=True,
    repeated=repeated,
    draw=draw,
    claims=claims_of,
    tables=tables,
    notes=notes_of,
    comparisons=comparisons,
    most_seeds=PEPTIDE_SEEDS,
    known_seeds=KNOWN_SEEDS,
    fixed_grid=True,
    check=check_setting,
    caption=(
        "A dot is a setting of CG, the larger the more modes (shares to the next tenth), a cross is GD: "
        "means and standard deviations over the runs. A row is a start: the stacked chain, and random "
        "positions, of which CG takes the projection onto its modes. The best setting of CG is picked from "
        "the grid by its mean energy, and compared with GD by fresh seeds."
    ),
)
