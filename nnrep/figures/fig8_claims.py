"""What the paper's figure 8 says."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from nnrep.figures.fig8_settings import CG, GD, best_of
from nnrep.figures.figure import Claim, Evidence, Verdict
from nnrep.figures.followed import values_at
from nnrep.figures.methods import distinct_ends, energies_of, runs_of, values_of
from nnrep.figures.problems import Problem, problems_of
from nnrep.figures.statistics import FEWEST, combined, difference, lower
from nnrep.figures.summary import with_times

FOUR = ("2JOF", "2MGO", "1PLW", "5AWL")
SIMILAR = 2.0  # up to how many times as long is what we take "similar" for; less time is no worse

# (evidence, fresh runs of CG, fresh runs of GD) -> what was measured, and what follows.
Judge = Callable[[Evidence, pd.DataFrame, pd.DataFrame], tuple[str, Verdict]]


def claims(evidence: Evidence) -> list[Claim]:
    """Every claim for every energy and start."""
    problems = problems_of(evidence.summary)
    found = []
    for potential, start in dict.fromkeys((problem.potential, problem.start) for problem in problems):
        where = f"{potential}, {start} start"
        chosen = [problem for problem in problems if (problem.potential, problem.start) == (potential, start)]
        for claim, source, judge in (
            (f"{where}: the best CG ends lower than GD for all four proteins", "figure 8", _lower),
            (
                f"{where}: the best CG takes no more than similar time to GD for all four proteins",
                f"figure 8; at most {SIMILAR:g} times is ours",
                _similar,
            ),
            (
                f"{where}: after equal time the best CG is lower than GD for all four proteins",
                "ours, of figure 8: when whichever is done first ends",
                _lower_in_time,
            ),
        ):
            found.append(_of_all(evidence, chosen, claim, source, judge))
    return found


def _of_all(evidence: Evidence, problems: list[Problem], claim: str, source: str, judge: Judge) -> Claim:
    """A claim of several proteins: open while one of them is not there, unless another refutes it."""
    parts, verdicts = [], []
    for problem in problems:
        best = {name: best_of(evidence.summary, problem, name) for name in (CG, GD)}
        runs = {name: with_times(runs_of(evidence.repeats, best[name])) for name in best}
        if runs[CG].empty or runs[GD].empty:
            told, verdict = "no setting without a diverged run", Verdict.undecided
        else:
            told, verdict = judge(evidence, runs[CG], runs[GD])
            told = f"{told} ({runs[CG]['modes'].iloc[0]} modes)"
        parts.append(f"{problem.structure} {told}")
        verdicts += [verdict] if problem.structure in FOUR else []
    missing = [name for name in FOUR if name not in {problem.structure for problem in problems}]
    if missing:
        parts.append(f"not run: {', '.join(missing)}")
        verdicts.append(Verdict.undecided)
    return Claim(claim, source, "; ".join(parts), combined(verdicts))


def _lower(evidence: Evidence, cg: pd.DataFrame, gd: pd.DataFrame) -> tuple[str, Verdict]:
    ours, theirs = (energies_of(runs).to_numpy() for runs in (cg, gd))
    seen, verdict = lower(ours, theirs)
    medians = f"medians {np.median(ours):.1f}, {np.median(theirs):.1f}"
    ends = f"{distinct_ends(cg)}, {distinct_ends(gd)} distinct energies of {len(ours)}"
    return f"CG {ours.mean():.1f}, GD {theirs.mean():.1f} ({medians}; {ends}), difference {seen}", verdict


def _similar(evidence: Evidence, cg: pd.DataFrame, gd: pd.DataFrame) -> tuple[str, Verdict]:
    """Welch's interval of the difference of logarithms."""
    ours, theirs = (values_of(runs, "time_s").to_numpy() for runs in (cg, gd))
    if not np.isfinite([*ours, *theirs]).all():
        return "a run diverged", Verdict.undecided
    seen = difference(np.log(ours), np.log(theirs))
    ratio, low, high = np.exp(seen)
    enough = min(len(ours), len(theirs)) >= FEWEST
    verdict = Verdict.holds if high < SIMILAR else Verdict.fails if low > SIMILAR else Verdict.undecided
    told = f"CG {ours.mean():.2f} s, GD {theirs.mean():.2f} s, {ratio:.2f} times ({low:.2f} to {high:.2f})"
    return told, verdict if enough else Verdict.undecided


def _lower_in_time(evidence: Evidence, cg: pd.DataFrame, gd: pd.DataFrame) -> tuple[str, Verdict]:
    seconds = min(values_of(cg, "time_s").median(), values_of(gd, "time_s").median())
    ours, theirs = (values_at(evidence, runs, "energy", seconds) for runs in (cg, gd))
    if np.isnan([*ours, *theirs]).any():
        late = "CG" if np.isnan(ours).any() else "GD"
        told = f"after {seconds:.2f} s {late} had not come to its first check"
        return told, Verdict.fails if late == "CG" else Verdict.undecided
    seen, verdict = lower(ours, theirs)
    return f"after {seconds:.2f} s CG {ours.mean():.1f}, GD {theirs.mean():.1f}, difference {seen}", verdict
