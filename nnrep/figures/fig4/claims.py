"""Figure 4's claims, for every force field and start."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from nnrep.figures.analysis.statistics import (
    FEWEST,
    Difference,
    below,
    combined,
    difference_from,
    refuting_confidence,
)
from nnrep.figures.claim import Claim, Verdict, Whose, on_wall_time
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig4.pairs import geometric, pairs_of, whole
from nnrep.figures.fig4.proteins import NEARER_PROTEINS, SIX_PROTEINS
from nnrep.figures.needs import runs_needed, steps_needed
from nnrep.figures.proteins import (
    CHEMICAL_ACCURACY,
    FITTED_TO_START,
    NEAR_COPIES,
    clamp_caveats,
    cut_caveats,
    descent_need,
    force_field_need,
    limited_of,
    network_need,
    rate_caveats,
    stopping_need,
)
from nnrep.systems.protein import Start

NEAR_ONE = 0.01  # what we take "near 1" for
LEVEL = f"{CHEMICAL_ACCURACY:.3f} kJ/mol above the higher of the two lowest energies"
FACTOR_OF_PAIRS = (
    "the factor is the mean over pairs, not the ratio of the mean energies: they differ where runs of a pair "
    "end in different minima"
)
SAME_COST = "what would be left if steps cost the same"
ONE_START = "from one start of each protein, which seeds move by 0.01 A: another start may end otherwise"
SMALL_DIFFERENCE = (
    f"a difference of less than {CHEMICAL_ACCURACY:.3f} kJ/mol may be one of where runs stop on the way to "
    "the same minimum"
)
CAVEATS = (
    "the paper does not say of which start and force field figure 4 is: all four are given",
    NEAR_COPIES,
)
PAIR_NEEDS = (network_need(300), descent_need(), stopping_need(), steps_needed(5000), runs_needed(10))
# Questions of ours are asked of any energy.
PAPER_NEEDS = (*PAIR_NEEDS, force_field_need("amber14", "amber14_uncorrected"))
# The pairs of one protein, and of how many it is one -> what was measured, and what follows.
PairsTest = Callable[[pd.DataFrame, int], tuple[str, Verdict]]


def claims_of(evidence: Evidence) -> list[Claim]:
    """Every claim for every force field and start, the paper's first."""
    pairs = pairs_of(evidence)
    if pairs.empty:
        claim, measured = (
            "GNN is faster than FG for all six proteins",
            "no start was run by both, once a seed",
        )
        return [Claim(claim, "figure 4a", measured, Verdict.not_tested)]
    claims = []
    others = (*CAVEATS, *clamp_caveats(evidence), *rate_caveats(evidence))
    for potential, start in pairs[["potential", "start"]].drop_duplicates().itertuples(index=False):
        rows = pairs[(pairs["potential"] == potential) & (pairs["start"] == start)]
        own = evidence.runs["potential"].eq(potential) & evidence.runs["start"].eq(start)
        cut = cut_caveats(evidence, evidence.runs[own])
        caveats = (*others, *cut, *([] if start == Start.native.value else [FITTED_TO_START, ONE_START]))
        claims += _claims_of_pairs(rows, f"{potential}, {start} start", caveats)
    return claims


class _Test(NamedTuple):
    """A claim of several proteins, how each of them is tested, and whether that is by wall time."""

    claim: str
    source: str
    proteins: tuple[str, ...]
    test: PairsTest
    of: Whose
    caveats: tuple[str, ...] = ()
    timed: bool = False


def _claims_of_pairs(pairs: pd.DataFrame, where: str, caveats: tuple[str, ...]) -> list[Claim]:
    """The claims for one force field and start, with the caveats of all of them."""
    near = f"{100 * NEAR_ONE:.0f} %"
    tests = [
        _Test(
            "GNN is faster than FG for all six proteins, each run by its own stopping rule",
            "figure 4a, caption (plot: 1.6 to 3.0 times)",
            SIX_PROTEINS,
            _is_faster("speedup"),
            Whose.paper,
            timed=True,
        ),
        _Test(
            "GNN converges to a higher energy than FG for all six proteins",
            "figure 4a, caption",
            SIX_PROTEINS,
            _is_higher,
            Whose.paper,
            caveats=(SMALL_DIFFERENCE,),
        ),
        _Test(
            f"GNN ends nearer to the native structure for {' and '.join(NEARER_PROTEINS)}",
            "figure 4b, caption",
            NEARER_PROTEINS,
            _is_nearer,
            Whose.paper,
        ),
        _Test(
            f"the energy factor is within {near} of 1 for all six proteins",
            "figure 4a (plot: 0.998 to 1.001)",
            SIX_PROTEINS,
            _is_near_one,
            Whose.paper,
            (f"the {near} are ours", FACTOR_OF_PAIRS),
        ),
        _Test(
            "GNN is faster than FG for all six proteins to one and the same energy",
            "of figure 4a",
            SIX_PROTEINS,
            _is_faster("speedup_energy"),
            Whose.ours,
            (LEVEL,),
            timed=True,
        ),
        _Test(
            "GNN takes fewer steps than FG for all six proteins to one and the same energy",
            "of figure 4a",
            SIX_PROTEINS,
            _is_faster("speedup_steps"),
            Whose.ours,
            (LEVEL, SAME_COST),
        ),
    ]
    return [_of_all(pairs, where, each, caveats) for each in tests]


