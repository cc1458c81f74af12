"""What a figure is drawn from and its claims are tested with."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from nnrep.config.schema import RunConfig
from nnrep.structures.molecule import Molecule

if TYPE_CHECKING:
    from nnrep.figures.comparison import Decided


class Evidence(NamedTuple):
    """The runs of a figure.

    Attributes:
        runs: a row a run.
        summary: a row a setting, see `nnrep.figures.analysis.summary`.
        repeats: fresh runs of chosen settings, with seeds by which these settings were not chosen.
        positions: name of a run -> its final positions, (n, d).
        histories: name of a run -> its history: stage, step, time_s, energy and what a system measures.
        molecules: the native structures, by name.
        missing: structures that could not be had -> why.
        configs: the configuration of every setting.
        changed: the overrides, if some of these are none of the figure's own.
        decisions: name of a comparison -> where it stands by the seeds that were added, and their runs.
        commands: that made the runs, see `nnrep.figures.command_log`.
    """

    runs: pd.DataFrame
    summary: pd.DataFrame
    repeats: pd.DataFrame
    positions: Callable[[str], np.ndarray]
    histories: Callable[[str], pd.DataFrame]
    molecules: Mapping[str, Molecule]
    missing: Mapping[str, str]
    configs: Sequence[RunConfig]
    decisions: Mapping[str, "Decided"] = MappingProxyType({})
    commands: pd.DataFrame = pd.DataFrame()
    changed: tuple[str, ...] = ()
