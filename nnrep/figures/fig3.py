"""Figure 3: energy against time over a grid of settings of both loops."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import LogLocator, NullFormatter

from nnrep.figures.figure import Claim, Evidence, Figure, Verdict
from nnrep.figures.methods import COLORS, LOOPS, METHODS, best_setting, energies_of, lowest, of_method
from nnrep.figures.published import PUBLISHED, SOURCE, Published
from nnrep.figures.statistics import combined, decide, lower, ranks_lower
from nnrep.figures.summary import with_times

# Of the best setting's mean, relative to the bound: how near "at the bound" is.
NEAR_BOUND = 0.98
PANELS = {
    "time_s": "modes, fit and minimisation / s",
    "time_with_compile_s": "the same, with compilation / s",
}


def draw(evidence: Evidence) -> Picture:
    """A column a loop; energy above its bound against time, without and with compilation."""
    picture = Picture(figsize=(13, 11), layout="constrained")
    panels = picture.subplots(len(PANELS), len(LOOPS), squeeze=False, sharey="col")
    legend: dict[str, Any] = {}
    for row, (time, label) in enumerate(PANELS.items()):
        for column, (potential, loop) in enumerate(LOOPS.items()):
            axes = panels[row, column]
            _panel(axes, evidence.summary[evidence.summary["potential"] == potential], time)
            axes.set_title(loop)
            axes.set_xlabel(label)
            legend |= {name: handle for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    picture.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=6, frameon=False)
    return picture


def _panel(axes: Any, rows: pd.DataFrame, time: str) -> None:
    """One loop: our settings, and what was published."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(alpha=0.2)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    if rows.empty:
        return
    bound = rows["energy_bound"].iloc[0]
    axes.set_ylabel(f"mean energy above its lower bound ({bound:.4f})")
    for reparam in METHODS:
        _dots(axes, rows[rows["reparam"] == reparam], reparam, time)
    lowest = [*(rows["energy_mean"] - bound), *_published(axes, rows, bound)]
    # Deviations may reach down to the bound, which is infinitely far below on this axis.
    if np.nanmin(lowest) > 0:
        axes.set_ylim(bottom=0.7 * np.nanmin(lowest))


def _dots(axes: Any, rows: pd.DataFrame, reparam: str, time: str) -> None:
    """A dot a setting, the darker the more modes, with standard deviations over its runs."""
    counts = sorted(rows["modes"].unique())
    for modes, settings in rows.groupby("modes"):
        above = settings["energy_mean"] - settings["energy_bound"]
        # One run has no deviation; on a logarithmic axis a bar must end above zero.
        up, aside = (settings[f"{name}_std"].fillna(0) for name in ("energy", time))
        down, before = np.minimum(up, 0.99 * above), np.minimum(aside, 0.99 * settings[f"{time}_mean"])
        shade = 0.35 + 0.65 * (counts.index(modes) + 1) / len(counts)
        name = METHODS[reparam] + (f", {modes} modes" if reparam != "none" else "")
        axes.errorbar(
            settings[f"{time}_mean"],
            above,
            xerr=[before, aside],
            yerr=[down, up],
            fmt="x" if reparam == "none" else "o",
            ms=7 if reparam == "none" else 4,
            color=COLORS[reparam],
            alpha=shade,
            elinewidth=0.6,
            label=name,
        )


def _published(axes: Any, rows: pd.DataFrame, bound: float) -> list[float]:
    """Mark what was published of a loop of this size; how high its marks are."""
    potential, n = rows["potential"].iloc[0], int(rows["n"].iloc[0])
    heights = []
    for reparam, method in METHODS.items():
        known = PUBLISHED.get((potential, n, reparam))
        if known is None:
            continue
        style = {"color": COLORS[reparam], "ls": "none", "mfc": "none", "mew": 1.5}
        best, median = known.best_mean - bound, known.median - bound
        axes.plot(known.best_mean_time, best, "*", ms=14, label=f"published {method}: best mean", **style)
        axes.plot(known.median_time, median, "D", ms=8, label=f"published {method}: median", **style)
        single = known.best - bound
        axes.axhline(single, color=COLORS[reparam], ls=":", lw=0.8, label=f"published {method}: best run")
        heights += [best, median, single]
    return heights


def claims(evidence: Evidence) -> list[Claim]:
    """What the paper's figure 3, and the tables behind it, say."""
    found = [
        _lower_than(evidence, "pure_lj", "cg", "none"),
        _lower_than(evidence, "pure_lj", "gnn", "none"),
        _lower_than(evidence, "pure_lj", "cg", "gnn"),
        _typically_lower(evidence, "pure_lj", "gnn", "none"),
        _typically_lower(evidence, "pure_lj", "none", "cg"),
        _at_the_bound(evidence),
        _typically_faster(evidence, "bond_lj", "cg"),
        _typically_faster(evidence, "bond_lj", "gnn"),
    ]
    for potential in LOOPS:
        found.append(_accelerated(evidence, potential))
    for potential in LOOPS:
        found += [_reached(evidence, potential, statistic) for statistic in ("best", "best_mean", "median")]
    return [*found, *(_faster_in_all(evidence, potential) for potential in LOOPS)]


