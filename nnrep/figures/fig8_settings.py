"""Which runs and settings of figure 8 belong together."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from nnrep.figures.methods import energies_of, lowest

CG, GD = "cg", "none"
SAME = 1e-3  # relative difference of energies that count as one end


class Problem(NamedTuple):
    """What is minimised: an energy, a start, a structure."""

    potential: str
    start: str
    structure: str


def problems_of(table: pd.DataFrame) -> list[Problem]:
    """The problems of a table of runs or settings, in its order."""
    rows = table[list(Problem._fields)].drop_duplicates()
    return [Problem(*map(str, row)) for row in rows.itertuples(index=False)]


def of_problem(table: pd.DataFrame, problem: Problem) -> pd.DataFrame:
    """The rows of one problem."""
    for name, value in problem._asdict().items():
        table = table[table[name] == value]
    return table


def best_of(summary: pd.DataFrame, problem: Problem, reparam: str) -> pd.Series | None:
    """The setting of a method with the lowest mean energy; None if there is none without a diverged run."""
    settings = of_problem(summary, problem)
    return lowest(settings[settings["reparam"] == reparam])


def distinct_ends(runs: pd.DataFrame) -> int:
    """How many energies runs end at, those within 0.1 % of the next one counted once."""
    energies = np.sort(energies_of(runs).to_numpy())
    finite = energies[np.isfinite(energies)]
    return int(np.sum(np.diff(finite) > SAME * abs(finite[:-1]))) + min(1, len(finite))


def repeated(summary: pd.DataFrame) -> list[str]:
    """Of every problem the best setting of CG, and GD."""
    picked = [best_of(summary, problem, name) for problem in problems_of(summary) for name in (CG, GD)]
    return [str(setting["config_hash"]) for setting in picked if setting is not None]
