"""What a figure of the paper is made of."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture


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


class Evidence(NamedTuple):
    """What a figure is drawn from.

    Attributes:
        runs: a row a run.
        summary: a row a setting, see `nnrep.figures.summary`.
        repeats: runs of chosen settings with seeds of their own: how settings were picked says nothing there.
        as_published: whether the system is the paper's but for its size.
        positions: name of a run -> where it ended, (n, d).
    """

    runs: pd.DataFrame
    summary: pd.DataFrame
    repeats: pd.DataFrame
    as_published: bool
    positions: Callable[[str], np.ndarray]


class Figure(NamedTuple):
    """A figure of the paper.

    Attributes:
        name: of its experiment in `configs/`, and of its files.
        title: what it shows.
        needs_positions: whether runs keep where they ended.
        repeated: from the summary, which settings (by hash) are run again with fresh seeds.
        draw: makes the picture.
        claims: judges what the paper says of it.
        caption: how the picture is to be read.
    """

    name: str
    title: str
    needs_positions: bool
    repeated: Callable[[pd.DataFrame], list[str]]
    draw: Callable[[Evidence], Picture]
    claims: Callable[[Evidence], list[Claim]]
    caption: str


def nothing_repeated(summary: pd.DataFrame) -> list[str]:
    """For a figure that does not pick among its settings."""
    return []


def save_picture(picture: Picture, folder: Path, name: str) -> None:
    """Write NAME.png and NAME.pdf."""
    picture.savefig(folder / f"{name}.png", dpi=150)
    picture.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})


def claims_table(claims: list[Claim]) -> pd.DataFrame:
    """Claims as a table."""
    rows = [{**claim._asdict(), "verdict": claim.verdict.value} for claim in claims]
    return pd.DataFrame(rows, columns=list(Claim._fields))
