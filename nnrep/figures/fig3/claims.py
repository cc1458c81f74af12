"""Figure 3's claims: what the paper says, and what the authors' tables behind it say."""

from collections.abc import Mapping, Sized

import numpy as np

from nnrep.figures.analysis.labels import COARSE_GRAINED, LOOP_LABELS, METHOD_LABELS, NETWORK, PLAIN
from nnrep.figures.analysis.selection import (
    best_setting,
    distinct_means,
    diverged,
    energies_of,
    of_method,
    runs_of,
)
from nnrep.figures.analysis.statistics import below, combined, decide, lower, ranks_lower
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.claim import Claim, Verdict
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig3.published import PUBLISHED_SOURCE, published_of
from nnrep.figures.fig3.settings import best_in_time

NEAR_BOUND = 0.98  # mean energy of a best setting over its lower bound, from which on it is at the bound
NOT_PUBLISHED = "nothing was published of this loop"
PUBLISHED_STATISTICS = {
    "best": "best single energies",
    "best_mean": "best means",
    "median": "median energies",
}


def claims_of(evidence: Evidence) -> list[Claim]:
    """What the paper's figure 3, and the tables behind it, say."""
    return [
        _lower_than(evidence, "pure_lj", COARSE_GRAINED, PLAIN),
        _lower_than(evidence, "pure_lj", NETWORK, PLAIN),
        _lower_than(evidence, "pure_lj", COARSE_GRAINED, NETWORK),
        _typically_lower(evidence, "pure_lj", NETWORK, PLAIN),
        _typically_lower(evidence, "pure_lj", PLAIN, COARSE_GRAINED),
        _at_the_bound(evidence),
        _typically_faster(evidence, "bond_lj", COARSE_GRAINED),
        _typically_faster(evidence, "bond_lj", NETWORK),
        *(_accelerated(evidence, potential) for potential in LOOP_LABELS),
        *(_reached(evidence, potential, name) for potential in LOOP_LABELS for name in PUBLISHED_STATISTICS),
        *(_faster_in_all(evidence, potential) for potential in LOOP_LABELS),
    ]


def _lower_than(evidence: Evidence, potential: str, first: str, second: str) -> Claim:
    """Best setting against best setting."""
    best = {name: best_setting(evidence.summary, potential, name) for name in (first, second)}
    energies = {name: energies_of(runs_of(evidence.repeats, best[name])) for name in best}
    seen, verdict = lower(energies[first].to_numpy(), energies[second].to_numpy())
    means = ", ".join(f"{METHOD_LABELS[name]} {values.mean():.4f}" for name, values in energies.items())
    medians = ", ".join(f"{values.median():.4f}" for values in energies.values())
    return Claim(
        f"{LOOP_LABELS[potential]}: the best setting of {METHOD_LABELS[first]} ends lower than that of "
        f"{METHOD_LABELS[second]}",
        _source(evidence, potential, "best_mean", first, second),
        f"means of {_counts(energies)} fresh seeds {means} (medians {medians}); difference of means {seen}",
        verdict,
    )


def _counts(values: Mapping[str, Sized]) -> str:
    """ "5" or "3 and 18"."""
    return " and ".join(dict.fromkeys(str(len(each)) for each in values.values()))


def _typically_lower(evidence: Evidence, potential: str, first: str, second: str) -> Claim:
    """All settings of a method against all of another."""
    ranked, medians = {}, {}
    for name in (first, second):
        ranked[name] = distinct_means(of_method(evidence.summary, potential, name), "energy_mean")
        medians[name] = energies_of(of_method(evidence.runs, potential, name)).median()
    numbers = ", ".join(f"{METHOD_LABELS[name]} {median:.4f}" for name, median in medians.items())
    return Claim(
        f"{LOOP_LABELS[potential]}: over all settings {METHOD_LABELS[first]} ends lower than "
        f"{METHOD_LABELS[second]}",
        _source(evidence, potential, "median", first, second),
        f"medians of all runs {numbers}; {_ranked(ranked)}",
        ranks_lower(ranked[first], ranked[second]),
    )


def _ranked(values: Mapping[str, Sized]) -> str:
    """What is ranked: settings rather than runs, as the runs of one method share their starts."""
    return f"ranks of {_counts(values)} settings compared, tolerances taken together"


def _at_the_bound(evidence: Evidence) -> Claim:
    near = f"{100 * (1 - NEAR_BOUND):.0f} %"
    claim = f"Bond+LJ: the best settings of all three methods end within {near} of the bound"
    verdicts, parts = [], []
    for reparam, method in METHOD_LABELS.items():
        best = best_setting(evidence.summary, "bond_lj", reparam)
        energies = energies_of(runs_of(evidence.repeats, best))
        bound = float("nan") if best is None else best["energy_bound"]
        seen, verdict = below(-(energies / bound).to_numpy(), -NEAR_BOUND)
        verdicts.append(verdict)
        low, high = (100 * (NEAR_BOUND - limit) for limit in (seen.high, seen.low))
        share = 100 * energies.mean() / bound
        parts.append(f"{method} {share:.1f} % (95 %: {low:.1f} to {high:.1f}, {len(energies)} fresh seeds)")
    source = _source(evidence, "bond_lj", "best_mean", *METHOD_LABELS)
    return Claim(
        claim, f"{source}; the {near} are ours", f"mean, of the bound: {', '.join(parts)}", combined(verdicts)
    )


