"""Survival curves and funnels of the searches of a problem."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from folding.claims import HOUR_ON_TWO_CORES
from folding.described import described, in_order
from folding.kept import Kept
from folding.openmm_speed import S_PER_HOUR
from folding.problem import FOLDED
from folding.summary import common_limit, times_of
from folding.survival import curve
from nnrep.records.palette import NATIVE
from nnrep.records.style import LETTERS, PAGE, styled

SURVIVAL_HEIGHT, ROW_HEIGHT = 4.0, 1.9  # inches
PANELS = 3  # of funnels in a row
PANEL_AXES = {
    "evaluations": (1.0, "evaluations of energy and forces"),
    "cpu_s": (S_PER_HOUR, "processor time / h"),
}
LEGEND_HEIGHT = 0.8  # inches
LEGEND_COLUMNS = 3
MARGIN = 1.3  # times the shortest and the longest time
SPAN = 20.0  # that is shown at least, as a ratio of times
ABOVE = 3.0  # energies are shown up to so many times the median's distance above the lowest one
LOWEST = "#000000"


@styled()
def survival_picture(problem: str, searches: pd.DataFrame) -> Figure:
    """The share of searches, some of which folded, that have not, against evaluations and processor time.

    A tick is a search that ended without it.
    """
    figure = Figure(figsize=(PAGE, SURVIVAL_HEIGHT), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    lines: dict[str, Line2D] = {}
    for axes, measure in zip(panels, PANEL_AXES, strict=True):
        lines |= _survival(axes, measure, searches)
    panels[0].set_ylabel("share not folded")
    panels[0].set_ylim(0, 1.04)
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=LEGEND_COLUMNS)
    figure.suptitle(f"{problem}: {len(searches)} search{'es' * (len(searches) != 1)}", fontsize=LETTERS)
    return figure


def _survival(axes: Any, measure: str, searches: pd.DataFrame) -> dict[str, Line2D]:
    """A panel; returns its lines by what they are called."""
    scale, title = PANEL_AXES[measure]
    longest = searches[measure].max() / scale * MARGIN
    shortest = min(searches[f"{measure}_folded"].min() / scale / MARGIN, longest / SPAN)
    lines = {}
    for place, arm in enumerate(in_order(searches["arm"].tolist())):
        style, times = described(arm), times_of(searches[searches["arm"] == arm], measure)
        shares, over = curve(times), 3 + place
        x, y = [shortest, *(shares.quantiles / scale)], [1.0, *shares.probabilities]
        (line,) = axes.step(x, y, where="post", color=style.color, ls=style.line, zorder=over)
        lines[f"{style.title} ({times.folded.sum()} of {len(times.time)})"] = line
        left = times.time[~times.folded]
        axes.plot(left / scale, shares.evaluate(left), "|", color=style.color, ms=7, zorder=over)
    limit = common_limit(searches, measure) / scale
    if shortest < limit and not searches["folded"].all():
        lines["arms are known to here"] = axes.axvline(limit, color=NATIVE, lw=0.8, ls=":")
    if measure == "cpu_s" and shortest < HOUR_ON_TWO_CORES / scale < longest:
        lines["an hour on two cores"] = axes.axvline(HOUR_ON_TWO_CORES / scale, color=NATIVE, lw=0.8, ls="--")
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(shortest, longest)
    axes.set_xlabel(title)
    return lines


@styled()
def funnel_picture(problem: str, searches: Sequence[Kept]) -> Figure:
    """Energy of every quench against its RMSD to the native structure, a panel an arm, all seeds together.

    A triangle is the lowest minimum of a search, full where it is native.
    """
    arms = in_order([search.arm for search in searches])
    rows = -(-len(arms) // PANELS)
    columns = min(PANELS, len(arms))
    figure = Figure(figsize=(PAGE, ROW_HEIGHT * rows + LEGEND_HEIGHT), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    whole = pd.concat([search.table for search in searches], ignore_index=True)
    kind, title = measured(whole)
    low, high = energy_range(whole["energy"])
    for axes, arm in zip(panels, arms, strict=False):
        _funnel(axes, arm, [search.table for search in searches if search.arm == arm], kind)
    for axes in panels[len(arms) :]:
        axes.set_visible(False)
    for axes in panels[max(len(arms) - columns, 0) : len(arms)]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(title)
    panels[0].set_ylim(low, high)
    if kind == "rmsd_ca":
        panels[0].set_xlim(left=0)
    figure.supylabel("energy / kJ/mol", fontsize=LETTERS)
    figure.legend(**_legend(kind), loc="outside lower center", ncols=4)
    figure.suptitle(f"{problem}: quenches of all searches", fontsize=LETTERS)
    return figure


def _funnel(axes: Any, arm: str, tables: Sequence[pd.DataFrame], kind: str) -> None:
    style = described(arm)
    together = pd.concat(tables)
    axes.plot(
        together[kind], together["energy"], "o", ms=1.6, mew=0, color=style.color, alpha=0.35, rasterized=True
    )
    for table in tables:
        if table["energy"].isna().all():
            continue
        lowest = table.loc[table["energy"].idxmin()]
        full = LOWEST if lowest["rmsd_ca"] < FOLDED else "none"
        axes.plot(lowest[kind], lowest["energy"], "v", ms=5, mfc=full, mec=LOWEST, mew=0.8)
    if kind == "rmsd_ca":
        axes.axvline(FOLDED, color=NATIVE, lw=0.8, ls=":")
    axes.set_title(style.title, fontsize=LETTERS)


def _legend(kind: str) -> Mapping[str, list]:
    """Handles and labels of all panels."""
    marks = {
        "quench": Line2D([], [], marker="o", ls="", ms=3, mew=0, color=NATIVE),
        "lowest of a search, native": Line2D([], [], marker="v", ls="", mfc=LOWEST, mec=LOWEST),
        "lowest, not native": Line2D([], [], marker="v", ls="", mfc="none", mec=LOWEST),
        f"{FOLDED:g} Å": Line2D([], [], color=NATIVE, lw=0.8, ls=":"),
    }
    shown = list(marks)
    if kind != "rmsd_ca":
        shown = shown[:1] + shown[2:3]
    labels = [name if kind == "rmsd_ca" else name.removesuffix(", not native") for name in shown]
    return {"handles": [marks[name] for name in shown], "labels": labels}


def measured(table: pd.DataFrame) -> tuple[str, str]:
    """The column that says how native a minimum is, or else its size, and its title."""
    if table["rmsd_ca"].notna().any():
        return "rmsd_ca", "RMSD of CA / Å"
    return "radius_of_gyration", "radius of gyration / Å"


def energy_range(energies: pd.Series) -> tuple[float, float]:
    """From the lowest energy to where most are: hot frames and starts far above are left out."""
    low, middle, highest = (float(value) for value in energies.quantile([0, 0.5, 1]))
    high = min(highest, low + ABOVE * (middle - low)) if middle > low else highest
    margin = 0.05 * max(high - low, 1.0)
    return low - margin, high + margin