def _known(evidence: Evidence, potential: str) -> dict[str, Published] | None:
    """What was published of a loop of this size, by method."""
    sizes = evidence.summary.loc[evidence.summary["potential"] == potential, "n"].unique()
    if len(sizes) != 1 or (potential, int(sizes[0]), "gnn") not in PUBLISHED:
        return None
    return {reparam: PUBLISHED[potential, int(sizes[0]), reparam] for reparam in METHODS}


def repeated(summary: pd.DataFrame) -> list[str]:
    """The best setting of every method, and the best map within the time of plain minimisation."""
    picked = [best_setting(summary, potential, name) for potential in LOOPS for name in METHODS]
    picked += [_best_in_time(summary, potential) for potential in LOOPS]
    return list(dict.fromkeys(str(setting["config_hash"]) for setting in picked if setting is not None))


def _best_in_time(summary: pd.DataFrame, potential: str) -> pd.Series | None:
    """The setting of CG or GNN of lowest mean energy that takes no longer than the best one of GD."""
    plain = best_setting(summary, potential, "none")
    if plain is None:
        return None
    mapped = summary[(summary["potential"] == potential) & (summary["reparam"] != "none")]
    return lowest(mapped[mapped["time_s_mean"] <= plain["time_s_mean"]])


def _lower_than(evidence: Evidence, potential: str, first: str, second: str) -> Claim:
    """Best setting against best setting."""
    best = {name: best_setting(evidence.summary, potential, name) for name in (first, second)}
    energies = {name: energies_of(evidence.repeats, best[name]) for name in best}
    seen, verdict = lower(energies[first].to_numpy(), energies[second].to_numpy())
    means = ", ".join(f"{METHODS[name]} {values.mean():.4f}" for name, values in energies.items())
    medians = ", ".join(f"{values.median():.4f}" for values in energies.values())
    return Claim(
        f"{LOOPS[potential]}: the best setting of {METHODS[first]} ends lower than that of {METHODS[second]}",
        _source(potential, "best_mean", first, second),
        f"means of {_counts(energies)} fresh seeds {means} (medians {medians}); difference of means {seen}",
        verdict,
    )


def _counts(energies: dict[str, pd.Series]) -> str:
    return " and ".join(dict.fromkeys(str(len(values)) for values in energies.values()))


def _typically_lower(evidence: Evidence, potential: str, first: str, second: str) -> Claim:
    """All settings of a method against all of another."""
    means, medians = {}, {}
    for name in (first, second):
        means[name] = of_method(evidence.summary, potential, name)["energy_mean"]
        medians[name] = of_method(evidence.runs, potential, name)["energy"].median()
    told = ", ".join(f"{METHODS[name]} {median:.4f}" for name, median in medians.items())
    return Claim(
        f"{LOOPS[potential]}: over all settings {METHODS[first]} ends lower than {METHODS[second]}",
        _source(potential, "median", first, second),
        f"medians of all runs {told}; {_ranked(means)}",
        ranks_lower(means[first].to_numpy(), means[second].to_numpy()),
    )


def _ranked(values: dict[str, pd.Series]) -> str:
    """What was ranked: settings rather than runs, as the runs of one method share their starts."""
    counts = " and ".join(str(len(means)) for means in values.values())
    return f"ranks of the means of {counts} settings compared"


def _at_the_bound(evidence: Evidence) -> Claim:
    best = {name: best_setting(evidence.summary, "bond_lj", name) for name in METHODS}
    energies = {name: energies_of(evidence.repeats, row) for name, row in best.items()}
    bound = {name: float("nan") if row is None else row["energy_bound"] for name, row in best.items()}
    over = {name: values.mean() / bound[name] for name, values in energies.items()}
    verdicts = [decide(bool(over[name] >= NEAR_BOUND), len(energies[name])) for name in METHODS]
    shares = ", ".join(f"{METHODS[name]} {100 * share:.1f} %" for name, share in over.items())
    near = f"{100 * (1 - NEAR_BOUND):.0f} %"
    return Claim(
        f"Bond+LJ: the best settings of all three methods end within {near} of the bound",
        _source("bond_lj", "best_mean", *METHODS),
        f"means of {_counts(energies)} fresh seeds, of the bound: {shares}",
        combined(verdicts),
    )


def _typically_faster(evidence: Evidence, potential: str, reparam: str) -> Claim:
    runs = with_times(evidence.runs)
    means, medians = {}, {}
    for name in (reparam, "none"):
        means[name] = of_method(evidence.summary, potential, name)["time_s_mean"]
        medians[name] = of_method(runs, potential, name)["time_s"].median()
    told = ", ".join(f"{METHODS[name]} {median:.2f} s" for name, median in medians.items())
    return Claim(
        f"{LOOPS[potential]}: over all settings {METHODS[reparam]} takes less time than GD",
        _source(potential, "median_time", reparam, "none"),
        f"median times, without compilation, {told}; {_ranked(means)}",
        ranks_lower(means[reparam].to_numpy(), means["none"].to_numpy()),
    )


