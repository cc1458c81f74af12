"""What a search comes to: the lowest minima minimised, and the tables."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from nnrep.exploration.finish import Finish, finished
from nnrep.exploration.ladder import COLUMNS
from nnrep.exploration.minima import merged
from nnrep.exploration.result import Exploration, Lowest
from nnrep.exploration.search import Ended, Search
from nnrep.minimization.result import Frames
from nnrep.systems.system import System


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
    native = None
    if ended is not Ended.interrupted:
        most = config.finished_minima
        minima, native = finished(minima, most, shape.native, system, finish, should_stop, on_done)
        if should_stop():
            ended = Ended.interrupted
    lowest = tuple(Lowest(each, shape.of_positions(each.positions)) for each in minima.all)
    return Exploration(
        ended=ended,
        diverged=tuple(seed for seed, ladder in search.ladders.items() if ladder.diverged),
        lowest=lowest,
        native=None if native is None else Lowest(native, shape.of_positions(native.positions)),
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
    """The coldest replicas, in the frame of the file, but for one that has flown apart."""
    every = search.config.quench_every
    seeds = [seed for seed, ladder in search.ladders.items() for _ in ladder.frames]
    steps = [every * (k + 1) for ladder in search.ladders.values() for k in range(len(ladder.frames))]
    kept = [frame for ladder in search.ladders.values() for frame in ladder.frames]
    shape = (0, system.n, system.positions.shape[1])
    positions = np.stack(kept) if kept else np.zeros(shape, np.float32)
    whole = np.isfinite(positions).all(axis=(1, 2))
    placed = system.in_file_frame(positions[whole]).astype(np.float32)
    return Frames(np.array(seeds, int)[whole], np.array(steps, int)[whole], placed)
