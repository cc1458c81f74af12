"""The folder of a search: whose it is, and the files in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrep.dynamics.units import FS_PER_PS
from nnrep.exploration import Exploration, ExploreConfig
from nnrep.exploration.search import Ended, kept_search
from nnrep.host.cache import write_arrays
from nnrep.records.exploration.read import read_summary
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

    def holds_ended(
        self,
        wanted: dict[str, Any],
        molecule: Molecule | None,
        resume: bool,
        seeds: Sequence[int],
        min_delta: float,
        config: ExploreConfig,
    ) -> bool:
        """Whether the folder holds this very search, at its end by these limits, with all its tables.

        False if it may start or go on in it. Without its checkpoint a search that has ended goes on nowhere.

        Args:
            wanted: configuration of the search, without its limits.
            molecule: that is searched.
            resume: whether it may go on.
            seeds: of its ladders.
            min_delta: see `Search`.
            config: its limits.

        Raises:
            UserError: the folder holds other results, or the checkpoint cannot be used.
        """
        if not self._holds_own(wanted, molecule, resume, (*MODES_FILES, RUNS, HISTORY)):
            return False
        row = self._ended_row()
        if row is None or not self.checkpoint.exists():
            return row is not None
        search = kept_search(seeds, min_delta, config, self.checkpoint)
        return search.ended() is not None and search.quenches == row["quenches"]

    def holds_end(self) -> bool:
        """Whether the tables are those of a search that came to an end."""
        return self._ended_row() is not None

    def _ended_row(self) -> "pd.Series | None":
        path = self.path / EXPLORATION
        row = read_summary(path).iloc[0] if path.exists() else None
        return None if row is None or row["ended"] == Ended.interrupted.value else row

    def write_search(
        self,
        system: System,
        outcome: Exploration,
        minima: "pd.DataFrame",
        summary: "pd.DataFrame",
        structures: int,
        pictures: bool,
    ) -> None:
        """Write every file of a search but its checkpoint, which stays for one that is to go on.

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
            named = {MINIMUM.format(rank=rank): each for rank, each in enumerate(placed[:structures], 1)}
            if "native" in arrays:
                named[NATIVE_MINIMUM] = arrays["native"]
            for name, positions in named.items():
                self.write_structure(name, system.molecule, positions)
            for former in self.path.glob(MINIMUM.format(rank="*")):  # of a list that was longer
                if former.name not in named:
                    former.unlink()
        if len(outcome.frames.seed):
            step_fs = FS_PER_PS * outcome.time_step_ps
            write_trajectories(self.path, TRAJECTORY, system, outcome.frames, step_fs)
        if pictures and len(outcome.quenches):
            from nnrep.records.exploration.pictures import funnel_picture, search_picture
            from nnrep.records.style import save

            save(funnel_picture(outcome), self.path / FUNNEL)
            save(search_picture(outcome), self.path / SEARCH)
        write_table(self.path / EXPLORATION, summary)


def is_exploration(folder: Path) -> bool:
    """Whether a folder holds the results of a search."""
    return (folder / EXPLORATION).exists() and (folder / MINIMA).exists()
