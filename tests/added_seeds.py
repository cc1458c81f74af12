"""Claims of a figure to which seeds were added: by other energies than those of its own runs."""

import re

import numpy as np
import pandas as pd
import pytest

from nnrep.figures.analysis.selection import energies_of
from nnrep.figures.comparison import decisions_of, with_runs
from nnrep.figures.evidence import Evidence
from nnrep.figures.figure import Figure

FAR = 1000.0  # from the energies of the figure's own runs


def with_added_seeds(figure: Figure, evidence: Evidence) -> Evidence:
    """Decisions of all comparisons, each side by runs whose energies are far from all others."""
    rng = np.random.default_rng(0)
    comparisons = figure.comparisons(evidence.summary)
    tables = []
    for place, name in enumerate(dict.fromkeys(each for pair in comparisons for each in pair[1:3])):
        row = evidence.runs[evidence.runs["config_hash"] == name].iloc[:1]
        runs = pd.concat([row] * 400, ignore_index=True)
        energies = FAR * (place + 1) + 30 * rng.exponential(size=len(runs))
        tables.append(runs.assign(energy=energies, seed=2**30 + np.arange(len(runs))))
    added = pd.concat(tables)
    decided = with_runs(comparisons, decisions_of(comparisons, added, 0.8), added)
    return evidence._replace(decisions=decided)


def check_quoted_means(figure: Figure, evidence: Evidence, count: int) -> None:
    """Claims that quote a decision quote the number, means and medians of its runs: these differ by it."""
    decided = with_added_seeds(figure, evidence)
    assert len(decided.decisions) == count
    claims = figure.claims(decided)
    for decision, *sides in decided.decisions.values():
        (claim,) = (claim for claim in claims if str(decision) in claim.measured)
        before = claim.measured.partition(str(decision))[0]
        numbers = [float(text) for text in re.findall(r"-?\d+\.\d+", before)]
        first, second = (energies_of(side) for side in sides)
        assert len(first) == len(second) == decision.runs
        assert first.mean() - second.mean() == pytest.approx(decision.seen.mean)
        for value in (first.mean(), second.mean(), first.median(), second.median()):
            assert any(number == pytest.approx(value, abs=0.06) for number in numbers)
        assert f" of {decision.runs}" in before
