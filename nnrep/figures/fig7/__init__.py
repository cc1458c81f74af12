"""Figure 7: a chain stacked from its residues, and the pairs of its classical energy."""

from nnrep.figures.fig7.pairs import arrays, tables
from nnrep.figures.fig7.picture import draw
from nnrep.figures.fig7.stacked_chain import check_setting, claims_of, notes_of
from nnrep.figures.figure import Figure, nothing_repeated

__all__ = ["FIGURE"]

FIGURE = Figure(
    name="fig7",
    title="Figure 7: a chain stacked from its residues, and its three matrices of pairs",
    needs_positions=True,
    repeated=nothing_repeated,
    draw=draw,
    claims=claims_of,
    tables=tables,
    arrays=arrays,
    notes=notes_of,
    fixed_grid=True,
    check=check_setting,
    caption=(
        "Above: the stacked chain, atoms by element and bonds. Below: for each kind of pair the length s "
        "at which its energy changes sign, white where a pair has none, all in one scale of colours; lines "
        "separate residues. `matrices.npz` holds lengths and energies of all pairs."
    ),
)
