"""What a figure of the paper is made of."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture

from nnrep.choices.defaults import config_folder
from nnrep.config.schema import RunConfig
from nnrep.figures.claim import Claim
from nnrep.figures.comparison import Comparison
from nnrep.figures.evidence import Evidence


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


def no_comparisons(summary: pd.DataFrame) -> list[Comparison]:
    """For a figure that adds no seeds."""
    return []


def any_setting(config: RunConfig) -> None:
    """For a figure that takes whatever its experiment allows."""


class Figure(NamedTuple):
    """A figure of the paper.

    Attributes:
        name: that of its module, of its experiment in `configs/`, and of its files.
        title: what it shows.
        needs_positions: whether final positions of runs are kept.
        repeated: from the summary, which settings (by hash) are run again with fresh seeds.
        fresh_seeds: how many of these there are at least, in full; else four times as many as seeds.
        draw: makes the picture.
        claims: tests what the paper says of it.
        caption: how the picture is to be read.
        needs_histories: whether histories of runs are kept.
        needs_fresh_histories: whether those of runs with fresh seeds are kept.
        tables: name of a file -> a table of its own.
        arrays: name of a file -> arrays of its own, by name.
        notes: what else is to be known of it, a sentence each.
        fixed_grid: whether it knows no settings but those of its grids: other keys have one value each.
        check: raises `ConfigError` for a setting that it cannot tell anything of.
        comparisons: from the summary, for which settings `power=0.8` adds seeds.
        most_seeds: the largest budget of these.
        known_seeds: how many fresh seeds were known when they were chosen, at most; see `Comparison.known`.
    """

    name: str
    title: str
    needs_positions: bool
    repeated: Callable[[pd.DataFrame], list[str]]
    draw: Callable[[Evidence], Picture]
    claims: Callable[[Evidence], list[Claim]]
    caption: str
    fresh_seeds: int = 0
    needs_histories: bool = False
    needs_fresh_histories: bool = False
    tables: Callable[[Evidence], dict[str, pd.DataFrame]] = no_tables
    arrays: Callable[[Evidence], dict[str, dict[str, np.ndarray]]] = no_arrays
    notes: Callable[[Evidence], list[str]] = no_notes
    fixed_grid: bool = False
    check: Callable[[RunConfig], None] = any_setting
    comparisons: Callable[[pd.DataFrame], list[Comparison]] = no_comparisons
    most_seeds: int = 0
    known_seeds: int = 0

    @property
    def beyond(self) -> bool:
        """Whether there is an experiment NAME_beyond, of what the paper does not have."""
        return (config_folder() / "experiment" / f"{self.name}_beyond.yaml").is_file()

    @property
    def adds_seeds(self) -> bool:
        """Whether it compares settings, to which `power` adds seeds."""
        return self.comparisons is not no_comparisons
