"""Which runs and settings of figure 8 belong together."""

import pandas as pd

from nnrep.figures.methods import lowest
from nnrep.figures.problems import Problem, of_problem, problems_of

CG, GD = "cg", "none"


def best_of(summary: pd.DataFrame, problem: Problem, reparam: str) -> pd.Series | None:
    """The setting of a method with the lowest mean energy; None if there is none without a diverged run."""
    settings = of_problem(summary, problem)
    return lowest(settings[settings["reparam"] == reparam])


def repeated(summary: pd.DataFrame) -> list[str]:
    """Of every problem the best setting of CG, and GD."""
    picked = [best_of(summary, problem, name) for problem in problems_of(summary) for name in (CG, GD)]
    return [str(setting["config_hash"]) for setting in picked if setting is not None]
