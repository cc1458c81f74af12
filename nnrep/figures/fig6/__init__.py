"""Figure 6: energy against iterations and wall time, over learning rates and starts."""

from nnrep.figures.fig6.claims import claims_of
from nnrep.figures.fig6.dynamics import notes_of
from nnrep.figures.fig6.picture import draw
from nnrep.figures.fig6.settings import repeated
from nnrep.figures.figure import Figure

__all__ = ["FIGURE"]

FIGURE = Figure(
    name="fig6",
    title="Figure 6: energy over learning rates and starts, and OpenMM",
    needs_positions=False,
    needs_histories=True,
    repeated=repeated,
    draw=draw,
    claims=claims_of,
    notes=notes_of,
    fixed_grid=True,
    caption=(
        "Each line is the run of lowest energy of its setting's seeds. GD, orange: positions alone; GNN1, "
        "green, and GNN2, blue: networks of one and two layers at the learning rate that is named, then the"
        " positions at ten times that. Stars: potential energy of OpenMM's dynamics at 298 K, of the run "
        "that ends lowest; cross: the end of OpenMM's minimiser. What ends far above the lowest is out of "
        "sight; legends have the final energies, and that of (a) is that of (b) as well."
    ),
)
