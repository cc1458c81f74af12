"""Figure 3's claims: what the paper says, and what the authors' tables behind it say."""

import numpy as np
import pandas as pd

from nnrep.figures.analysis.labels import COARSE_GRAINED, LOOP_LABELS, METHOD_LABELS, NETWORK, PLAIN
from nnrep.figures.analysis.races import at_equal_time, seconds_to_the_others_end
from nnrep.figures.analysis.selection import (
    best_setting,
    counts_of,
    diverged,
    energies_of,
    of_method,
    runs_of,
    values_of,
)
from nnrep.figures.analysis.statistics import (
    CONFIDENCE,
    below,
    combined,
    decide,
    lower,
    most,
    ranks_lower,
)
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.claim import Claim, Verdict, Whose, on_wall_time
from nnrep.figures.comparison import lower_by
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig3.published import PUBLISHED_SOURCE, published_of
from nnrep.figures.fig3.settings import comparison_name
from nnrep.figures.fig3.starts import (
    STATISTICS,
    fresh_part,
    numbered,
    spread,
    with_fresh_starts,
    with_shared_starts,
)
from nnrep.figures.loops import epoch_need, loop_needs
from nnrep.figures.needs import Need, runs_needed

NEAR_BOUND = 0.98  # mean energy of a best setting over its lower bound, from which on it is at the bound
NEAR_END = 0.01  # of the bound, by which an energy is as low as that at which GD ends
NOT_PUBLISHED = "nothing was published of this loop"
NO_SETTING = "no setting of both without a diverged run"
TITLE = "title of the paper; caption of figure 3"
FROM_TABLES = "read off the authors' tables, not said in the paper"
BY_STARTS = "medians from one start are compared, over starts; at tolerance 1e-6 alone"
SIZES = (1000, 400)  # that were published
GRID = {PLAIN: 6, COARSE_GRAINED: 36, NETWORK: 72}  # settings of each method and loop
STARTS, RUNS_A_START = 10, 5
MAPPED = (COARSE_GRAINED, NETWORK)  # methods that are compared with GD


def _grid(table: pd.DataFrame, share: float) -> str:
    """Which methods have fewer settings than this share of the paper's."""
    parts = []
    for potential, loop in LOOP_LABELS.items():
        for reparam, count in GRID.items():
            have = len(of_method(table, potential, reparam))
            if have < share * count:
                parts.append(f"{loop} {METHOD_LABELS[reparam]} {have} settings")
    return ", ".join(parts)


FRESH_START_NEEDS = (
    *loop_needs(*SIZES),
    epoch_need(),
    Need(
        "6, 36 and 72 settings of GD, CG and GNN a loop",
        lambda evidence: _grid(with_fresh_starts(evidence.summary), 1),
    ),
    runs_needed(5, with_fresh_starts),
)
SHARED_START_NEEDS = (
    *loop_needs(*SIZES),
    epoch_need(),
    Need(
        "the same settings at tolerance 1e-6, with shared starts",
        lambda evidence: _grid(with_shared_starts(evidence.summary), 0.5),
    ),
    runs_needed(STARTS * RUNS_A_START, with_shared_starts),
)


