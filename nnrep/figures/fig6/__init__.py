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
        "Each line is the lowest of the first three runs of its setting. GD: positions alone; GNN1 and GNN2 "
        "(dashed): the authors' network with one and two layers at the learning rate that is named, then "
        "the positions at ten times that; the paler, the lower the rate. Energies are above the lowest of "
        "what is drawn, and at least 1 kJ/mol. Star: OpenMM's minimiser, its tolerance (kJ/mol/nm) in "
        "brackets, after 5000 iterations; dashed or dotted line: after 10 000, or both where it ends before; "
        "cross: potential energy of its dynamics at 298 K. (c): a panel a start. (d): the best rate of each "
        "method over at least 40 fresh seeds; `best_rates.csv` has the same in numbers."
    ),
)
