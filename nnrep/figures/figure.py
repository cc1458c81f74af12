"""What a figure of the paper is made of."""

import io
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture

from nnrep.config.schema import RunConfig
from nnrep.host.cache import write_whole
from nnrep.structures.molecule import Molecule


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
        histories: name of a run -> how it went there: stage, step, time_s, energy and what a system measures.
        molecules: the native structures, by name.
        missing: structures that could not be had -> why.
        configs: the configuration of every setting.
    """

    runs: pd.DataFrame
    summary: pd.DataFrame
    repeats: pd.DataFrame
    as_published: bool
    positions: Callable[[str], np.ndarray]
    histories: Callable[[str], pd.DataFrame]
    molecules: Mapping[str, Molecule]
    missing: Mapping[str, str]
    configs: Sequence[RunConfig]


def nothing_repeated(summary: pd.DataFrame) -> list[str]:
    """For a figure that does not pick among its settings."""
    return []


def no_tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """For a figure without tables of its own."""
    return {}


def no_arrays(evidence: Evidence) -> dict[str, dict[str, np.ndarray]]:
    """For a figure without arrays of its own."""
    return {}


def no_notes(evidence: Evidence) -> list[str]:
    """For a figure of which nothing more is to be said."""
    return []


def any_setting(config: RunConfig) -> None:
    """For a figure that takes whatever its experiment allows."""


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
        needs_histories: whether runs keep how they went there.
        tables: name of a file -> a table of its own.
        arrays: name of a file -> arrays of its own, by name.
        notes: what else is to be known of it, a sentence each.
        fixed_grid: whether it knows no settings but those of its grids: other keys have one value each.
        check: raises `ConfigError` for a setting that it cannot tell anything of.
        beyond: whether there is an experiment NAME_beyond, of what the paper does not have.
    """

    name: str
    title: str
    needs_positions: bool
    repeated: Callable[[pd.DataFrame], list[str]]
    draw: Callable[[Evidence], Picture]
    claims: Callable[[Evidence], list[Claim]]
    caption: str
    needs_histories: bool = False
    tables: Callable[[Evidence], dict[str, pd.DataFrame]] = no_tables
    arrays: Callable[[Evidence], dict[str, dict[str, np.ndarray]]] = no_arrays
    notes: Callable[[Evidence], list[str]] = no_notes
    fixed_grid: bool = False
    check: Callable[[RunConfig], None] = any_setting
    beyond: bool = True


def save_picture(picture: Picture, folder: Path, name: str) -> None:
    """Write NAME.png and NAME.pdf."""
    picture.savefig(folder / f"{name}.png", dpi=150)
    picture.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})


def save_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Write arrays as NPZ, whole or not at all."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_whole(path, content.getvalue())


def claims_table(claims: list[Claim]) -> pd.DataFrame:
    """Claims as a table."""
    rows = [{**claim._asdict(), "verdict": claim.verdict.value} for claim in claims]
    return pd.DataFrame(rows, columns=list(Claim._fields))
