"""The groups of the configuration that are no choices: precision, files, recording, analysis."""

from dataclasses import field
from enum import Enum
from typing import Any

from nnrep.choices.identity import NO_PART
from nnrep.choices.settings import settings
from nnrep.errors import is_integer, require

MOST_DRAWN = 24  # in one picture


class Precision(Enum):
    """Floating-point type of positions and energies."""

    float32 = "float32"
    float64 = "float64"


@settings("config", "paths")
class PathsConfig:
    """`paths`: where files are found; no part of what a run is.

    Attributes:
        structures: folders in which entries of the Protein Data Bank are looked for first.
    """

    structures: Any

    def __post_init__(self) -> None:
        """Take one folder as a list of one, and check the types."""
        if isinstance(self.structures, str):
            self.structures = [self.structures]
        folders = self.structures
        listed = isinstance(folders, list) and all(isinstance(folder, str) for folder in folders)
        require(listed, "structures", "a folder or a list of folders", folders)


@settings("config", "record")
class RecordConfig:
    """`record`: what a run keeps beside its results.

    Attributes:
        every: write a trajectory of a frame every so many steps of a stage; null for none.
        pictures: draw the energy and the layout; no part of what a run is.
    """

    every: int | None
    pictures: bool = field(metadata=NO_PART)


@settings("config", "analysis")
class AnalysisConfig:
    """`analysis`: what `nnrep modes` computes and draws.

    Attributes:
        drawn: number of modes that are drawn, or a list of modes.
        minimize: take the Hessian's modes at a minimum, not at the start.
        robustness: compare the slow modes with those of other matrices.
        epsilons: for the modes with |lambda| < epsilon^2 max lambda, of each of these.
        frames: number of configurations along the minimisation.
    """

    drawn: Any
    minimize: bool
    robustness: bool
    epsilons: Any
    frames: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        drawn = self.drawn
        few = is_integer(drawn) and 1 <= drawn <= MOST_DRAWN
        listed = isinstance(drawn, list) and 1 <= len(drawn) <= MOST_DRAWN
        modes = listed and all(is_integer(mode) and mode >= 1 for mode in drawn)
        allowed = f"from 1 to {MOST_DRAWN}, or a list of so many modes, counted from 1"
        require(few or modes, "drawn", allowed, drawn)
        epsilons = self.epsilons
        numbers = isinstance(epsilons, list) and all(
            isinstance(epsilon, float | int) and not isinstance(epsilon, bool) for epsilon in epsilons
        )
        listed = numbers and len(epsilons) > 0 and all(0 < epsilon <= 1 for epsilon in epsilons)
        require(listed, "epsilons", "a list of numbers above 0 and at most 1", epsilons)
        require(2 <= self.frames <= 100, "frames", "from 2 (start and end) to 100", self.frames)
