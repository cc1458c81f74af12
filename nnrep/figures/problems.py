"""What is minimised, in figures that compare methods on several problems."""

from typing import NamedTuple

import pandas as pd


class Problem(NamedTuple):
    """What is minimised: a force field, a start, a structure."""

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
