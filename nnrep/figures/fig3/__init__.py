"""Figure 3: energy against time over a grid of settings of both loops."""

from nnrep.figures.fig3.claims import claims_of
from nnrep.figures.fig3.picture import draw
from nnrep.figures.fig3.settings import repeated
from nnrep.figures.figure import Figure

__all__ = ["FIGURE"]

FIGURE = Figure(
    name="fig3",
    title="Figure 3: energy against time, a grid of settings of both loops",
    needs_positions=False,
    repeated=repeated,
    draw=draw,
    claims=claims_of,
    caption=(
        "A dot is a setting, mean and standard deviation over its runs; the darker, the more modes. Orange "
        "crosses: GD, blue: CG, green: GNN. Stars and diamonds: the published best means and medians (on a "
        "GPU), dotted lines the published best single energies. Above: modes, fit and minimisation; below: "
        "with the compilation that a run by itself would wait for. Best settings are picked from the grid "
        "and compared by fresh seeds: a choice among 72 settings flatters itself more than one among 6."
    ),
)
