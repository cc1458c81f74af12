"""The paper's figures: one module each, for its picture and its claims."""

from nnrep.figures import fig2, fig3, fig4, fig5, fig6, fig7, fig8, fig9
from nnrep.figures.figure import Figure

MODULES = (fig2, fig3, fig4, fig5, fig6, fig7, fig8, fig9)
FIGURES: dict[str, Figure] = {module.FIGURE.name: module.FIGURE for module in MODULES}
