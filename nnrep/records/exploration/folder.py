"""The folder of a search: whose it is, and the files in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrep.exploration import Exploration
from nnrep.exploration.search import Ended
from nnrep.host.cache import write_arrays
from nnrep.records.run_folder import (
    EXCHANGE,
    EXPLORATION,
    FUNNEL,
    HISTORY,
    MINIMA,
    MINIMUM,
    MODES_FILES,
    NATIVE_MINIMUM,
    POSITIONS,
    QUENCHES,
    RUNS,
    SEARCH,
    TRAJECTORY,
    RunFolder,
)
from nnrep.records.table import write_table
from nnrep.structures.molecule import Molecule
from nnrep.systems import System

if TYPE_CHECKING:
    import pandas as pd


class ExplorationFolder(RunFolder):
    """The folder of one search."""

    def holds_finished(self, wanted: dict[str, Any], molecule: Molecule | None, resume: bool) -> bool:
        """Whether the folder holds this very search, finished; see `RunFolder.holds_finished`."""
        others = (*MODES_FILES, RUNS, HISTORY)
        return self._holds_finished(wanted, molecule, resume, EXPLORATION, others)

    def write_search(
        self,
        system: System,
        outcome: Exploration,
        minima: "pd.DataFrame",
        summary: "pd.DataFrame",
        structures: int,
        pictures: bool,
    ) -> None:
        """Write every file of a search; one that has ended needs no checkpoint.

        Args:
            system: that was searched.
            outcome: of the search.
            minima: table of them.
            summary: table of one row.
            structures: how many of the lowest minima are written as PDB files.
            pictures: whether pictures are drawn.
        """
        from nnrep.records.trajectory import write_trajectories

        placed = [system.in_file_frame(each.minimum.positions) for each in outcome.lowest]
        arrays: dict[str, Any] = {"start": system.in_file_frame(np.asarray(system.positions)[: system.n])}
        if placed:
            arrays["minima"] = np.stack(placed)
        if outcome.native is not None:
            arrays["native"] = system.in_file_frame(outcome.native.minimum.positions)
        write_arrays(self.path / POSITIONS, arrays)
        write_table(self.path / MINIMA, minima)
        write_table(self.path / QUENCHES, outcome.quenches)
        write_table(self.path / EXCHANGE, outcome.exchange)
        if system.molecule is not None:
            named = [(MINIMUM.format(rank=rank), each) for rank, each in enumerate(placed[:structures], 1)]
            if "native" in arrays:
                named.append((NATIVE_MINIMUM, arrays["native"]))
            for name, positions in named:
                self.write_structure(name, system.molecule, positions)
        if len(outcome.frames.seed):
            write_trajectories(self.path, TRAJECTORY, system, outcome.frames)
        if pictures and len(outcome.quenches):
            from nnrep.records.exploration.pictures import funnel_picture, search_picture
            from nnrep.records.style import save

            save(funnel_picture(outcome), self.path / FUNNEL)
            save(search_picture(outcome), self.path / SEARCH)
        write_table(self.path / EXPLORATION, summary)
        if outcome.ended is not Ended.interrupted:
            self.checkpoint.unlink(missing_ok=True)


def is_exploration(folder: Path) -> bool:
    """Whether a folder holds the results of a search."""
    return (folder / EXPLORATION).exists() and (folder / MINIMA).exists()