def claims_of(evidence: Evidence) -> list[Claim]:
    """What the paper's figure 3, and the tables behind it, say."""
    fresh, starts = fresh_part(evidence), spread(evidence)
    claims = [
        _lower_than(fresh, "pure_lj", COARSE_GRAINED, PLAIN),
        _lower_than(fresh, "pure_lj", NETWORK, PLAIN),
        _lower_than(fresh, "bond_lj", COARSE_GRAINED, PLAIN),
        on_wall_time(_takes_longer(fresh)),
        on_wall_time(_first_at_energy(fresh, "bond_lj", NETWORK, "caption of figure 3")),
        *(on_wall_time(_lower_in_time(fresh, "pure_lj", name)) for name in MAPPED),
        *(on_wall_time(_first_at_energy(fresh, "pure_lj", name, TITLE)) for name in MAPPED),
        _from_tables(_lower_than(fresh, "pure_lj", COARSE_GRAINED, NETWORK)),
        _from_tables(_at_the_bound(fresh)),
        *(_from_tables(on_wall_time(_faster_in_all(fresh, potential))) for potential in LOOP_LABELS),
    ]
    shared = [
        _from_tables(_typically_lower(evidence, "pure_lj", NETWORK, PLAIN)),
        _from_tables(_typically_lower(evidence, "pure_lj", PLAIN, COARSE_GRAINED)),
        *(_from_tables(on_wall_time(_typically_faster(evidence, "bond_lj", name))) for name in MAPPED),
        *(_within_spread(starts, potential, name) for potential in LOOP_LABELS for name in STATISTICS),
    ]
    return [
        *(claim._replace(needs=(*FRESH_START_NEEDS, *claim.needs)) for claim in claims),
        *(claim._replace(needs=(*SHARED_START_NEEDS, *claim.needs)) for claim in shared),
    ]


def _from_tables(claim: Claim) -> Claim:
    """A claim of ours, that the authors' tables suggest."""
    return claim._replace(of=Whose.ours, caveats=(*claim.caveats, FROM_TABLES))


def _lower_than(evidence: Evidence, potential: str, first: str, second: str) -> Claim:
    """Best setting against best setting."""
    best = {name: best_setting(evidence.summary, potential, name) for name in (first, second)}
    name = comparison_name(potential, first, second)
    compared = lower_by(evidence, name, *(runs_of(evidence.repeats, setting) for setting in best.values()))
    energies = {first: energies_of(compared.first), second: energies_of(compared.second)}
    means = ", ".join(f"{METHOD_LABELS[name]} {values.mean():.4f}" for name, values in energies.items())
    medians = ", ".join(f"{values.median():.4f}" for values in energies.values())
    return Claim(
        f"{LOOP_LABELS[potential]}: the best setting of {METHOD_LABELS[first]} ends lower than that of "
        f"{METHOD_LABELS[second]}",
        _source(evidence, potential, "best_mean", first, second),
        f"means of {counts_of(*energies.values())} fresh seeds {means} (medians {medians}); difference of "
        f"means {compared.seen}",
        compared.verdict,
    )


def _typically_lower(evidence: Evidence, potential: str, first: str, second: str) -> Claim:
    """All settings of a method against all of another."""
    seen, verdict = _medians_compared(evidence, potential, first, second, "energy")
    return Claim(
        f"{LOOP_LABELS[potential]}: over all settings {METHOD_LABELS[first]} ends lower than "
        f"{METHOD_LABELS[second]}",
        _source(evidence, potential, "median", first, second),
        seen,
        verdict,
        caveats=(BY_STARTS,),
    )


def _medians_compared(
    evidence: Evidence, potential: str, first: str, second: str, column: str
) -> tuple[str, Verdict]:
    """The medians of two methods' runs from one start, less each other, over starts: runs of one start are
    not independent, whatever their settings."""
    runs = with_times(numbered(evidence))
    runs = runs.assign(energy=energies_of(runs))
    medians = [of_method(runs, potential, name).groupby("start")[column].median() for name in (first, second)]
    pairs = pd.concat(medians, axis=1, keys=["first", "second"]).dropna()
    seen, verdict = below((pairs["first"] - pairs["second"]).to_numpy(), 0.0)
    names = METHOD_LABELS[first], METHOD_LABELS[second]
    means = ", ".join(f"{name} {pairs[side].mean():.4g}" for name, side in zip(names, pairs, strict=True))
    unit = " s, without compilation" if column == "time_s" else ""
    return (
        f"medians of all runs, a mean over {len(pairs)} starts: {means}; {' less '.join(names)} {seen}{unit}",
        verdict,
    )


