"""The end of a search: the lowest minima and the native structure minimised, and the tables."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from nnrep.exploration.ladder import COLUMNS
from nnrep.exploration.minima import Met, Minima, Minimum, merged
from nnrep.exploration.quench import descend
from nnrep.exploration.result import Exploration, Lowest, described
from nnrep.exploration.search import Ended, Search
from nnrep.minimization import Result, Stage, Status
from nnrep.minimization.result import Frames
from nnrep.systems.system import System

NOWHERE = Met(0, 0, 0.0, 0, np.nan)  # of a structure that the search has not met


class Finish(NamedTuple):
    """How the lowest minima are minimised.

    Attributes:
        stages: in order.
        max_steps: most steps of all of them.
    """

    stages: Sequence[Stage]
    max_steps: int


def explored(
    search: Search,
    system: System,
    finish: Finish,
    ended: Ended,
    should_stop: Callable[[], bool],
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> Exploration:
    """What a search leaves; one that was interrupted is not minimised further.

    Args:
        search: that has ended.
        system: whose minima it has.
        finish: how the lowest ones are minimised.
        ended: why it has.
        should_stop: True leaves the rest of the minima as they are; the search then counts as interrupted.
        on_done: called with how many are minimised, and how many are to be.
    """
    config, shape, time_s = search.config, search.shape, search.time_s
    minima = merged((ladder.minima for ladder in search.ladders.values()), search.same, config.most_minima)
    native: Lowest | None = None
    results: dict[float, Result] = {}
    if ended is not Ended.interrupted:
        chosen = minima.all[: config.finished_minima]
        total = len(chosen) + (shape.native is not None)
        whole = Minima(search.same, config.most_minima, minima.all[len(chosen) :])
        for done, minimum in enumerate(chosen):
            result = None if should_stop() else _finished(system, finish, minimum.positions, should_stop)
            if result is not None and _is_better(result, minimum):
                minimum = _at_end(system, minimum, result)
                results[minimum.energy] = result
            whole.add(minimum)
            on_done(done + 1, total)
        minima = whole
        if shape.native is not None and not should_stop():
            result = _finished(system, finish, shape.native, should_stop)
            if result is not None:
                unmet = Minimum(np.nan, np.nan, shape.native, NOWHERE, 0)
                native = described(_at_end(system, unmet, result), result, shape)
        if should_stop():
            ended = Ended.interrupted
    return Exploration(
        ended=ended,
        lowest=tuple(described(each, results.get(each.energy), shape) for each in minima.all),
        native=native,
        quenches=_quenches(search),
        exchange=_exchange(search),
        frames=_frames(search, system),
        time_step_ps=config.time_step_ps,
        steps=sum(ladder.step for ladder in search.ladders.values()) * len(search.temperatures),
        time_s=time_s,
        name=system.name,
        energy_unit=system.energy_unit,
        length_unit=system.length_unit,
    )


def _finished(
    system: System, finish: Finish, positions: np.ndarray, should_stop: Callable[[], bool]
) -> Result | None:
    """The result of the schedule; None where it diverged or was to stop."""
    result = descend(system, finish.stages, positions, finish.max_steps, should_stop)
    return None if result.status[0] in (Status.interrupted, Status.diverged) else result


def _is_better(result: Result, minimum: Minimum) -> bool:
    """Whether it lies lower, or is more at rest: a stage that stalls may end at a step that goes too far."""
    lower = result.energy[0] <= minimum.energy
    return bool(lower or result.gradient_rms[0] < minimum.gradient_rms)


def _at_end(system: System, minimum: Minimum, result: Result) -> Minimum:
    return minimum._replace(
        energy=float(result.energy[0]),
        gradient_rms=float(result.gradient_rms[0]),
        positions=system.from_file_frame(result.positions[0]),
    )


def _quenches(search: Search) -> pd.DataFrame:
    rows = [row for ladder in search.ladders.values() for row in ladder.rows]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *search.shape.names])
    table.insert(2, "time_ps", table["step"] * search.config.time_step_ps)
    return table.astype(dict.fromkeys(("seed", "step", "replica", "evaluations"), int))


def _exchange(search: Search) -> pd.DataFrame:
    rows = []
    for seed, ladder in search.ladders.items():
        rungs = len(search.temperatures)
        heat = np.mean(ladder.heat, axis=0) if ladder.heat else np.full(rungs, np.nan)
        attempts, accepted = (
            np.append(ladder.exchange[name], np.nan) if ladder.heat else np.full(rungs, np.nan)
            for name in ("attempts", "accepted")
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            acceptance = accepted / attempts
        rows += [
            {
                "seed": seed,
                "temperature": temperature,
                "kinetic_temperature": heat[rung],
                "attempts": attempts[rung],
                "accepted": accepted[rung],
                "acceptance": acceptance[rung],
                "round_trips": int(np.sum(ladder.exchange["round_trips"])),
            }
            for rung, temperature in enumerate(search.temperatures)
        ]
    return pd.DataFrame(rows).astype({"attempts": "Int64", "accepted": "Int64"})


def _frames(search: Search, system: System) -> Frames:
    """The coldest replicas, in the frame of the file."""
    every = search.config.quench_every
    seeds = [seed for seed, ladder in search.ladders.items() for _ in ladder.frames]
    steps = [every * (k + 1) for ladder in search.ladders.values() for k in range(len(ladder.frames))]
    kept = [frame for ladder in search.ladders.values() for frame in ladder.frames]
    shape = (0, system.n, system.positions.shape[1])
    positions = np.stack(kept) if kept else np.zeros(shape, np.float32)
    placed = system.in_file_frame(positions).astype(np.float32)
    return Frames(np.array(seeds, int), np.array(steps, int), placed)