def _accelerated(evidence: Evidence, potential: str) -> Claim:
    """Within the time of the best setting of GD, the lowest mean energy of the maps."""
    claim = f"{LOOPS[potential]}: CG or GNN reaches a lower energy within the time of GD's best setting"
    source = "title of the paper"
    plain = best_setting(evidence.summary, potential, "none")
    if plain is None:
        return Claim(claim, source, "no run of GD", Verdict.undecided)
    best = _best_in_time(evidence.summary, potential)
    if best is None:
        mapped = evidence.summary[evidence.summary["reparam"] != "none"]
        fastest = mapped.loc[mapped["potential"] == potential, "time_s_mean"].min()
        told = f"GD takes {plain['time_s_mean']:.2f} s, the fastest setting of CG or GNN {fastest:.2f} s"
        return Claim(claim, source, told, decide(False, int(plain["runs"])))
    ours, theirs = (energies_of(evidence.repeats, setting) for setting in (best, plain))
    seen, verdict = lower(ours.to_numpy(), theirs.to_numpy())
    told = (
        f"GD {theirs.mean():.4f} in {plain['time_s_mean']:.2f} s, {METHODS[best['reparam']]} "
        f"{ours.mean():.4f} in {best['time_s_mean']:.2f} s (energies of {len(ours)} fresh seeds); "
        f"difference {seen}"
    )
    return Claim(claim, source, told, verdict)


STATISTICS = {"best": "best single energies", "best_mean": "best means", "median": "median energies"}


def _reached(evidence: Evidence, potential: str, statistic: str) -> Claim:
    claim = f"{LOOPS[potential]}: the published {STATISTICS[statistic]} are reached by every method"
    known = _known(evidence, potential)
    if known is None:
        return Claim(claim, SOURCE, "nothing was published of this size", Verdict.undecided)
    parts, verdicts = [], []
    for reparam, method in METHODS.items():
        runs = of_method(evidence.runs, potential, reparam)
        energies = runs.loc[runs["status"] != "diverged", "energy"]
        best = best_setting(evidence.summary, potential, reparam)
        if best is None:
            return Claim(claim, SOURCE, f"no run of {method}", Verdict.undecided)
        ours = {"best": energies.min(), "best_mean": best["energy_mean"], "median": energies.median()}
        theirs = getattr(known[reparam], statistic)
        # The tables have four decimals.
        verdicts.append(decide(bool(round(ours[statistic], 4) <= theirs), len(runs)))
        parts.append(f"{method} {ours[statistic]:.4f} against {theirs:.4f}")
    return Claim(claim, SOURCE, ", ".join(parts), combined(verdicts))


def _faster_in_all(evidence: Evidence, potential: str) -> Claim:
    claim = f"{LOOPS[potential]}: a run takes less time here on one core than there on a GPU"
    known = _known(evidence, potential)
    if known is None:
        return Claim(claim, SOURCE, "nothing was published of this size", Verdict.undecided)
    runs = with_times(evidence.runs)
    parts, verdicts = [], []
    for reparam, method in METHODS.items():
        times = of_method(runs, potential, reparam)["time_s"]
        theirs = known[reparam].total_time / known[reparam].runs
        verdicts.append(decide(bool(times.mean() < theirs), len(times)))
        ratio = theirs / times.mean()
        parts.append(f"{method} {times.mean():.2f} s against {theirs:.1f} s ({ratio:.1f} times)")
    return Claim(claim, SOURCE, "mean times of all runs: " + ", ".join(parts), combined(verdicts))


def _source(potential: str, statistic: str, *reparams: str) -> str:
    """Where a claim is from, with the published numbers behind it."""
    unit = " s" if "time" in statistic else ""
    numbers = (f"{METHODS[name]} {getattr(PUBLISHED[potential, 1000, name], statistic)}" for name in reparams)
    name = statistic.replace("_", " ")
    return f"figure 3 ({SOURCE}, {name}: {', '.join(number + unit for number in numbers)})"


FIGURE = Figure(
    name="fig3",
    title="Figure 3: energy against time, a grid of settings of both loops",
    needs_positions=False,
    repeated=repeated,
    draw=draw,
    claims=claims,
    caption=(
        "A dot is a setting, mean and standard deviation over its runs; the darker, the more modes. Orange "
        "crosses: GD, blue: CG, green: GNN. Stars and diamonds: the published best means and medians (on a "
        "GPU), dotted lines the published best single energies. Above: modes, fit and minimisation; below: "
        "with the compilation that a run by itself would wait for. Best settings are picked from the grid "
        "and compared by fresh seeds: a choice among 72 settings flatters itself more than one among 6."
    ),
)
