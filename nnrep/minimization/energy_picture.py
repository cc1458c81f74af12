"""The energy of a minimisation against its steps, as a Matplotlib figure."""

from typing import TYPE_CHECKING

import numpy as np

from nnrep.minimization.result import Result
from nnrep.minimization.result_text import with_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LABELLED = 10  # seeds that the legend names


def energy_figure(result: Result) -> "Figure":
    """See `Result.plot`."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    energies = result.history["energy"].to_numpy(float)
    lowest = float(np.min(energies, where=np.isfinite(energies), initial=np.inf))
    colors = colormaps["viridis"](np.linspace(0, 0.9, len(result.seeds)))
    for seed, color in zip(result.seeds, colors, strict=True):
        rows = result.history[result.history["seed"] == seed]
        steps, above = rows["step"].to_numpy(int), rows["energy"].to_numpy(float) - lowest
        above = np.where(np.isfinite(above) & (above > 0), above, np.nan)  # as there is no logarithm of zero
        axes.plot(steps, above, color=color, lw=1, label=f"seed {seed}")
        last = ~rows["stage"].duplicated(keep="last").to_numpy(bool)
        axes.plot(steps[last], above[last], "o", color=color, ms=4)
    axes.set_yscale("log")
    axes.set_xlabel("steps")
    axes.set_ylabel(with_unit("energy above the lowest", result.energy_unit))
    zero = f"; lowest {lowest:.6g} {result.energy_unit}".rstrip() if np.isfinite(lowest) else ""
    axes.set_title(f"{result.name}: {', then '.join(result.stages)}{zero}")
    if 1 < len(result.seeds) <= MOST_LABELLED:
        axes.legend(frameon=False)
    return figure
