"""The picture of how the energy falls."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from nnrep.records.palette import seed_colors
from nnrep.records.style import PAGE, SMALL, number, styled
from nnrep.records.thinning import evenly_spaced
from nnrep.systems import System

HEIGHT = 3.4  # inches
# Of the axes: left, bottom, width and height, as shares of the picture; beside them is the legend.
PLACE = (0.105, 0.14, 0.60, 0.75)
MOST_LABELLED = 10  # seeds of a legend; more of them are told apart by a bar of colours
STAGE_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # in turn, where a stage ends
LOWEST, LOWEST_SIZE = "v", 7  # the mark of the lowest energy, in points
MOST_MINOR_DECADES = 4  # of an axis with ticks between its decades


@styled()
def energy_picture(system: System, history: pd.DataFrame) -> Figure:
    """How far the energy is above the lowest one of the run, against the steps: a line a seed.

    The axis is logarithmic, so that both the fall from the start and the approach to the minimum show. The
    lowest energy itself is at its lower edge. A mark shows where a stage ends.

    Args:
        system: whose energies.
        history: see `Result.history`.
    """
    figure = Figure(figsize=(PAGE, HEIGHT))
    axes = figure.add_axes(PLACE)
    finite = history[np.isfinite(history["energy"])]
    seeds, stages = finite["seed"].unique(), finite["stage"].unique()
    lowest = float(finite["energy"].min()) if len(finite) else 0.0
    marks = {stage: STAGE_MARKERS[k % len(STAGE_MARKERS)] for k, stage in enumerate(stages)}
    colors = dict(zip(seeds, seed_colors(len(seeds)), strict=True))
    above = finite.assign(above=finite["energy"] - lowest)
    _scale(axes, above["above"].to_numpy(float))
    for seed, rows in above.groupby("seed", sort=False):
        _draw_seed(axes, rows, colors[seed], marks)
    unit = f" / {system.energy_unit}" if system.energy_unit else ""
    kind = "energy" if system.energy_sample is None else "sampled energy"
    axes.set(xlabel="step", ylabel=f"{kind} above the lowest{unit}")
    # The title has a structure's name, which is any name.
    figure.text(0.5, 0.97, _title(system, lowest), ha="center", va="top", parse_math=False)
    _explain(figure, axes, above, colors, marks)
    return figure


def _scale(axes: Any, above: np.ndarray) -> None:
    """A logarithmic axis of all distances above the lowest energy but zero; a linear one if all are zero."""
    shown = above[above > 0]
    if not len(shown):
        return
    low, high = shown.min() / 1.5, shown.max() * 1.5
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    if np.log10(high / low) > MOST_MINOR_DECADES:
        axes.yaxis.set_minor_locator(NullLocator())


def _draw_seed(axes: Any, rows: pd.DataFrame, color: str, marks: dict[str, str]) -> None:
    """The line of a seed, marks where stages end, and an arrow where it is the lowest, at the lower edge."""
    steps, above = rows["step"].to_numpy(float), rows["above"].to_numpy(float)
    line: dict[str, Any] = {"color": color, "zorder": 2}
    mark: dict[str, Any] = {"color": color, "mec": "k", "mew": 0.5, "clip_on": False, "zorder": 4}
    edge = axes.get_xaxis_transform()
    axes.plot(steps, above, lw=1.0, **line)
    lowest = steps[above == 0][:1]
    axes.plot(lowest, 0 * lowest, LOWEST, ms=LOWEST_SIZE, transform=edge, **mark)
    stages = rows["stage"].to_numpy()
    is_last = np.append(stages[1:] != stages[:-1], True)
    for stage in dict.fromkeys(stages[is_last]):
        here = is_last & (stages == stage)
        above_edge, at_edge = here & (above > 0), here & (above == 0)
        axes.plot(steps[above_edge], above[above_edge], marks[stage], **mark)
        axes.plot(steps[at_edge], above[at_edge], marks[stage], transform=edge, **mark)


def _title(system: System, lowest: float) -> str:
    name = f"{system.name}: the lowest energy at a check is {number(lowest)} {system.energy_unit}".strip()
    bound = system.energy_bound
    if bound is None:
        return name
    share = f"{100 * lowest / bound:.1f} % of " if bound < 0 and lowest < 0 else ""
    return f"{name} ({share}the lower bound{'' if share else ' is'} {number(bound)})"


def _explain(
    figure: Figure, axes: Any, above: pd.DataFrame, colors: dict[Any, str], marks: dict[str, str]
) -> None:
    """Beside the axes: the marks of stages, and the seeds with their last energies or a bar of colours."""
    handles = [_key(f"end of {stage}", mark) for stage, mark in marks.items()]
    handles.append(_key("lowest energy", LOWEST, LOWEST_SIZE))
    if len(colors) <= MOST_LABELLED:
        last = above.groupby("seed")["energy"].last()
        handles += [
            Line2D([], [], color=color, label=f"seed {seed}: ends at {number(last[seed])}")
            for seed, color in colors.items()
        ]
    elif len(colors):
        _bar_of_seeds(figure, list(colors), list(colors.values()))
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)


def _key(label: str, mark: str, size: float = 4) -> Line2D:
    return Line2D([], [], ls="", marker=mark, ms=size, color="0.6", mec="k", mew=0.5, label=label)


def _bar_of_seeds(figure: Figure, seeds: list[Any], colors: list[str]) -> None:
    bar = figure.add_axes((0.75, PLACE[1], 0.02, 0.35))
    places = evenly_spaced(len(seeds), 5)
    mappable = ScalarMappable(cmap=ListedColormap(colors))
    mappable.set_clim(-0.5, len(seeds) - 0.5)
    scale = figure.colorbar(mappable, cax=bar, ticks=places.tolist())
    scale.ax.set_yticklabels([f"{seeds[place]}" for place in places], fontsize=SMALL)
    scale.set_label("seed")
