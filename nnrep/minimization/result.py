"""What a minimisation leaves."""

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnrep.minimization.stopping import Status

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Frames(NamedTuple):
    """Configurations on the way, of one seed after the other.

    Attributes:
        seed: (f,) whose.
        step: (f,) from the run's start.
        positions: (f, n, d).
    """

    seed: np.ndarray
    step: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)  # arrays are equal entry by entry, and long
class Result:
    """The outcome of a minimisation: arrays have a leading axis of replicas, one a seed.

    Positions are in the frame of the molecule's file, where there is one. Energies are evaluated afresh,
    those of proteins in double precision whatever the steps have.

    Times are shares: replicas of a batch run side by side, and each is charged the part of the wall
    time that its steps make of all steps, so that the sum over replicas is the wall time.

    Attributes:
        seeds: (s,) the seed of each replica.
        status: how each replica ended.
        positions: (s, n, d) final positions; the last finite ones of a diverged replica.
        positions_coarse: (s, n, d) where the stage before the last one ended, None if there was none.
        positions_start: (s, n, d) where minimisation started: the map's first output.
        energy: (s,) exact energy of the final positions, in the system's unit.
        energy_coarse: (s,) there, NaN if there was none.
        energy_start: (s,) at the start.
        gradient_rms: (s,) root mean square of the exact gradient's components at the final positions.
        steps_coarse: (s,) steps of all stages but the last, of all attempts.
        steps_fine: (s,) steps of the last one, with free positions in the paper's schedule.
        evaluations: (s,) evaluations of energy and gradient.
        history: a row a check: seed, stage, step (from the run's start), time_s, energy (the loss after
            that step, sampled where the system samples), gradient_norm (of the last step's gradient,
            with respect to what was moved), and the system's measures.
        restarts: (s,) how often a failed attempt was restarted.
        time_modes_s: (s,) of maps that take modes where their stage begins.
        time_fit_s: (s,) fitting the map to the start.
        time_compile_s: (s,) tracing and compilation.
        time_minimize_s: (s,) the loop itself.
        time_earlier_s: of these four together, what was spent before an interruption.
        name: of the system.
        energy_unit: of all energies; empty for dimensionless ones.
        length_unit: of all positions; likewise.
        stages: names of the stages that it was to go through.
        frames: configurations on the way, if they were asked for.
    """

    seeds: tuple[int, ...]
    status: tuple[Status, ...]
    positions: np.ndarray
    positions_coarse: np.ndarray | None
    positions_start: np.ndarray
    energy: np.ndarray
    energy_coarse: np.ndarray
    energy_start: np.ndarray
    gradient_rms: np.ndarray
    steps_coarse: np.ndarray
    steps_fine: np.ndarray
    evaluations: np.ndarray
    history: "pd.DataFrame"
    restarts: np.ndarray
    time_modes_s: np.ndarray
    time_fit_s: np.ndarray
    time_compile_s: np.ndarray
    time_minimize_s: np.ndarray
    time_earlier_s: float
    name: str
    energy_unit: str
    length_unit: str
    stages: tuple[str, ...]
    frames: Frames | None = None

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write all of it into one file, a NumPy archive (.npz) without pickled objects.

        A crash leaves the old file or the new one, never half of one.

        Args:
            path: of the file, which keeps this name, with or without a suffix.
            overwrite: replace a file that is there.

        Raises:
            UserError: there is such a file, or it cannot be written; the error names it.
        """
        from nnrep.minimization.result_file import save_result

        save_result(self, path, overwrite)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Result":
        """The very result that `save` wrote: the same numbers in the same types.

        Raises:
            UserError: the file cannot be read, is not whole, or holds something else; the error names it.
        """
        from nnrep.minimization.result_file import load_result

        return load_result(path)

    def to_frame(self) -> "pd.DataFrame":
        """A table with a row for each seed; `history` is the table with a row for each check.

        Columns: system, seed, status (its name), energy, energy_start, energy_coarse, gradient_rms (in
        energy_unit / length_unit), steps_coarse, steps_fine, evaluations, restarts, time_modes_s, time_fit_s,
        time_compile_s, time_minimize_s (seconds), energy_unit and length_unit (the same in all rows; empty
        without units). Tables of several results can be put below one another.
        """
        from nnrep.minimization.result_text import table

        return table(self)

    def plot(self) -> "Figure":
        """A Matplotlib figure of the energy above the lowest one, on a logarithmic axis, against steps.

        A line for each seed, with a dot where a stage ends; energies are those that the optimiser saw. The
        lowest point of all, at zero, is left out. `plot().savefig("energy.pdf")` writes it.
        """
        from nnrep.minimization.energy_picture import energy_figure

        return energy_figure(self)

    def __repr__(self) -> str:
        """The system, how its seeds ended, and their energies, in one line."""
        from nnrep.minimization.result_text import summary

        return f"<Result {summary(self)}>"

    def _repr_html_(self) -> str:
        """A table of the first seeds, for notebooks."""
        from nnrep.minimization.result_text import html_table

        return html_table(self)