def _of_all(pairs: pd.DataFrame, where: str, tested: _Test, caveats: tuple[str, ...]) -> Claim:
    """A claim of several proteins: not tested while one of them was not run, unless another refutes it."""
    parts, verdicts = [], []
    for name in pairs["structure"].unique():
        own = pairs[pairs["structure"] == name]
        measured, verdict = tested.test(own, len(tested.proteins))
        parts.append(f"{name} {measured}{_unfinished(own)}")
        verdicts += [verdict] if name in tested.proteins else []
    missing = [name for name in tested.proteins if name not in set(pairs["structure"])]
    if missing:
        parts.append(f"not run: {', '.join(missing)}")
        verdicts.append(Verdict.not_tested)
    claim = Claim(
        f"{where}: {tested.claim}",
        tested.source,
        "; ".join(parts),
        combined(verdicts),
        tested.of,
        PAPER_NEEDS if tested.of is Whose.paper else PAIR_NEEDS,
        (*caveats, *tested.caveats),
    )
    return on_wall_time(claim) if tested.timed else claim


def _is_faster(ratio: str) -> PairsTest:
    """Student's interval of the logarithm of a ratio against 0."""

    def test(pairs: pd.DataFrame, proteins: int) -> tuple[str, Verdict]:
        values = pairs[ratio].to_numpy(float)
        with np.errstate(divide="ignore"):
            seen, verdict = below(-np.log(values), 0.0, proteins)
        known = np.isfinite(seen.mean)
        measured = _times(seen) if known else f"{geometric(whole(pairs)[ratio])[0]:.2f} times"
        return measured, verdict

    return test


def _times(seen: Difference) -> str:
    """A difference of logarithms, as a ratio."""
    mean, high, low = (np.exp(-value) for value in seen)
    return f"{mean:.2f} times ({low:.2f} to {high:.2f})"


def _unfinished(pairs: pd.DataFrame) -> str:
    """How many runs were not ended by their stopping rule."""
    broken = len(pairs) - len(whole(pairs))
    parts = [limited_of(int(pairs["limited"].sum()), 2 * len(pairs))]
    parts += [f"{broken} of {len(pairs)} pairs diverged"] if broken else []
    text = ", ".join(filter(None, parts))
    return f" [{text}]" if text else ""


def _is_near_one(pairs: pd.DataFrame, proteins: int) -> tuple[str, Verdict]:
    """Whether Student's interval of the mean factor lies within its bounds; energies are quoted as well."""
    factor = pairs["factor"].to_numpy(float)
    seen = difference_from(factor, 1.0)
    refuting = difference_from(factor, 1.0, refuting_confidence(proteins))
    inside = seen.low > -NEAR_ONE and seen.high < NEAR_ONE
    outside = refuting.low > NEAR_ONE or refuting.high < -NEAR_ONE
    known = len(pairs) >= FEWEST and bool((factor > 0).all())  # of both signs it says nothing
    verdict = Verdict.holds if inside else Verdict.fails if outside else Verdict.undecided
    good = whole(pairs)
    interval = f" ({1 + seen.low:.4f} to {1 + seen.high:.4f})" if np.isfinite(seen.mean) else ""
    measured = f"{good['factor'].mean():.4f}{interval}, GNN - FG {good['difference'].mean():+.4g} kJ/mol"
    return measured, verdict if known else Verdict.undecided


def _is_nearer(pairs: pd.DataFrame, proteins: int) -> tuple[str, Verdict]:
    """Student's interval of the differences of pairs."""
    fg, gnn = (pairs[f"rmsd_{name}"].to_numpy(float) for name in ("fg", "gnn"))
    seen, verdict = below(_differences(gnn, fg), 0.0, proteins)
    return f"GNN {gnn.mean():.2f} A, FG {fg.mean():.2f} A, difference {seen}", verdict


def _is_higher(pairs: pd.DataFrame, proteins: int) -> tuple[str, Verdict]:
    """Student's interval of the differences of pairs."""
    fg, gnn = (pairs[f"energy_{name}"].to_numpy(float) for name in ("fg", "gnn"))
    seen, verdict = below(_differences(fg, gnn), 0.0, proteins)
    return f"FG {fg.mean():.1f}, GNN {gnn.mean():.1f}, FG less GNN {seen} kJ/mol", verdict


def _differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of each pair; NaN, which leaves it open, where both have diverged."""
    with np.errstate(invalid="ignore"):
        return first - second
