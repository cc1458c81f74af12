"""Figure 9's runs by their number of eigenvectors, and their table."""

import numpy as np
import pandas as pd

from nnrep.figures.analysis.labels import COARSE_GRAINED, PLAIN
from nnrep.figures.analysis.selection import distinct_energies, energies_of
from nnrep.figures.analysis.statistics import deviation, difference
from nnrep.figures.evidence import Evidence

BASELINE_NAME = "baseline"  # the figure's name of plain minimisation


def kinds_of(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The runs by number of eigenvectors, the fewest first, and those of the baseline at the end."""
    mapped, plain = runs[runs["reparam"] == COARSE_GRAINED], runs[runs["reparam"] == PLAIN]
    # Two settings may ask for one number in two ways: their runs are the same ones.
    once = mapped.drop_duplicates(["modes", "seed"])
    kinds = {f"{modes} eigenvectors": rows for modes, rows in once.groupby("modes")}
    return kinds | ({BASELINE_NAME: plain} if len(plain) else {})


def repeated(summary: pd.DataFrame) -> list[str]:
    """Every setting."""
    return summary["config_hash"].astype(str).tolist()


def tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """A row a number of eigenvectors: the grid's runs, and the fresh ones."""
    fresh_kinds = kinds_of(evidence.repeats)
    rows = []
    for name, runs in kinds_of(evidence.runs).items():
        fresh = fresh_kinds.get(name, runs.iloc[:0])
        row = {"eigenvectors": name, "runs": len(runs)}
        row |= {"lowest energy": energies_of(runs).min(), "mean": energies_of(runs).mean()}
        row |= {"fresh runs": len(fresh), "fresh mean": energies_of(fresh).mean()}
        row |= {"std": deviation(energies_of(fresh)), "fresh lowest": energies_of(fresh).min()}
        row |= {"distinct energies": distinct_energies(fresh)}
        row |= _against(fresh, None if name == BASELINE_NAME else fresh_kinds.get(BASELINE_NAME))
        row |= {"RMSD CA / A": runs["rmsd_ca"].mean(), "fresh RMSD CA / A": fresh["rmsd_ca"].mean()}
        rows.append(row)
    return {"by_eigenvectors": pd.DataFrame(rows)}


def _against(runs: pd.DataFrame, baseline: pd.DataFrame | None) -> dict[str, float]:
    """Mean energy less that of the baseline, and Welch's interval; nothing without one."""
    names = ("less baseline", "from", "to")
    if baseline is None:
        return dict.fromkeys(names, np.nan)
    return dict(zip(names, difference(energies_of(runs), energies_of(baseline)), strict=True))
