"""The paper's figures: one module each, for its picture and its claims."""

from nnrep.figures import fig2, fig3
from nnrep.figures.figure import Figure

FIGURES: dict[str, Figure] = {figure.name: figure for figure in (fig2.FIGURE, fig3.FIGURE)}
