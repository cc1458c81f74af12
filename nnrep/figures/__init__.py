"""The paper's figures: one module each, for its picture and its claims."""

from nnrep.figures import fig2, fig3, fig4, fig5, fig6
from nnrep.figures.figure import Figure

FIGURES: dict[str, Figure] = {module.FIGURE.name: module.FIGURE for module in (fig2, fig3, fig4, fig5, fig6)}