def _at_the_bound(evidence: Evidence) -> Claim:
    near = f"{100 * (1 - NEAR_BOUND):.0f} %"
    claim = f"Bond+LJ: the best settings of all three methods end within {near} of the bound"
    verdicts, parts = [], []
    for reparam, method in METHOD_LABELS.items():
        best = best_setting(evidence.summary, "bond_lj", reparam)
        energies = energies_of(runs_of(evidence.repeats, best))
        bound = float("nan") if best is None else best["energy_bound"]
        seen, verdict = below(-(energies / bound).to_numpy(), -NEAR_BOUND, len(METHOD_LABELS))
        verdicts.append(verdict)
        low, high = (100 * (NEAR_BOUND - limit) for limit in (seen.high, seen.low))
        share = 100 * energies.mean() / bound
        parts.append(f"{method} {share:.1f} % (95 %: {low:.1f} to {high:.1f}, {len(energies)} fresh seeds)")
    source = _source(evidence, "bond_lj", "best_mean", *METHOD_LABELS)
    return Claim(
        claim, f"{source}; the {near} are ours", f"mean, of the bound: {', '.join(parts)}", combined(verdicts)
    )


def _typically_faster(evidence: Evidence, potential: str, reparam: str) -> Claim:
    seen, verdict = _medians_compared(evidence, potential, reparam, PLAIN, "time_s")
    return Claim(
        f"{LOOP_LABELS[potential]}: over all settings {METHOD_LABELS[reparam]} takes less time than GD",
        _source(evidence, potential, "median_time", reparam, PLAIN),
        seen,
        verdict,
        caveats=(BY_STARTS,),
    )


def _takes_longer(evidence: Evidence) -> Claim:
    """The caption as it stands: of the best settings CG's takes longer."""
    best = {name: best_setting(evidence.summary, "bond_lj", name) for name in (COARSE_GRAINED, PLAIN)}
    cg, gd = (_times(evidence, best[name]) for name in (COARSE_GRAINED, PLAIN))
    seen, verdict = lower(gd, cg)
    measured = f"means of {len(cg)} fresh seeds: GD {_mean(gd)} s, CG {_mean(cg)} s; GD less CG {seen} s"
    return Claim(
        "Bond+LJ: the best setting of CG takes longer than that of GD",
        _source(evidence, "bond_lj", "best_mean_time", COARSE_GRAINED, PLAIN),
        measured,
        verdict,
    )


def _times(evidence: Evidence, setting: pd.Series | None) -> np.ndarray:
    """Seconds of the fresh runs of a setting, compilation apart; infinite where one diverged."""
    return values_of(with_times(runs_of(evidence.repeats, setting)), "time_s").to_numpy()


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.2f}" if len(values) else "nan"


def _lower_in_time(evidence: Evidence, potential: str, reparam: str) -> Claim:
    """The title, at one time: that at which the first of both is done."""
    method = METHOD_LABELS[reparam]
    claim = f"{LOOP_LABELS[potential]}: after equal time {method} is at a lower energy than GD"
    caveats = ("best settings by fresh seeds, at the median time of the one that is done first",)
    ours, theirs = (_fresh(evidence, potential, name) for name in (reparam, PLAIN))
    if ours.empty or theirs.empty:
        return Claim(claim, TITLE, NO_SETTING, Verdict.undecided, caveats=caveats)
    seconds, *both = at_equal_time(evidence, ours, theirs)
    energies, others = (np.where(np.isnan(values), np.inf, values) for values in both)
    verdict = ranks_lower(energies, others)
    final = f"{method} {energies_of(ours).median():.4f}, GD {energies_of(theirs).median():.4f}"
    measured = (
        f"medians after {seconds:.2f} s {method} {np.median(energies):.4f}, GD {np.median(others):.4f}; "
        f"when both are done {final}; ranks at the former of {len(ours)} fresh seeds a side"
    )
    return Claim(claim, TITLE, measured, verdict, caveats=caveats)


