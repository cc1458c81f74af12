"""Figure 3: energy against time over a grid of settings of both loops."""

from nnrep.figures.fig3.claims import claims_of
from nnrep.figures.fig3.picture import draw
from nnrep.figures.fig3.settings import GRID_KNOWN_SEEDS, LARGEST_BUDGET, comparisons, repeated
from nnrep.figures.fig3.starts import tables
from nnrep.figures.figure import Figure

__all__ = ["FIGURE"]

FIGURE = Figure(
    name="fig3",
    title="Figure 3: energy against time, a grid of settings of both loops",
    needs_positions=False,
    needs_fresh_histories=True,
    repeated=repeated,
    draw=draw,
    claims=claims_of,
    tables=tables,
    comparisons=comparisons,
    most_seeds=LARGEST_BUDGET,
    known_seeds=GRID_KNOWN_SEEDS,
    caption=(
        "A mark is a setting, its mean over runs with fresh starts and over its tolerances: colour by "
        "method, shape by number of modes, size by learning rate of the positions. Bars are the standard "
        "deviations of each method's setting of lowest mean. Times are of modes, fit and minimisation. "
        "Above: energy on a linear axis, as in the paper; below: the same above its lower bound on a "
        "logarithmic one, with the published best means (stars), medians (diamonds) and best single "
        "energies (dotted), of a GPU. Best settings are picked from the grid and compared by fresh seeds: "
        "a choice among 72 settings flatters itself more than one among 6. `fresh_starts.csv` is the "
        "authors' table from fresh starts, `one_start.csv` one a start that all settings and five runs of "
        "each share, as theirs do, and `over_starts.csv` the spread over these beside what was published."
    ),
)
