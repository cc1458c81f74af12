"""Figure 6: energy against iterations and wall time, over learning rates and starts."""

from nnrep.figures.fig6.claims import FRESH_SEEDS, claims_of
from nnrep.figures.fig6.dynamics import notes_of
from nnrep.figures.fig6.picture import draw
from nnrep.figures.fig6.settings import repeated, tables
from nnrep.figures.figure import Figure

__all__ = ["FIGURE"]

FIGURE = Figure(
    name="fig6",
    title="Figure 6: energy over learning rates and starts, and OpenMM",
    needs_positions=False,
    needs_histories=True,
    repeated=repeated,
    fresh_seeds=FRESH_SEEDS,
    draw=draw,
    claims=claims_of,
    tables=tables,
    notes=notes_of,
    fixed_grid=True,
    caption=(
        "Each line is the run of lowest energy of its setting's seeds. GD, orange: positions alone; GNN1, "
        "green, and GNN2, blue: the authors' network with one and two layers at the learning rate that is "
        "named, then the positions at ten times that. Star: OpenMM's minimiser after 5000 iterations, dashed "
        "line: after 10 000, or both where it ends before; grey cross: potential energy of its dynamics at "
        "298 K. What ends far above the lowest is out of sight; legends have the final energies, and that of "
        "(a) is that of (b) as well. (d): the best rate of each method over at least 40 fresh seeds; "
        "`best_rates.csv` has the same in numbers."
    ),
)