def _typically_faster(evidence: Evidence, potential: str, reparam: str) -> Claim:
    runs = with_times(evidence.runs)
    ranked, medians = {}, {}
    for name in (reparam, PLAIN):
        ranked[name] = distinct_means(of_method(evidence.summary, potential, name), "time_s_mean")
        medians[name] = of_method(runs, potential, name)["time_s"].median()
    numbers = ", ".join(f"{METHOD_LABELS[name]} {median:.2f} s" for name, median in medians.items())
    return Claim(
        f"{LOOP_LABELS[potential]}: over all settings {METHOD_LABELS[reparam]} takes less time than GD",
        _source(evidence, potential, "median_time", reparam, PLAIN),
        f"median times, without compilation, {numbers}; {_ranked(ranked)}",
        ranks_lower(ranked[reparam], ranked[PLAIN]),
    )


def _accelerated(evidence: Evidence, potential: str) -> Claim:
    """Whether the best map within the time of plain minimisation is lower and no slower, over fresh seeds."""
    claim = f"{LOOP_LABELS[potential]}: CG or GNN reaches a lower energy in less time than GD's best setting"
    source = "title of the paper"
    plain = best_setting(evidence.summary, potential, PLAIN)
    best = best_in_time(evidence.summary, potential)
    if plain is None:
        return Claim(claim, source, "no setting of GD without a diverged run", Verdict.undecided)
    if best is None:
        mapped = evidence.summary[evidence.summary["reparam"] != PLAIN]
        fastest = mapped.loc[mapped["potential"] == potential, "time_s_mean"].min()
        measured = f"GD takes {plain['time_s_mean']:.2f} s, the fastest setting of CG or GNN {fastest:.2f} s"
        return Claim(claim, source, measured, decide(False, int(plain["runs"])))
    repeats = with_times(evidence.repeats)
    ours, theirs = (runs_of(repeats, setting) for setting in (best, plain))
    energy, is_lower = lower(energies_of(ours).to_numpy(), energies_of(theirs).to_numpy())
    time, is_faster = lower(ours["time_s"].to_numpy(), theirs["time_s"].to_numpy())
    measured = ", ".join(
        f"{METHOD_LABELS[setting['reparam']]} {energies_of(runs).mean():.4f} in {runs['time_s'].mean():.2f} s"
        for setting, runs in ((plain, theirs), (best, ours))
    )
    measured += f" ({len(ours)} fresh seeds); differences {energy} and {time} s"
    return Claim(claim, source, measured, combined([is_lower, is_faster]))


def _reached(evidence: Evidence, potential: str, statistic: str) -> Claim:
    """Number against number: the published ones come without their runs."""
    numbers = PUBLISHED_STATISTICS[statistic]
    claim = f"{LOOP_LABELS[potential]}: the published {numbers} are reached by every method"
    known = published_of(evidence, potential)
    if not known:
        return Claim(claim, PUBLISHED_SOURCE, NOT_PUBLISHED, Verdict.undecided)
    parts, verdicts = [], []
    for reparam, method in METHOD_LABELS.items():
        energies = energies_of(of_method(evidence.runs, potential, reparam))
        best = best_setting(evidence.summary, potential, reparam)
        if best is None:
            measured = f"no setting of {method} without a diverged run"
            return Claim(claim, PUBLISHED_SOURCE, measured, Verdict.undecided)
        ours = {"best": energies.min(), "best_mean": best["energy_mean"], "median": energies.median()}
        theirs = getattr(known[reparam], statistic)
        # The tables have four decimals.
        verdicts.append(decide(bool(round(ours[statistic], 4) <= theirs), int(best["runs"])))
        parts.append(f"{method} {ours[statistic]:.4f} against {theirs:.4f}")
    return Claim(claim, PUBLISHED_SOURCE, f"numbers compared: {', '.join(parts)}", combined(verdicts))


def _faster_in_all(evidence: Evidence, potential: str) -> Claim:
    claim = f"{LOOP_LABELS[potential]}: a run of every method takes less time than there, on a GPU"
    known = published_of(evidence, potential)
    if not known:
        return Claim(claim, PUBLISHED_SOURCE, NOT_PUBLISHED, Verdict.undecided)
    runs = with_times(evidence.runs)
    parts, verdicts = [], []
    for reparam, method in METHOD_LABELS.items():
        mine = of_method(runs, potential, reparam)
        times = mine["time_s"].where(~diverged(mine), np.inf)  # ended early
        theirs = known[reparam].total_time / known[reparam].runs
        verdicts.append(below(times.to_numpy(), theirs)[1])
        ratio = theirs / times.mean()
        parts.append(f"{method} {times.mean():.2f} s against {theirs:.1f} s ({ratio:.1f} times)")
    device = "; ".join(runs["device"].unique())
    return Claim(claim, PUBLISHED_SOURCE, f"mean times on {device}: {', '.join(parts)}", combined(verdicts))


def _source(evidence: Evidence, potential: str, statistic: str, *reparams: str) -> str:
    """Where a claim is from, with the published numbers behind it if they are of this loop."""
    known = published_of(evidence, potential)
    if not known:
        return "figure 3, of another size"
    unit = " s" if "time" in statistic else ""
    numbers = (f"{METHOD_LABELS[name]} {getattr(known[name], statistic)}{unit}" for name in reparams)
    return f"figure 3 ({PUBLISHED_SOURCE}, {statistic.replace('_', ' ')}: {', '.join(numbers)})"
