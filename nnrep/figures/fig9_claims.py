"""What the paper's figure 9 asks: which number of eigenvectors is best."""

import pandas as pd

from nnrep.figures.figure import Claim, Evidence, Verdict
from nnrep.figures.methods import energies_of, lowest, values_of
from nnrep.figures.statistics import FEWEST, combined, differ, falls, lower

BASELINE = "baseline"
SOURCE = "figure 9"
NOT_RUN = "no setting without a diverged run, or nothing to compare it with"


def kinds_of(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The runs by number of eigenvectors, the fewest first, and those of the baseline at the end."""
    mapped, plain = runs[runs["reparam"] == "cg"], runs[runs["reparam"] == "none"]
    # Two settings may ask for one number in two ways: their runs are the same ones.
    once = mapped.drop_duplicates(["modes", "seed"])
    found = {f"{modes} eigenvectors": rows for modes, rows in once.groupby("modes")}
    return found | ({BASELINE: plain} if len(plain) else {})


def repeated(summary: pd.DataFrame) -> list[str]:
    """Every setting."""
    return summary["config_hash"].astype(str).tolist()


def claims(evidence: Evidence) -> list[Claim]:
    """Whether the number of eigenvectors matters, which one is best, and whether it beats the baseline."""
    fresh = kinds_of(evidence.repeats)
    mapped = {name: rows for name, rows in fresh.items() if name != BASELINE}
    best = _best(evidence.summary)
    return [
        _matters(mapped),
        _more_is_lower(mapped, evidence.repeats),
        _best_of_all(mapped, best),
        _below_baseline(fresh, best),
        _all_below_baseline(fresh),
    ]


def _best(summary: pd.DataFrame) -> str:
    """The number of eigenvectors with the lowest mean energy in the grid; of none if all diverged."""
    setting = lowest(summary[summary["reparam"] == "cg"])
    return "" if setting is None else f"{setting['modes']} eigenvectors"


def _means(kinds: dict[str, pd.DataFrame]) -> str:
    return ", ".join(f"{name} {energies_of(rows).mean():.1f}" for name, rows in kinds.items())


def _enough(mapped: dict[str, pd.DataFrame]) -> bool:
    """Whether there are runs enough of each number."""
    return all(len(rows) >= FEWEST for rows in mapped.values())


def _matters(mapped: dict[str, pd.DataFrame]) -> Claim:
    chance, verdict = differ([energies_of(rows).to_numpy() for rows in mapped.values()])
    verdict = verdict if _enough(mapped) else Verdict.undecided
    measured = f"means of fresh seeds: {_means(mapped)}; Kruskal and Wallis's p {chance:.2g}"
    return Claim("the number of eigenvectors decides how low CG ends", SOURCE, measured, verdict)


def _more_is_lower(mapped: dict[str, pd.DataFrame], none: pd.DataFrame) -> Claim:
    runs = pd.concat(mapped.values()) if mapped else none.iloc[:0]
    tau, verdict = falls(runs["modes"], values_of(runs, "energy"))
    verdict = verdict if _enough(mapped) else Verdict.undecided
    measured = f"Kendall's tau of number and energy {tau:+.2f} over {len(runs)} fresh runs"
    return Claim("more eigenvectors end lower", "ours, of figure 9", measured, verdict)


def _best_of_all(mapped: dict[str, pd.DataFrame], best: str) -> Claim:
    claim = "the best number of eigenvectors of the grid ends lower than every other number"
    others = {name: rows for name, rows in mapped.items() if name != best}
    if best not in mapped or not others:
        return Claim(claim, SOURCE, NOT_RUN, Verdict.undecided)
    ours = energies_of(mapped[best])
    seen = {name: lower(ours.to_numpy(), energies_of(rows).to_numpy()) for name, rows in others.items()}
    told = ", ".join(f"{name} {difference}" for name, (difference, _) in seen.items())
    measured = f"{best}: mean of {len(ours)} fresh seeds {ours.mean():.1f}; less that of {told}"
    return Claim(claim, SOURCE, measured, combined([verdict for _, verdict in seen.values()]))


def _below_baseline(fresh: dict[str, pd.DataFrame], best: str) -> Claim:
    claim = "CG with the best number of eigenvectors ends lower than the baseline"
    if best not in fresh or BASELINE not in fresh:
        return Claim(claim, SOURCE, NOT_RUN, Verdict.undecided)
    ours, theirs = (energies_of(fresh[name]) for name in (best, BASELINE))
    seen, verdict = lower(ours.to_numpy(), theirs.to_numpy())
    measured = f"{best} {ours.mean():.1f}, baseline {theirs.mean():.1f}; difference {seen}"
    return Claim(claim, SOURCE, measured, verdict)


def _all_below_baseline(fresh: dict[str, pd.DataFrame]) -> Claim:
    claim = "CG ends lower than the baseline with every number of eigenvectors"
    mapped = {name: rows for name, rows in fresh.items() if name != BASELINE}
    if not mapped or BASELINE not in fresh:
        return Claim(claim, "ours, of figure 9", NOT_RUN, Verdict.undecided)
    theirs = energies_of(fresh[BASELINE]).to_numpy()
    seen = {name: lower(energies_of(rows).to_numpy(), theirs) for name, rows in mapped.items()}
    told = ", ".join(f"{name} {difference}" for name, (difference, _) in seen.items())
    verdict = combined([verdict for _, verdict in seen.values()])
    return Claim(claim, "ours, of figure 9", f"differences of means: {told}", verdict)