def _first_at_energy(evidence: Evidence, potential: str, reparam: str, source: str) -> Claim:
    """The title, at one energy: that at which GD ends from the same start."""
    method = METHOD_LABELS[reparam]
    claim = f"{LOOP_LABELS[potential]}: {method} is sooner at GD's energy than GD in most runs"
    within = f"{100 * NEAR_END:g} % of the bound"
    caveats = (f"best settings by fresh seeds, to {within} above GD's end from the same start",)
    ours, theirs = (_fresh(evidence, potential, name) for name in (reparam, PLAIN))
    if ours.empty or theirs.empty:
        return Claim(claim, source, NO_SETTING, Verdict.undecided, caveats=caveats)
    margin = NEAR_END * abs(float(ours["energy_bound"].iloc[0]))
    times, others = seconds_to_the_others_end(evidence, ours, theirs, margin)
    differing = times != others
    sooner = (times < others)[differing]
    never = int(np.isinf(times).sum())
    measured = (
        f"{method} is sooner in {sooner.sum()} of {len(sooner)} pairs, never as low in {never}; medians "
        f"{method} {np.median(times):.2f} s, GD {np.median(others):.2f} s"
    )
    return Claim(claim, source, measured, most(sooner.tolist()), caveats=caveats)


def _fresh(evidence: Evidence, potential: str, reparam: str) -> pd.DataFrame:
    """The fresh runs, with times, of a method's best setting."""
    return with_times(runs_of(evidence.repeats, best_setting(evidence.summary, potential, reparam)))


def _within_spread(spread: pd.DataFrame, potential: str, statistic: str) -> Claim:
    """The published number among those of our shared starts, each of them a table like the authors'.

    One outside refutes it with so many starts only that this has a chance of 5 %, over all methods together:
    the paper's ten starts can confirm it, and not refute it.
    """
    loop, title = LOOP_LABELS[potential], STATISTICS[statistic]
    claim = f"{loop}: the published {title} of every method lies within the spread over starts"
    rows = spread[(spread["loop"] == loop) & (spread["statistic"] == title)]
    starts = int(rows["starts"].min())
    if rows["published"].isna().any():
        return Claim(claim, PUBLISHED_SOURCE, NOT_PUBLISHED, Verdict.not_tested, Whose.ours)
    parts = ", ".join(
        f"{row['method']} {row['published']:.4f} in {row['lowest']:.4f} to {row['highest']:.4f}"
        for _, row in rows.iterrows()
    )
    outside = min(1.0, len(rows) * 2 / (starts + 1))
    chance = (
        f"a further start lies outside of {starts} in 2 of {starts + 1} cases, so that one of {len(rows)} "
        f"methods does by chance in up to {100 * outside:.0f} % of cases"
    )
    if outside > 1 - CONFIDENCE:
        chance += "; so few starts cannot refute it"
    inside = bool(rows["within"].all())
    decided = inside or outside <= 1 - CONFIDENCE
    tolerances = "tolerance 1e-6 alone, as settings that differ in it are nearly copies"
    return Claim(
        claim,
        PUBLISHED_SOURCE,
        f"{starts} starts: {parts}",
        decide(inside, starts) if decided else Verdict.undecided,
        Whose.ours,
        caveats=(chance, tolerances),
    )


def _faster_in_all(evidence: Evidence, potential: str) -> Claim:
    claim = f"{LOOP_LABELS[potential]}: a run of every method takes less time than there, on a GPU"
    known = published_of(evidence, potential)
    if not known:
        return Claim(claim, PUBLISHED_SOURCE, NOT_PUBLISHED, Verdict.not_tested)
    runs = with_times(evidence.runs)
    parts, verdicts = [], []
    for reparam, method in METHOD_LABELS.items():
        mine = of_method(runs, potential, reparam)
        times = mine["time_s"].where(~diverged(mine), np.inf)  # ended early
        theirs = known[reparam].total_time / known[reparam].runs
        verdicts.append(below(times.to_numpy(), theirs, len(METHOD_LABELS))[1])
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
