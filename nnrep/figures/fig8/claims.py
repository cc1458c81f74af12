"""Figure 8's claims, for every energy and start."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from nnrep.figures.analysis.labels import COARSE_GRAINED, PLAIN
from nnrep.figures.analysis.problems import MinimizationProblem, problems_of
from nnrep.figures.analysis.races import at_equal_time
from nnrep.figures.analysis.selection import counts_of, distinct_energies, energies_of, runs_of, values_of
from nnrep.figures.analysis.statistics import (
    FEWEST,
    combined,
    difference,
    lower,
    ranks_lower,
    refuting_confidence,
)
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.checks import CLASSICAL_CAVEATS
from nnrep.figures.claim import Claim, Verdict, Whose, on_wall_time
from nnrep.figures.comparison import lower_by
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig8.settings import KNOWN_SEEDS, best_of, comparison_name
from nnrep.figures.needs import runs_needed, steps_needed

FOUR_PROTEINS = ("2JOF", "2MGO", "1PLW", "5AWL")  # which each claim is of, so that each is a part of it
SIMILAR = 2.0  # up to how many times as long is what we take "similar" for; less time is no worse

SIMILAR_IS_OURS = f"at most {SIMILAR:g} times as long is what we take for similar"
BEST_COUNT_OF_FEW = (
    "the best CG has the number of modes of lowest mean of four runs: fresh seeds may order them otherwise"
)
COMPARISON_NEEDS = (runs_needed(4), steps_needed(60_000))

# (evidence, fresh runs of CG, fresh runs of GD) -> what was measured, and what follows.
RunsTest = Callable[[Evidence, pd.DataFrame, pd.DataFrame], tuple[str, Verdict]]


def claims_of(evidence: Evidence) -> list[Claim]:
    """Every claim for every energy and start."""
    problems = problems_of(evidence.summary)
    claims = []
    for potential, start in dict.fromkeys((problem.potential, problem.start) for problem in problems):
        where = f"{potential}, {start} start"
        chosen = [problem for problem in problems if (problem.potential, problem.start) == (potential, start)]
        for claim, of, caveats, test in (
            (
                f"{where}: the best CG ends lower than GD for all four proteins",
                Whose.paper,
                _added_to(evidence, chosen),
                _lower,
            ),
            (
                f"{where}: the best CG takes no more than similar time to GD for all four proteins",
                Whose.paper,
                (SIMILAR_IS_OURS,),
                _similar,
            ),
            (
                f"{where}: after equal time the best CG is lower than GD for all four proteins",
                Whose.ours,
                ("at the median time of whichever is done first",),
                _lower_in_time,
            ),
        ):
            tested = _of_all(evidence, chosen, claim, test)
            whole = tested._replace(
                of=of, needs=COMPARISON_NEEDS, caveats=(*CLASSICAL_CAVEATS, BEST_COUNT_OF_FEW, *caveats)
            )
            claims.append(on_wall_time(whole) if test in (_similar, _lower_in_time) else whole)
    return claims


def _of_all(evidence: Evidence, problems: list[MinimizationProblem], claim: str, test: RunsTest) -> Claim:
    """A claim of several proteins: not tested while one of them was not run, unless another refutes it."""
    parts, verdicts = [], []
    for problem in problems:
        best = [best_of(evidence.summary, problem, name) for name in (COARSE_GRAINED, PLAIN)]
        cg, gd = (with_times(runs_of(evidence.repeats, setting)) for setting in best)
        if cg.empty or gd.empty:
            measured, verdict = "no setting without a diverged run", Verdict.undecided
        else:
            measured, verdict = test(evidence, cg, gd)
            measured = f"{measured} ({cg['modes'].iloc[0]} modes)"
        parts.append(f"{problem.structure} {measured}")
        verdicts += [verdict] if problem.structure in FOUR_PROTEINS else []
    missing = [name for name in FOUR_PROTEINS if name not in {problem.structure for problem in problems}]
    if missing:
        parts.append(f"not run: {', '.join(missing)}")
        verdicts.append(Verdict.not_tested)
    return Claim(claim, "figure 8", "; ".join(parts), combined(verdicts))


def _added_to(evidence: Evidence, problems: list[MinimizationProblem]) -> tuple[str, ...]:
    """To which comparisons seeds were added, and why."""
    return tuple(
        f"{problem.structure}: seeds are added because earlier tables, with another number of modes, left it "
        f"open; the first {KNOWN_SEEDS} fresh ones a side were known when the rule was made, and do not count"
        for problem in problems
        if comparison_name(problem) in evidence.decisions
    )


def _lower(evidence: Evidence, cg: pd.DataFrame, gd: pd.DataFrame) -> tuple[str, Verdict]:
    (problem,) = problems_of(cg)
    cg, gd, seen, verdict = lower_by(evidence, comparison_name(problem), cg, gd, parts=len(FOUR_PROTEINS))
    ours, theirs = energies_of(cg), energies_of(gd)
    medians = f"medians {ours.median():.1f}, {theirs.median():.1f}"
    counts = counts_of(cg, gd)
    distinct = f"{distinct_energies(cg)}, {distinct_energies(gd)} distinct energies of {counts}"
    return f"CG {ours.mean():.1f}, GD {theirs.mean():.1f} ({medians}; {distinct}), difference {seen}", verdict


def _similar(evidence: Evidence, cg: pd.DataFrame, gd: pd.DataFrame) -> tuple[str, Verdict]:
    """Welch's interval of the difference of logarithms."""
    ours, theirs = (values_of(runs, "time_s").to_numpy() for runs in (cg, gd))
    if not np.isfinite([*ours, *theirs]).all():
        return "a run diverged", Verdict.undecided
    logs = np.log(ours), np.log(theirs)
    ratio, low, high = np.exp(difference(*logs))
    refuting = np.exp(difference(*logs, refuting_confidence(len(FOUR_PROTEINS))).low)
    enough = min(len(ours), len(theirs)) >= FEWEST
    verdict = Verdict.holds if high < SIMILAR else Verdict.fails if refuting > SIMILAR else Verdict.undecided
    times = f"CG {ours.mean():.2f} s, GD {theirs.mean():.2f} s"
    return f"{times}, {ratio:.2f} times ({low:.2f} to {high:.2f})", verdict if enough else Verdict.undecided


def _lower_in_time(evidence: Evidence, cg: pd.DataFrame, gd: pd.DataFrame) -> tuple[str, Verdict]:
    seconds, ours, theirs = at_equal_time(evidence, cg, gd)
    if np.isnan([*ours, *theirs]).any():
        late = ", ".join(f"{np.isnan(side).sum()} of {name}" for name, side in (("CG", ours), ("GD", theirs)))
        measured = f"after {seconds:.2f} s some runs had not come to their first check ({late})"
        return measured, ranks_lower(*(np.where(np.isnan(side), np.inf, side) for side in (ours, theirs)))
    seen, verdict = lower(ours, theirs, len(FOUR_PROTEINS))
    return f"after {seconds:.2f} s CG {ours.mean():.1f}, GD {theirs.mean():.1f}, difference {seen}", verdict
