"""Figure 4's claims, for every force field and start."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from nnrep.figures.analysis.statistics import FEWEST, Difference, below, combined, lower
from nnrep.figures.claim import Claim, Verdict
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig4.pairs import CHEMICAL_ACCURACY, geometric, pairs_of, whole
from nnrep.figures.fig4.proteins import NEARER_PROTEINS, SIX_PROTEINS

NEAR_ONE = 0.01  # what we take "near 1" for
LEVEL = f"{CHEMICAL_ACCURACY:.3f} kJ/mol above the higher of the two lowest energies"
# The pairs of one protein -> what was measured, and what follows.
PairsTest = Callable[[pd.DataFrame], tuple[str, Verdict]]


def claims_of(evidence: Evidence) -> list[Claim]:
    """Every claim for every force field and start, the paper's first."""
    pairs = pairs_of(evidence)
    if pairs.empty:
        claim, measured = (
            "GNN is faster than FG for all six proteins",
            "no start was run by both, once a seed",
        )
        return [Claim(claim, "figure 4a", measured, Verdict.undecided)]
    claims = []
    for potential, start in pairs[["potential", "start"]].drop_duplicates().itertuples(index=False):
        rows = pairs[(pairs["potential"] == potential) & (pairs["start"] == start)]
        claims += _claims_of_pairs(rows, f"{potential}, {start} start")
    return claims


def _claims_of_pairs(pairs: pd.DataFrame, where: str) -> list[Claim]:
    """The claims for one force field and start."""
    return [
        _of_all(
            pairs,
            SIX_PROTEINS,
            f"{where}: GNN is faster than FG for all six proteins, each run by its own stopping rule",
            "figure 4a (plot: 1.6 to 3.0 times)",
            _is_faster("speedup"),
        ),
        _of_all(
            pairs,
            SIX_PROTEINS,
            f"{where}: GNN is faster than FG for all six proteins to one and the same energy",
            f"ours, of figure 4a; {LEVEL}",
            _is_faster("speedup_energy"),
        ),
        _of_all(
            pairs,
            SIX_PROTEINS,
            f"{where}: GNN takes fewer steps than FG for all six proteins to one and the same energy",
            f"ours, of figure 4a: what would be left if steps cost the same; {LEVEL}",
            _is_faster("speedup_steps"),
        ),
        _of_all(
            pairs,
            SIX_PROTEINS,
            f"{where}: the energy factor is within {100 * NEAR_ONE:.0f} % of 1 for all six proteins",
            f"figure 4a (plot: 0.998 to 1.001); the {100 * NEAR_ONE:.0f} % are ours",
            _is_near_one,
        ),
        _of_all(
            pairs,
            NEARER_PROTEINS,
            f"{where}: GNN ends nearer to the native structure for {' and '.join(NEARER_PROTEINS)}",
            "figure 4b",
            _is_nearer,
        ),
    ]


def _of_all(pairs: pd.DataFrame, wanted: tuple[str, ...], claim: str, source: str, test: PairsTest) -> Claim:
    """A claim of several proteins: not tested while one of them was not run, unless another refutes it."""
    parts, verdicts = [], []
    for name in pairs["structure"].unique():
        measured, verdict = test(pairs[pairs["structure"] == name])
        parts.append(f"{name} {measured}")
        verdicts += [verdict] if name in wanted else []
    missing = [name for name in wanted if name not in set(pairs["structure"])]
    if missing:
        parts.append(f"not run: {', '.join(missing)}")
        verdicts.append(Verdict.not_tested)
    return Claim(claim, source, "; ".join(parts), combined(verdicts))


def _is_faster(ratio: str) -> PairsTest:
    """Student's interval of the logarithm of a ratio against 0."""

    def test(pairs: pd.DataFrame) -> tuple[str, Verdict]:
        values = pairs[ratio].to_numpy(float)
        with np.errstate(divide="ignore"):
            seen, verdict = below(-np.log(values), 0.0)
        known = np.isfinite(seen.mean)
        measured = _times(seen) if known else f"{geometric(whole(pairs)[ratio])[0]:.2f} times"
        return f"{measured}{_unfinished(pairs)}", verdict

    return test


def _times(seen: Difference) -> str:
    """A difference of logarithms, as a ratio."""
    mean, high, low = (np.exp(-value) for value in seen)
    return f"{mean:.2f} times ({low:.2f} to {high:.2f})"


def _unfinished(pairs: pd.DataFrame) -> str:
    """How many runs were not ended by their stopping rule."""
    limited, broken = int(pairs["limited"].sum()), len(pairs) - len(whole(pairs))
    parts = [f"{limited} of {2 * len(pairs)} runs at max_steps"] if limited else []
    parts += [f"{broken} of {len(pairs)} pairs diverged"] if broken else []
    return f" [{', '.join(parts)}]" if parts else ""


def _is_near_one(pairs: pd.DataFrame) -> tuple[str, Verdict]:
    """Whether Student's interval of the mean factor lies within its bounds; energies are quoted as well."""
    factor = pairs["factor"].to_numpy(float)
    seen, _ = below(factor, 1.0)
    inside = seen.low > -NEAR_ONE and seen.high < NEAR_ONE
    outside = seen.low > NEAR_ONE or seen.high < -NEAR_ONE
    known = len(pairs) >= FEWEST and bool((factor > 0).all())  # of both signs it says nothing
    verdict = Verdict.holds if inside else Verdict.fails if outside else Verdict.undecided
    good = whole(pairs)
    interval = f" ({1 + seen.low:.4f} to {1 + seen.high:.4f})" if np.isfinite(seen.mean) else ""
    measured = f"{good['factor'].mean():.4f}{interval}, GNN - FG {good['difference'].mean():+.4g} kJ/mol"
    return measured, verdict if known else Verdict.undecided


def _is_nearer(pairs: pd.DataFrame) -> tuple[str, Verdict]:
    fg, gnn = (pairs[f"rmsd_{name}"].to_numpy(float) for name in ("fg", "gnn"))
    seen, verdict = lower(gnn, fg)
    return f"GNN {gnn.mean():.2f} A, FG {fg.mean():.2f} A, difference {seen}", verdict
