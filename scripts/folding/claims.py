"""What is claimed of the searches, and what their numbers say of it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from folding.described import described
from folding.naming import parsed
from folding.native_lowest import native_lowest
from folding.openmm_speed import S_PER_HOUR, at_speed, in_words
from folding.problem import FOLDED
from folding.summary import OPENMM, PLAIN, SINGLE_TEMPERATURE, best_of, of_kind, of_one_processor, times_of
from folding.survival import Compared, Times, compared, known_in_words, median
from nnrep.figures.analysis.statistics import CONFIDENCE
from nnrep.figures.claim import Claim, Verdict, Whose, as_tested
from nnrep.figures.needs import Need
from nnrep.records.style import number

HOUR_ON_TWO_CORES = 2 * S_PER_HOUR  # s of processor time
SHARE = 0.8  # of seeds
SEEDS = 10
FRACTION = 0.2  # of OpenMM's median time
SMALL, LARGE = "5AWL", "2JOF"
UNITS = {"evaluations": "evaluations", "cpu_s": "s of processor time"}
LADDERS = (PLAIN, "slow_modes")
FASTER = {
    "slow_modes": "a mass matrix of slow modes",
    "torsion_quenches": "a quench through torsions",
    "torsion_moves": "a search by moves in torsions",
    "annealing": "annealing from a smoothed start",
}
EARLY_STOP = "a search ends soon after its lowest minimum is native: a longer one may meet lower ones"
TEMPERATURES = 3  # of which the best is taken
MANY = "one of several comparisons that are tested one by one"
ONE_THREAD = "processor time of one thread each"
ONE_PROCESS = "two cores are counted as twice the processor time of one search, which is one process"


class Evidence(NamedTuple):
    """What claims are tested by.

    Attributes:
        searches: a row a search.
        openmm_speed: of OpenMM's dynamics of the smaller peptide, in ps a second; NaN if it is not known.
    """

    searches: pd.DataFrame
    openmm_speed: float


class Side(NamedTuple):
    """An arm of a comparison: what it is called, and its times."""

    title: str
    times: Times


def claims_of(evidence: Evidence) -> list[Claim]:
    """All claims, also those that the searches do not test."""
    claims = [_in_an_hour(evidence, arm) for arm in LADDERS]
    claims += [_faster(evidence, arm, measure) for arm in FASTER for measure in UNITS]
    claims += [_beside_openmm(evidence, arm) for arm in LADDERS]
    claims += [_at_openmm_speed(evidence, arm) for arm in LADDERS]
    claims += [_native_lowest(evidence)]
    return [as_tested(claim, evidence) for claim in claims]


def needs_searches(problem: str, *arms: str) -> tuple[Need, ...]:
    """Ten searches of each arm."""

    def lacking(evidence: Evidence) -> str:
        counts = {arm: len(_own(evidence, problem, arm)) for arm in arms}
        few = [f"{count} of {described(arm).title}" for arm, count in counts.items() if count < SEEDS]
        return ", ".join(few)

    names = " and ".join(described(arm).title for arm in arms)
    return (Need(f"{SEEDS} searches of {problem} by {names}", lacking),)


def needs_one_processor(problem: str, *arms: str) -> Need:
    """Searches whose processor times can be compared."""

    def lacking(evidence: Evidence) -> str:
        own = pd.concat([_own(evidence, problem, arm) for arm in arms])
        return "" if of_one_processor(own) else " and ".join(sorted(own["processor"].unique()))

    return Need("searches on one kind of processor", lacking)


def needs_temperatures(problem: str, kind: str) -> Need:
    """Several temperatures of which one can be the best."""

    def lacking(evidence: Evidence) -> str:
        count = _temperatures(evidence, problem, kind)
        return f"{count} of {kind}" if count < TEMPERATURES else ""

    return Need(f"{TEMPERATURES} temperatures", lacking)


def temperature_caveats(evidence: Evidence, problem: str, kind: str) -> tuple[str, ...]:
    """That the best temperature is not known, as long as few were tried."""
    few = _temperatures(evidence, problem, kind) < TEMPERATURES
    return ("another temperature may fold it sooner: few were tried",) * few


def _temperatures(evidence: Evidence, problem: str, kind: str) -> int:
    return len(_arms_of(evidence, problem, kind))


def _arms_of(evidence: Evidence, problem: str, kind: str) -> list[str]:
    """The arms of a kind that a problem has searches of."""
    searches = evidence.searches
    return of_kind(searches[searches["problem"] == problem], kind)["arm"].unique().tolist()


def early_stop_caveats(evidence: Evidence, problem: str, *arms: str) -> tuple[str, ...]:
    """What an end soon after folding leaves open, and whose last minimum is above one known elsewhere."""
    searches = evidence.searches
    elsewhere = searches.loc[searches["problem"] == problem, "elsewhere_energy"].min()
    own = pd.concat([_own(evidence, problem, arm) for arm in arms])
    above = own[own["folded"] & (own["energy"] > elsewhere)]
    if above.empty:
        return (EARLY_STOP,)
    listed = ", ".join(f"{described(row.arm).title} {row.seed}" for row in above.itertuples())
    return (
        EARLY_STOP,
        f"lower minima than the last are known elsewhere ({number(elsewhere)} kJ/mol): {listed}",
    )


def _own(evidence: Evidence, problem: str, arm: str) -> pd.DataFrame:
    searches = evidence.searches
    return searches[(searches["problem"] == problem) & (searches["arm"] == arm)]


def _in_an_hour(evidence: Evidence, arm: str) -> Claim:
    own = _own(evidence, SMALL, arm)
    folded, missed, unknown = folded_by(times_of(own, "cpu_s"), HOUR_ON_TWO_CORES)
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
        share_verdict(folded, unknown, len(own)),
        Whose.ours,
        needs_searches(SMALL, arm),
        ("numbers compared", ONE_PROCESS, *early_stop_caveats(evidence, SMALL, arm)),
    )


def folded_by(times: Times, limit: float) -> tuple[int, int, int]:
    """How many searches folded by a limit, how many did not, and how many ended before without it."""
    folded = times.folded & (times.time <= limit)
    missed = ~folded & (times.time >= limit)
    return int(folded.sum()), int(missed.sum()), int((~folded & ~missed).sum())


def share_verdict(folded: int, unknown: int, total: int) -> Verdict:
    """Whether at least 8 of 10 folded, however those went on of which it is not known."""
    needed = SHARE * total
    if folded >= needed and total:
        return Verdict.holds
    return Verdict.fails if folded + unknown < needed else Verdict.undecided


def _faster(evidence: Evidence, arm: str, measure: str) -> Claim:
    pair = tuple(_side(evidence, name, measure) for name in (arm, PLAIN))
    needs = needs_searches(SMALL, arm, PLAIN)
    words = "fewer evaluations"
    if measure == "cpu_s":
        needs, words = (*needs, needs_one_processor(SMALL, arm, PLAIN)), "less processor time"
    return Claim(
        f"{SMALL}: {FASTER[arm]} folds it in {words} than replica exchange with Cartesian coordinates",
        f"of the searches of {SMALL}",
        *_tested(pair, measure, log_rank_verdict),
        Whose.ours,
        needs,
        (*early_stop_caveats(evidence, SMALL, arm, PLAIN), MANY),
    )


def log_rank_verdict(comparison: Compared) -> Verdict:
    """Whether the first of two arms folds sooner, by the log-rank test; or open."""
    if not comparison.chance < 1 - CONFIDENCE:
        return Verdict.undecided
    return Verdict.holds if comparison.sooner else Verdict.fails


def _beside_openmm(evidence: Evidence, arm: str) -> Claim:
    other = _best(evidence, OPENMM)
    pair = tuple(_side(evidence, name, "cpu_s") for name in (arm, other))
    return Claim(
        f"{SMALL}: the median time of {described(arm).title} is at most {FRACTION} of that of OpenMM's "
        "Langevin dynamics at its best single temperature",
        f"of the searches of {SMALL}",
        *_tested(pair, "cpu_s", ratio_verdict),
        Whose.ours,
        (
            *needs_searches(SMALL, arm, other),
            needs_one_processor(SMALL, arm, other),
            needs_temperatures(SMALL, OPENMM),
        ),
        (ONE_THREAD, "quenches are ours in both", *early_stop_caveats(evidence, SMALL, arm, other)),
    )


def _at_openmm_speed(evidence: Evidence, arm: str) -> Claim:
    speed = evidence.openmm_speed
    other = _best(evidence, SINGLE_TEMPERATURE)
    simulated = _side(evidence, other, "ps")
    one = simulated.title if parsed(other).kelvin else "one temperature"
    title = f"{simulated.title} at {in_words(speed)}"
    pair = (_side(evidence, arm, "cpu_s"), Side(title, at_speed(simulated.times, speed)))
    measured, verdict = _tested(pair, "cpu_s", ratio_verdict) if speed > 0 else ("", Verdict.undecided)

    def lacking(evidence: Evidence) -> str:
        return "" if evidence.openmm_speed > 0 else "none by OpenMM"

    return Claim(
        f"{SMALL}: the median time of {described(arm).title} is at most {FRACTION} of that of our Langevin "
        f"dynamics ({one}), if these ran at the speed of OpenMM's",
        f"of the searches of {SMALL}",
        measured,
        verdict,
        Whose.ours,
        (
            *needs_searches(SMALL, arm, other),
            Need("a search by OpenMM, which may be short", lacking),
            # Of the other arm nothing is in s.
            needs_one_processor(SMALL, arm, *_arms_of(evidence, SMALL, OPENMM)),
        ),
        (
            "OpenMM's dynamics are taken to fold as soon as ours, in ns",
            *temperature_caveats(evidence, SMALL, SINGLE_TEMPERATURE),
            ONE_THREAD,
            *early_stop_caveats(evidence, SMALL, arm, other),
        ),
    )


def ratio_verdict(comparison: Compared) -> Verdict:
    """Whether a ratio of medians is at most `FRACTION`: by its whole interval, or not, or open."""
    if comparison.ratio.high <= FRACTION:
        return Verdict.holds
    return Verdict.fails if comparison.ratio.low > FRACTION else Verdict.undecided


def _best(evidence: Evidence, kind: str) -> str:
    """The arm of the best temperature; what it would be called, if there is none."""
    return best_of(evidence.searches[evidence.searches["problem"] == SMALL], kind) or kind


def _side(evidence: Evidence, arm: str, measure: str) -> Side:
    return Side(described(arm).title, times_of(_own(evidence, SMALL, arm), measure))


def _tested(pair: tuple[Side, ...], measure: str, rule: Callable[[Compared], Verdict]) -> tuple[str, Verdict]:
    """The numbers of two arms, and what a rule says of them; nothing where an arm has no searches."""
    if any(len(side.times.time) == 0 for side in pair):
        return "", Verdict.undecided
    comparison = compared(*(side.times for side in pair))
    parts = []
    for title, times in pair:
        folded = int(times.until(comparison.limit).folded.sum())
        parts.append(f"{title} {folded} of {len(times.time)}, median {_median(times)}")
    limit = f" within {number(comparison.limit, 3)} {UNITS[measure]}" * bool(np.isfinite(comparison.limit))
    unit = f" {UNITS[measure]}" * (not limit)
    value = "" if np.isnan(comparison.ratio.value) else f" {comparison.ratio.value:.2g}"
    interval = f"ratio of medians{value} (95 %: {comparison.ratio.low:.2g} to {_high(comparison.ratio.high)})"
    return f"folded{limit}: {'; '.join(parts)}{unit}; {interval}; log-rank p {comparison.chance:.2g}", rule(
        comparison
    )


def _median(times: Times) -> str:
    value, known_to = median(times).value, times.known_to
    if np.isfinite(value):
        return number(value, 3)
    return f"not reached in {number(known_to, 3)} ({known_in_words(*times.known(known_to))})"


def _high(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else "any"


def _native_lowest(evidence: Evidence) -> Claim:
    searches = evidence.searches
    own = searches[searches["problem"] == LARGE].dropna(subset=["energy", "rmsd_ca"])
    measured, verdict = native_lowest(own) if len(own) else ("", Verdict.undecided)

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
