"""A small sweep on an engine, and its rows beside those of local processes."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from nnrep.records.table import TIMES
from nnrep.sweep.engines.registry import engine_settings
from nnrep.sweep.kept_engine import KeptEngine
from nnrep.sweep.store import RunStore
from nnrep.sweep.sweep import Swept, sweep

SMALL = ("system.n=20", "system.loop_length=5", "system.potential=pure_lj", "max_steps=60")
CLOCKS = [*TIMES, "modes_stored"]


def made(
    settings, folder: Path, values, on_runs=lambda runs: None, should_stop=lambda: False
) -> tuple[Swept, RunStore]:
    """The sweep on an engine of these keys; nothing may fail."""
    names = [each.run_id(seed) for each in settings for seed in each.seeds]
    store = RunStore(folder, names, keep_histories=True)
    with KeptEngine(engine_settings(values)) as kept:
        ended = sweep(settings, store, kept, lambda runs, workers: on_runs(runs), should_stop)
    assert ended.failures == []
    return ended, store


def rows(store: RunStore) -> pd.DataFrame:
    """All but the times."""
    return pd.read_csv(store.path).drop(columns=CLOCKS)


def same(store: RunStore, expected: RunStore) -> None:
    """Rows and histories are equal, times aside."""
    pd.testing.assert_frame_equal(rows(store), rows(expected))
    for run in store.order:
        ours, theirs = (each.history(run).drop(columns="time_s") for each in (store, expected))
        pd.testing.assert_frame_equal(ours, theirs)


def kill_one(word: str, above: psutil.Process | None = None) -> list[psutil.Process]:
    """Kill a process with this word in its command below ours, or another one; none if there is none."""
    for child in (above or psutil.Process()).children(recursive=True):
        try:
            if word in " ".join(child.cmdline()):
                child.kill()
                return [child]
        except psutil.Error:  # has ended meanwhile
            continue
    return []


def sleeping() -> Any:
    """Work that does not end, and needs no module of ours."""
    work: Any = partial(time.sleep, 600)
    work.shape = ""
    return work
