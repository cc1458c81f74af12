"""Figure 4: proteins, the network against plain minimisation."""

from nnrep.figures.analysis.selection import TYPICAL
from nnrep.figures.fig4.claims import claims_of
from nnrep.figures.fig4.pairs import tables
from nnrep.figures.fig4.picture import draw
from nnrep.figures.fig4.proteins import notes_of
from nnrep.figures.figure import Figure, nothing_repeated

__all__ = ["FIGURE"]

FIGURE = Figure(
    name="fig4",
    title="Figure 4: proteins by plain minimisation (FG) and by the network (GNN)",
    needs_positions=True,
    needs_histories=True,
    repeated=nothing_repeated,
    draw=draw,
    claims=claims_of,
    tables=tables,
    notes=notes_of,
    fixed_grid=True,
    caption=(
        "(a) Energy factor against speed-up, over pairs of runs from one start: means (of speed-ups "
        "geometric) and standard deviations, a colour and a shape a protein. Full marks: each run to its "
        "own end (modes, fit, minimisation); open ones: until both are within 1 kcal/mol of the higher of "
        "their two lowest energies. The grey box is the paper's plot. Of negative energies a factor below "
        "1 means a lower GNN, of positive ones a factor above 1. (b) Energy per atom of each run above the "
        "lowest of its protein in the panel, against RMSD, shapes as in (a), colours by method. (c) CA "
        f"traces of the runs {TYPICAL} on the first force field, superposed on the native structure in grey. "
        "Pairs of which one diverged are left out; the tables count them."
    ),
)
