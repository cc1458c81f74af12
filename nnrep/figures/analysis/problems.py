"""What is minimised, in figures that compare methods on several problems."""

from typing import NamedTuple

import pandas as pd


class MinimizationProblem(NamedTuple):
    """What is minimised: a force field, a start, a structure."""

    potential: str
    start: str
    structure: str


PROBLEM_COLUMNS = list(MinimizationProblem._fields)


def problems_of(table: pd.DataFrame) -> list[MinimizationProblem]:
    """The problems of a table of runs or settings, in its order."""
    rows = table[PROBLEM_COLUMNS].drop_duplicates()
    return [MinimizationProblem(*map(str, row)) for row in rows.itertuples(index=False)]


def of_problem(table: pd.DataFrame, problem: MinimizationProblem) -> pd.DataFrame:
    """The rows of one problem."""
    for name, value in problem._asdict().items():
        table = table[table[name] == value]
    return table
