"""What is claimed of the searches, and what their numbers say of it."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from folding.described import described
from folding.problem import FOLDED
from folding.searching import SETTLED
from folding.summary import OPENMM, PLAIN, best_openmm, times_of
from folding.survival import Times, median
from nnrep.figures.analysis.statistics import CONFIDENCE
from nnrep.figures.claim import Claim, Verdict, Whose, as_tested
from nnrep.figures.needs import Need
from nnrep.records.style import number

HOUR_ON_TWO_CORES = 2 * 3600.0  # s of processor time
SHARE = 0.8  # of seeds
SEEDS = 10
FRACTION = 0.2  # of OpenMM's median time
SMALL, LARGE = "5AWL", "2JOF"
UNITS = {"evaluations": "evaluations", "cpu_s": "s of processor time"}
FASTER = {
    "slow_modes": "a mass matrix of slow modes",
    "torsion_quenches": "a quench through torsions",
    "torsion_moves": "a search by moves in torsions",
    "annealing": "annealing from a smoothed start",
}
ENDS_EARLY = (
    f"a search ends once its lowest minimum has been native for {100 * SETTLED:g} % of its budget: what it "
    "would meet later is not known"
)
MANY = "one of several comparisons that are tested one by one"
ONE_PROCESS = "two cores are counted as twice the processor time of one search, which is one process"


class Evidence(NamedTuple):
    """Tables: a row a search, a row a comparison."""

    searches: pd.DataFrame
    comparisons: pd.DataFrame


def claims_of(evidence: Evidence) -> list[Claim]:
    """All claims, also those that the searches do not test."""
    claims = [_in_an_hour(evidence, arm) for arm in (PLAIN, "slow_modes")]
    claims += [_sooner(evidence, arm, measure) for arm in FASTER for measure in UNITS]
    claims += [_beside_openmm(evidence, arm) for arm in (PLAIN, "slow_modes")]
    claims += [_reached(evidence)]
    return [as_tested(claim, evidence) for claim in claims]


def needs_searches(problem: str, *arms: str) -> tuple[Need, ...]:
    """Ten searches of each arm."""

    def lacking(evidence: Evidence) -> str:
        counts = {arm: len(_own(evidence, problem, arm)) for arm in arms}
        few = [f"{count} of {described(arm).title}" for arm, count in counts.items() if count < SEEDS]
        return ", ".join(few)

    names = " and ".join(described(arm).title for arm in arms)
    return (Need(f"{SEEDS} searches of {problem} by {names}", lacking),)


def _own(evidence: Evidence, problem: str, arm: str) -> pd.DataFrame:
    searches = evidence.searches
    return searches[(searches["problem"] == problem) & (searches["arm"] == arm)]


def _in_an_hour(evidence: Evidence, arm: str) -> Claim:
    own = _own(evidence, SMALL, arm)
    folded, missed, unknown = within(times_of(own, "cpu_s"), HOUR_ON_TWO_CORES)
    measured = (
        f"{folded} of {len(own)} folded in {HOUR_ON_TWO_CORES:.0f} s of processor time, {missed} did not"
    )
    measured += f", {unknown} ended before" * (unknown > 0)
    if len(own):
        measured += f"; median {_median(times_of(own, 'cpu_s'))} s"
    return Claim(
        f"{SMALL} folds from its extended chain in an hour on two cores, selected by energy alone, for at "
        f"least 8 of 10 seeds: {described(arm).title}",
        f"of the searches of {SMALL}",
        measured,
        enough(folded, unknown, len(own)),
        Whose.ours,
        needs_searches(SMALL, arm),
        ("numbers compared", ONE_PROCESS, ENDS_EARLY),
    )


def within(times: Times, limit: float) -> tuple[int, int, int]:
    """How many searches folded by a limit, how many did not, and how many ended before without it."""
    folded = times.folded & (times.time <= limit)
    missed = ~folded & (times.time >= limit)
    return int(folded.sum()), int(missed.sum()), int((~folded & ~missed).sum())


def enough(folded: int, unknown: int, total: int) -> Verdict:
    """Whether at least 8 of 10 folded, however those went on of which it is not known."""
    needed = SHARE * total
    if folded >= needed and total:
        return Verdict.holds
    return Verdict.fails if folded + unknown < needed else Verdict.undecided


def _sooner(evidence: Evidence, arm: str, measure: str) -> Claim:
    row = _comparison(evidence, arm, PLAIN, measure)
    words = "fewer evaluations" if measure == "evaluations" else "less processor time"
    return Claim(
        f"{SMALL}: {FASTER[arm]} folds it in {words} than replica exchange with Cartesian coordinates",
        f"of the searches of {SMALL}",
        "" if row is None else _measured(evidence, row),
        Verdict.undecided if row is None else sooner(row),
        Whose.ours,
        needs_searches(SMALL, arm, PLAIN),
        (ENDS_EARLY, MANY),
    )


def sooner(row: pd.Series) -> Verdict:
    """Whether the first arm of a comparison folds sooner, by the log-rank test; or open."""
    if not row["p"] < 1 - CONFIDENCE:
        return Verdict.undecided
    return Verdict.holds if row["sooner"] else Verdict.fails


def _beside_openmm(evidence: Evidence, arm: str) -> Claim:
    of_problem = evidence.searches[evidence.searches["problem"] == SMALL]
    other = best_openmm(of_problem) or OPENMM
    row = _comparison(evidence, arm, other, "cpu_s")
    return Claim(
        f"{SMALL}: the median time of {described(arm).title} is at most {FRACTION} of that of OpenMM's "
        "Langevin dynamics at its best single temperature",
        f"of the searches of {SMALL}",
        "" if row is None else _measured(evidence, row),
        Verdict.undecided if row is None else at_most(row, FRACTION),
        Whose.ours,
        needs_searches(SMALL, arm, other),
        ("processor time of one thread each", "quenches are ours in both", ENDS_EARLY),
    )


def at_most(row: pd.Series, limit: float) -> Verdict:
    """Whether a ratio of medians is at most a limit: by its whole interval, or not, or open."""
    if row["ratio_high"] <= limit:
        return Verdict.holds
    return Verdict.fails if row["ratio_low"] > limit else Verdict.undecided


def _comparison(evidence: Evidence, arm: str, other: str, measure: str) -> pd.Series | None:
    rows = evidence.comparisons
    same = (rows["problem"] == SMALL) & (rows["arm"] == arm) & (rows["other"] == other)
    found = rows[same & (rows["measure"] == measure)]
    return None if found.empty else found.iloc[0]


def _measured(evidence: Evidence, row: pd.Series) -> str:
    parts = []
    for arm in (row["arm"], row["other"]):
        times = times_of(_own(evidence, SMALL, arm), row["measure"])
        folded = int(times.until(row["limit"]).folded.sum())
        parts.append(f"{described(arm).title} {folded} of {len(times.time)}, median {_median(times)}")
    limit = f" within {number(row['limit'], 3)} {UNITS[row['measure']]}" * bool(np.isfinite(row["limit"]))
    unit = f" {UNITS[row['measure']]}" * (not limit)
    value = "" if np.isnan(row["ratio"]) else f" {row['ratio']:.2g}"
    interval = f"ratio of medians{value} (95 %: {row['ratio_low']:.2g} to {_high(row['ratio_high'])})"
    return f"folded{limit}: {'; '.join(parts)}{unit}; {interval}; log-rank p {row['p']:.2g}"


def _median(times: Times) -> str:
    value = median(times).value
    return number(value, 3) if np.isfinite(value) else f"not reached in {number(times.followed, 3)}"


def _high(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else "any"


def _reached(evidence: Evidence) -> Claim:
    own = evidence.searches[evidence.searches["problem"] == LARGE].dropna(subset=["energy", "rmsd_ca"])
    measured, verdict = "", Verdict.undecided
    if len(own):
        lowest, near = (own.loc[own[name].idxmin()] for name in ("energy", "nearest_rmsd_ca"))
        verdict = Verdict.holds if lowest["rmsd_ca"] < FOLDED else Verdict.fails
        measured = (
            f"lowest of {len(own)} searches {number(lowest['energy'])} kJ/mol at {lowest['rmsd_ca']:.2f} A "
            f"({described(lowest['arm']).title}); nearest to native {near['nearest_rmsd_ca']:.2f} A at "
            f"{number(near['nearest_energy'])} kJ/mol ({described(near['arm']).title}), which the energy "
            "does not select"
        )
        if near["nearest_energy"] == lowest["energy"]:
            measured = measured.removesuffix(", which the energy does not select")

    def lacking(evidence: Evidence) -> str:
        return "" if (evidence.searches["problem"] == LARGE).any() else "none"

    return Claim(
        f"{LARGE}: the lowest minimum of all searches from the extended chain is native (CA within "
        f"{FOLDED:g} A)",
        f"of the searches of {LARGE}",
        measured,
        verdict,
        Whose.ours,
        (Need(f"searches of {LARGE}", lacking),),
        ("a fact of these searches: a longer one may find a lower minimum",),
    )
