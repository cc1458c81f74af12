"""A sentence of the paper, and what the numbers say of it."""

from enum import Enum
from typing import NamedTuple

import pandas as pd


class Verdict(Enum):
    """What the numbers say of a claim."""

    holds = "holds"
    fails = "does not hold"
    undecided = "undecided"


class Claim(NamedTuple):
    """A sentence of the paper, or of ours, and what was measured.

    Attributes:
        claim: what is said.
        source: where.
        measured: the numbers.
        verdict: what follows.
    """

    claim: str
    source: str
    measured: str
    verdict: Verdict


def claims_table(claims: list[Claim]) -> pd.DataFrame:
    """Claims as a table."""
    rows = [{**claim._asdict(), "verdict": claim.verdict.value} for claim in claims]
    return pd.DataFrame(rows, columns=list(Claim._fields))
