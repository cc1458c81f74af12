"""What the paper's figure 4 says."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from nnrep.figures.fig4_pairs import NEAR, PROBLEM, geometric, pairs_of, whole
from nnrep.figures.figure import Claim, Evidence, Verdict
from nnrep.figures.statistics import FEWEST, Difference, below, combined, lower

SIX = ("2JOF", "1UNC", "1PLW", "3GB1", "2WXC", "5AWL")
FOLDED = ("2JOF", "1UNC")
NEAR_ONE = 0.01  # what we take "near 1" for
LEVEL = f"{NEAR:.3f} kJ/mol above the higher of the two lowest energies"
Judge = Callable[[pd.DataFrame], tuple[str, Verdict]]


def claims(evidence: Evidence) -> list[Claim]:
    """Every claim for every force field and start, the paper's first."""
    pairs = pairs_of(evidence)
    if pairs.empty:
        told = "no start was run by both, once a seed"
        return [Claim("GNN is faster than FG for all six proteins", "figure 4a", told, Verdict.undecided)]
    found = []
    for potential, start in pairs[PROBLEM[:2]].drop_duplicates().itertuples(index=False):
        rows = pairs[(pairs["potential"] == potential) & (pairs["start"] == start)]
        found += _claims(rows, f"{potential}, {start} start")
    return found


def _claims(pairs: pd.DataFrame, where: str) -> list[Claim]:
    return [
        _of_all(
            pairs,
            SIX,
            f"{where}: GNN is faster than FG for all six proteins, each run by its own stopping rule",
            "figure 4a (plot: 1.6 to 3.0 times)",
            _is_faster("speedup"),
        ),
        _of_all(
            pairs,
            SIX,
            f"{where}: GNN is faster than FG for all six proteins to one and the same energy",
            f"ours, of figure 4a; {LEVEL}",
            _is_faster("speedup_energy"),
        ),
        _of_all(
            pairs,
            SIX,
            f"{where}: GNN takes fewer steps than FG for all six proteins to one and the same energy",
            f"ours, of figure 4a: what would be left if steps cost the same; {LEVEL}",
            _is_faster("speedup_steps"),
        ),
        _of_all(
            pairs,
            SIX,
            f"{where}: the energy factor is within {100 * NEAR_ONE:.0f} % of 1 for all six proteins",
            f"figure 4a (plot: 0.998 to 1.001); the {100 * NEAR_ONE:.0f} % are ours",
            _is_near_one,
        ),
        _of_all(
            pairs,
            FOLDED,
            f"{where}: GNN ends nearer to the native structure for {' and '.join(FOLDED)}",
            "figure 4b",
            _is_nearer,
        ),
    ]


def _of_all(pairs: pd.DataFrame, wanted: tuple[str, ...], claim: str, source: str, judge: Judge) -> Claim:
    """A claim of several proteins: open while one of them is not there, unless another refutes it."""
    parts, verdicts = [], []
    for name in pairs["structure"].unique():
        told, verdict = judge(pairs[pairs["structure"] == name])
        parts.append(f"{name} {told}")
        verdicts += [verdict] if name in wanted else []
    missing = [name for name in wanted if name not in set(pairs["structure"])]
    if missing:
        parts.append(f"not run: {', '.join(missing)}")
        verdicts.append(Verdict.undecided)
    return Claim(claim, source, "; ".join(parts), combined(verdicts))


def _is_faster(ratio: str) -> Judge:
    """Student's interval of the logarithm of a ratio against 0."""

    def judge(pairs: pd.DataFrame) -> tuple[str, Verdict]:
        values = pairs[ratio].to_numpy(float)
        with np.errstate(divide="ignore"):
            seen, verdict = below(-np.log(values), 0.0)
        told = _times(seen) if np.isfinite(seen.mean) else f"{geometric(whole(pairs)[ratio])[0]:.2f} times"
        return f"{told}{_ends(pairs)}", verdict

    return judge


def _times(seen: Difference) -> str:
    """A difference of logarithms, as a ratio."""
    mean, high, low = (np.exp(-value) for value in seen)
    return f"{mean:.2f} times ({low:.2f} to {high:.2f})"


def _ends(pairs: pd.DataFrame) -> str:
    """How many runs came to no end of their own."""
    limited, broken = int(pairs["limited"].sum()), len(pairs) - len(whole(pairs))
    parts = [f"{limited} of {2 * len(pairs)} runs at max_steps"] if limited else []
    parts += [f"{broken} of {len(pairs)} pairs diverged"] if broken else []
    return f" [{', '.join(parts)}]" if parts else ""


def _is_near_one(pairs: pd.DataFrame) -> tuple[str, Verdict]:
    """Whether Student's interval of the mean factor lies within its bounds; energies are told as well."""
    factor = pairs["factor"].to_numpy(float)
    seen, _ = below(factor, 1.0)
    inside = seen.low > -NEAR_ONE and seen.high < NEAR_ONE
    outside = seen.low > NEAR_ONE or seen.high < -NEAR_ONE
    known = len(pairs) >= FEWEST and bool((factor > 0).all())  # of both signs it says nothing
    verdict = Verdict.holds if inside else Verdict.fails if outside else Verdict.undecided
    good = whole(pairs)
    interval = f" ({1 + seen.low:.4f} to {1 + seen.high:.4f})" if np.isfinite(seen.mean) else ""
    told = f"{good['factor'].mean():.4f}{interval}, GNN - FG {good['difference'].mean():+.4g} kJ/mol"
    return told, verdict if known else Verdict.undecided


def _is_nearer(pairs: pd.DataFrame) -> tuple[str, Verdict]:
    fg, gnn = (pairs[f"rmsd_{name}"].to_numpy(float) for name in ("fg", "gnn"))
    seen, verdict = lower(gnn, fg)
    return f"GNN {gnn.mean():.2f} A, FG {fg.mean():.2f} A, difference {seen}", verdict
