"""Figure 9's claims: whether the number of eigenvectors matters, and which is best."""

import pandas as pd

from nnrep.figures.analysis.labels import COARSE_GRAINED
from nnrep.figures.analysis.selection import energies_of, lowest, values_of
from nnrep.figures.analysis.statistics import FEWEST, combined, differ, falls, lower
from nnrep.figures.checks import CLASSICAL_CAVEATS
from nnrep.figures.claim import Claim, Verdict, Whose
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig9.eigenvectors import BASELINE_NAME, kinds_of
from nnrep.figures.needs import runs_needed, steps_needed, structures_needed

FIGURE_9, OURS = "figure 9", "of figure 9"  # sources of claims
EIGENVECTOR_NEEDS = (structures_needed(["2JOF"]), runs_needed(4), steps_needed(60_000))
AS_IN_FIGURE_8 = "the same runs as those of 2JOF, extended start, in figure 8: not another test"
NOTHING_TO_COMPARE = "no setting without a diverged run, or nothing to compare it with"


def claims_of(evidence: Evidence) -> list[Claim]:
    """Whether the number of eigenvectors matters, which one is best, and whether it beats the baseline."""
    fresh = kinds_of(evidence.repeats)
    mapped = {name: rows for name, rows in fresh.items() if name != BASELINE_NAME}
    best = _best(evidence.summary)
    claims = [
        _matters(mapped),
        _more_is_lower(mapped, evidence.repeats),
        _best_of_all(mapped, best),
        _below_baseline(fresh, best),
        _all_below_baseline(fresh),
    ]
    return [
        claim._replace(needs=EIGENVECTOR_NEEDS, caveats=(*CLASSICAL_CAVEATS, *claim.caveats))
        for claim in claims
    ]


def _best(summary: pd.DataFrame) -> str:
    """The number of eigenvectors with the lowest mean energy in the grid; of none if all diverged."""
    setting = lowest(summary[summary["reparam"] == COARSE_GRAINED])
    return "" if setting is None else f"{setting['modes']} eigenvectors"


def _means(kinds: dict[str, pd.DataFrame]) -> str:
    return ", ".join(f"{name} {energies_of(rows).mean():.1f}" for name, rows in kinds.items())


def _enough(mapped: dict[str, pd.DataFrame]) -> bool:
    """Whether there are runs enough of each number."""
    return all(len(rows) >= FEWEST for rows in mapped.values())


def _matters(mapped: dict[str, pd.DataFrame]) -> Claim:
    chance, verdict = differ([energies_of(rows).to_numpy() for rows in mapped.values()])
    measured = f"means of fresh seeds: {_means(mapped)}; Kruskal and Wallis's p {chance:.2g}"
    return Claim("the number of eigenvectors decides how low CG ends", FIGURE_9, measured, verdict)


def _more_is_lower(mapped: dict[str, pd.DataFrame], none: pd.DataFrame) -> Claim:
    runs = pd.concat(mapped.values()) if mapped else none.iloc[:0]
    tau, verdict = falls(runs["modes"], values_of(runs, "energy"))
    verdict = verdict if _enough(mapped) else Verdict.undecided
    measured = f"Kendall's tau of number and energy {tau:+.2f} over {len(runs)} fresh runs"
    return Claim("more eigenvectors end lower", OURS, measured, verdict, Whose.ours)


def _best_of_all(mapped: dict[str, pd.DataFrame], best: str) -> Claim:
    claim = "the best number of eigenvectors of the grid ends lower than every other number"
    others = {name: rows for name, rows in mapped.items() if name != best}
    if best not in mapped or not others:
        return Claim(claim, FIGURE_9, NOTHING_TO_COMPARE, Verdict.undecided)
    ours = energies_of(mapped[best])
    seen = {
        name: lower(ours.to_numpy(), energies_of(rows).to_numpy(), len(others))
        for name, rows in others.items()
    }
    differences = ", ".join(f"{name} {difference}" for name, (difference, _) in seen.items())
    measured = f"{best}: mean of {len(ours)} fresh seeds {ours.mean():.1f}; less that of {differences}"
    return Claim(claim, FIGURE_9, measured, combined([verdict for _, verdict in seen.values()]))


def _below_baseline(fresh: dict[str, pd.DataFrame], best: str) -> Claim:
    claim = "CG with the best number of eigenvectors ends lower than the baseline"
    if best not in fresh or BASELINE_NAME not in fresh:
        return Claim(claim, FIGURE_9, NOTHING_TO_COMPARE, Verdict.undecided)
    ours, theirs = (energies_of(fresh[name]) for name in (best, BASELINE_NAME))
    seen, verdict = lower(ours.to_numpy(), theirs.to_numpy())
    measured = f"{best} {ours.mean():.1f}, baseline {theirs.mean():.1f}; difference {seen}"
    return Claim(claim, FIGURE_9, measured, verdict, caveats=(AS_IN_FIGURE_8,))


def _all_below_baseline(fresh: dict[str, pd.DataFrame]) -> Claim:
    claim = "CG ends lower than the baseline with every number of eigenvectors"
    mapped = {name: rows for name, rows in fresh.items() if name != BASELINE_NAME}
    if not mapped or BASELINE_NAME not in fresh:
        return Claim(claim, OURS, NOTHING_TO_COMPARE, Verdict.undecided, Whose.ours)
    theirs = energies_of(fresh[BASELINE_NAME]).to_numpy()
    seen = {name: lower(energies_of(rows).to_numpy(), theirs, len(mapped)) for name, rows in mapped.items()}
    differences = ", ".join(f"{name} {difference}" for name, (difference, _) in seen.items())
    verdict = combined([verdict for _, verdict in seen.values()])
    return Claim(claim, OURS, f"differences of means: {differences}", verdict, Whose.ours)
