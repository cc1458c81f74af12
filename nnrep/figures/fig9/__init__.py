"""Figure 9: the final structures and energies of a protein, by number of eigenvectors."""

from nnrep.figures.checks import check_methods
from nnrep.figures.fig9.claims import claims_of
from nnrep.figures.fig9.eigenvectors import repeated, tables
from nnrep.figures.fig9.picture import draw, notes_of
from nnrep.figures.figure import Figure

__all__ = ["FIGURE"]

FIGURE = Figure(
    name="fig9",
    title="Figure 9: where a protein ends on the classical energy, by number of eigenvectors",
    needs_positions=True,
    repeated=repeated,
    draw=draw,
    claims=claims_of,
    tables=tables,
    notes=notes_of,
    fixed_grid=True,
    check=check_methods,
    caption=(
        "A row is a number of eigenvectors of CG, the last one plain minimisation (GD); a column is a run. "
        "CA traces are superposed on the native structure in grey; under each its energy and RMSD of CA. "
        "Of the runs drawn, dashed frame: lowest energy of a row; thick frame: lowest of all. Every "
        "setting is run again with fresh seeds, by which numbers of eigenvectors are compared."
    ),
)
