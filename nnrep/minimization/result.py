"""What a minimisation leaves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnrep.minimization.stopping import Status

if TYPE_CHECKING:
    import pandas as pd


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


@dataclass(frozen=True)
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
    frames: Frames | None = None
