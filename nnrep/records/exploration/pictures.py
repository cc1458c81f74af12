"""The pictures of a search: the funnel, and how the lowest minimum was found."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from nnrep.exploration import Exploration
from nnrep.records.exploration.running_minimum import lowest_so_far
from nnrep.records.palette import seed_colors
from nnrep.records.style import COLUMN, LETTERS, PAGE, number, styled

HEIGHT = 3.6  # inches
QUENCH, LOWEST, NATIVE = "#0072B2", "#D55E00", "#000000"
SHADES = 64  # of a bar of temperatures
# Energies are shown up to so many times the distance above the lowest one that this share of quenches keeps.
ABOVE, MOST = 1.5, 0.9
PS_PER_NS = 1e3
TITLES = {
    "rmsd_ca": "RMSD of CA",
    "rmsd_heavy": "RMSD of heavy atoms",
    "radius_of_gyration": "radius of gyration",
}


@styled()
def funnel_picture(outcome: Exploration) -> Figure:
    """Energy of every quench against its RMSD to the native structure; of minima without one, its radius.

    A ring is a minimum that was minimised at the end, a triangle the lowest one; the cross is the native
    structure, minimised in the same way.
    """
    figure = Figure(figsize=(PAGE, HEIGHT), layout="constrained")
    axes = figure.subplots()
    quenches, kind = outcome.quenches, measured(outcome.quenches)
    unit = "Å" if outcome.length_unit else ""
    axes.plot(
        quenches[kind],
        quenches["energy"],
        "o",
        ms=2.5,
        color=QUENCH,
        alpha=0.45,
        mew=0,
        label="quenched frame",
    )
    finished = [each for each in outcome.lowest if each.result is not None]
    if finished:
        x, y = ([each.shape[kind] for each in finished], [each.minimum.energy for each in finished])
        axes.plot(x, y, "o", ms=6, mfc="none", mec=LOWEST, label="minimum, minimised at the end")
    if outcome.lowest:
        lowest = outcome.lowest[0]
        name = f"lowest: {number(lowest.minimum.energy)} {outcome.energy_unit}".strip()
        axes.plot(
            lowest.shape[kind], lowest.minimum.energy, "v", ms=7, mfc=LOWEST, mec="k", mew=0.5, label=name
        )
    if outcome.native is not None:
        energy = outcome.native.minimum.energy
        name = f"native, minimised: {number(energy)} {outcome.energy_unit}".strip()
        axes.plot(outcome.native.shape[kind], energy, "P", ms=8, mfc="w", mec=NATIVE, mew=1.0, label=name)
    _energy_axis(axes, outcome)
    axes.set_xlabel(_title(kind, unit))
    axes.set_xlim(left=0 if kind.startswith("rmsd") else None)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), borderaxespad=0)
    figure.suptitle(f"{outcome.name}: {len(quenches)} quenches", parse_math=False, fontsize=LETTERS)
    return figure


@styled()
def search_picture(outcome: Exploration) -> Figure:
    """Energy and RMSD of every quench against the time of its ladder, and of the lowest one so far.

    The lowest one so far is that of all ladders; its line ends with the first ladder that has ended.
    """
    kind, quenches = measured(outcome.quenches), outcome.quenches.sort_values("step", kind="stable")
    figure = Figure(figsize=(PAGE, 2 * COLUMN * 0.8), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    with_time = bool(outcome.energy_unit)
    time = quenches["time_ps"] / PS_PER_NS if with_time else quenches["step"]
    kelvin = quenches["temperature"]
    colors = ListedColormap(seed_colors(SHADES))
    scale = Normalize(kelvin.min(), kelvin.max()) if kelvin.notna().any() else Normalize(0, 1)
    best = lowest_so_far(quenches)
    last = ~time.duplicated(keep="last").to_numpy()  # of the quenches of one moment
    for axes, name in ((upper, "energy"), (lower, kind)):
        axes.scatter(time, quenches[name], c=kelvin, cmap=colors, norm=scale, s=6, linewidths=0, alpha=0.7)
        axes.step(
            time[last],
            best[name].to_numpy()[last],
            where="post",
            color=LOWEST,
            lw=1.2,
            label="lowest energy so far",
        )
    _energy_axis(upper, outcome)
    lower.set_ylabel(_title(kind, "Å" if outcome.length_unit else ""))
    lower.set_xlabel("time of each replica / ns" if with_time else "step of each replica")
    if outcome.native is not None:
        upper.axhline(outcome.native.minimum.energy, color=NATIVE, lw=0.8, ls="--", label="native, minimised")
    upper.legend(loc="upper right")
    bar = figure.colorbar(ScalarMappable(scale, colors), ax=[upper, lower])
    bar.set_label("temperature / K" if with_time else "temperature")
    figure.suptitle(f"{outcome.name}: the search", parse_math=False, fontsize=LETTERS)
    return figure


def measured(quenches: pd.DataFrame) -> str:
    """The column that says how native a minimum is: RMSD of CA or else of heavy atoms; else its radius."""
    return next(name for name in TITLES if name in quenches.columns)


def _title(kind: str, unit: str) -> str:
    return f"{TITLES[kind]} / {unit}" if unit else TITLES[kind]


def _energy_axis(axes: Any, outcome: Exploration) -> None:
    """Energies from the lowest one on, with all that are marked; a few starts and hot frames that are far
    above the others are left out."""
    energies = outcome.quenches["energy"].dropna().to_numpy()
    axes.set_ylabel(f"energy / {outcome.energy_unit}" if outcome.energy_unit else "energy")
    if not len(energies):
        return
    finished = [each for each in outcome.lowest if each.result is not None]
    marked = [each.minimum.energy for each in (*outcome.lowest[:1], *finished, outcome.native) if each]
    low = float(np.min([*energies, *marked]))
    usual = float(np.quantile(energies, MOST, method="nearest")) - low
    whole = float(np.max(energies)) - low
    high = low + max([whole if usual == 0 else min(whole, ABOVE * usual), *(each - low for each in marked)])
    if high > low:
        axes.set_ylim(low - 0.05 * (high - low), high + 0.03 * (high - low))
