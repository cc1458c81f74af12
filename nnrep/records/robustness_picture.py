"""The picture of how robust slow modes are."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from nnrep.records.style import LETTERS, PAGE, styled

HEIGHT = 3.6  # inches
ROUNDING = 1e-12  # what is missing from an overlap of 1 is rounding below it, and would stretch the axis
UNWEIGHTED = "#D55E00"


@styled()
def robustness_picture(table: pd.DataFrame, title: str) -> Figure:
    """Overlap against epsilon, and what is missing from 1 against epsilon squared; a line a reference.

    Args:
        table: see `robustness_table`; without rows of one mode, which all Laplacians share.
        title: of the picture.
    """
    figure = Figure(figsize=(PAGE, HEIGHT), layout="constrained")
    figure.suptitle(title, parse_math=False, fontsize=LETTERS)
    left, right = figure.subplots(1, 2)
    references = table["reference"].unique()
    colors = colormaps["viridis"](np.linspace(0, 0.9, max(1, len(references) - 1)))
    for index, reference in enumerate(references):
        rows = table[table["reference"] == reference]
        unweighted = rows["step"].isna().all()
        style = {"color": UNWEIGHTED if unweighted else colors[index - 1], "marker": "o", "ms": 3, "lw": 1}
        left.plot(rows["epsilon"], rows["overlap"], label=reference, **style)
        right.plot(rows["epsilon_squared"], np.maximum(1 - rows["overlap"], ROUNDING), **style)
    chance = table.drop_duplicates("epsilon")
    left.plot(chance["epsilon"], chance["overlap_of_random"], "--", color="0.5", label="random subspace")
    line = chance["epsilon_squared"]
    right.plot(line, line, ":", color="0.2", label="epsilon squared")
    left.set(xlabel="epsilon", ylabel="overlap of the slow subspaces", ylim=(0, 1.05))
    right.set(xlabel="epsilon squared", ylabel="1 - overlap", xscale="log", yscale="log")
    figure.legend(loc="outside lower center", ncols=4)
    return figure
