"""Figure 8's table: CG beside GD."""

from typing import Any

import numpy as np
import pandas as pd

from nnrep.figures.analysis.labels import COARSE_GRAINED, PLAIN
from nnrep.figures.analysis.problems import MinimizationProblem, of_problem, problems_of
from nnrep.figures.analysis.selection import distinct_energies, energies_of, values_of
from nnrep.figures.analysis.statistics import deviation, difference
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.evidence import Evidence

COMPARISON_COLUMNS = [
    *("potential", "start", "structure", "atoms", "modes", "modes / atoms", "runs"),
    *("E CG", "std", "E GD", "std GD", "E start CG", "E start GD", "distinct CG", "distinct GD"),
    *("CG - GD", "from", "to", "t CG, mean / s", "t GD, mean / s", "t CG / t GD, of means"),
]


def tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """CG beside GD: a row a problem and number of modes."""
    runs = with_times(evidence.runs)
    rows = []
    for problem in problems_of(evidence.summary):
        own = of_problem(runs, problem)
        plain = own[own["reparam"] == PLAIN]
        for _, mapped in own[own["reparam"] == COARSE_GRAINED].groupby("config_hash", sort=False):
            rows.append(_row(problem, mapped, plain))
    return {"cg_against_gd": pd.DataFrame(rows, columns=COMPARISON_COLUMNS)}


def _row(problem: MinimizationProblem, mapped: pd.DataFrame, plain: pd.DataFrame) -> dict[str, Any]:
    """The runs of one setting of CG beside those of GD."""
    both = (mapped, plain)
    n, modes = (int(mapped[name].iloc[0]) for name in ("n", "modes"))
    energies = [part for runs in both for part in (energies_of(runs).mean(), deviation(energies_of(runs)))]
    energies_start = [runs["energy_start"].mean() for runs in both]
    distinct = [distinct_energies(runs) for runs in both]
    interval = difference(energies_of(mapped), energies_of(plain))
    times = [values_of(runs, "time_s").mean() for runs in both]
    ratio = times[0] / times[1] if np.isfinite(times).all() else np.nan
    row = [*problem, n, modes, modes / n, len(mapped), *energies, *energies_start, *distinct]
    return dict(zip(COMPARISON_COLUMNS, [*row, *interval, *times, ratio], strict=True))
