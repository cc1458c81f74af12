"""What the parent of a sweep does for each run, with an engine of 1000 workers that need no time.

Chunks are sent and come back pickled, as with other processes; rows, positions and histories are written,
and progress and commands are counted, as in a reproduction. Figures: wall time in ms a run, at several
numbers of runs; a parent that rewrote its table after each run would take longer the more there are.
"""

import argparse
import pickle
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from nnrep.figures.command_log import CommandLog
from nnrep.records.table import run_columns
from nnrep.sweep.engines.engine import Engine, EngineSettings
from nnrep.sweep.finished import FinishedRun, finished_runs
from nnrep.sweep.progress import sweep_bar
from nnrep.sweep.settings import Setting, experiment_settings
from nnrep.sweep.store import NUMBERS, RunStore
from nnrep.sweep.sweep import sweep
from nnrep.sweep.worker import Chunk, Done

SEEDS = 50  # of a setting
WORKERS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--chunk", type=int, default=10, help="runs that are sent at once")
    parser.add_argument("--histories", action="store_true", help="keep positions and histories too")
    options = parser.parse_args()
    print("runs,seconds,ms_a_run,ms_a_run_resumed")
    for runs in options.runs:
        seconds, again = measured(runs, options.workers, options.chunk, options.histories)
        print(f"{runs},{seconds:.2f},{1e3 * seconds / runs:.3f},{1e3 * again / runs:.3f}", flush=True)


def measured(runs: int, workers: int, chunk: int, histories: bool) -> tuple[float, float]:
    """Seconds of a sweep, and of taking up what it has left."""
    settings = many_settings(runs)
    names = [setting.run_id(seed) for setting in settings for seed in setting.seeds]
    keep = {"keep_positions": histories, "keep_histories": histories}
    with TemporaryDirectory() as folder:
        store = RunStore(Path(folder), names, **keep)
        made = CommandLog(Path(folder), "nnrep")
        began = time.perf_counter()
        with sweep_bar("bench", len(names), 0) as bar:

            def take(finished: list[FinishedRun]) -> None:
                made.add(len(finished))
                bar.take(finished)

            sweep(settings, store, FakeSettings(workers=workers, chunk=chunk), take, lambda: False)
        seconds = time.perf_counter() - began
        assert len(store.done()) == len(names)
        began = time.perf_counter()
        assert RunStore(Path(folder), names, **keep).done() == set(names)
        return seconds, time.perf_counter() - began


def many_settings(runs: int) -> list[Setting]:
    """Settings of a figure with other names."""
    (first, *_) = experiment_settings("fig2_smoke", ["reparam=none", f"seeds={SEEDS}"]).settings
    settings = []
    for number in range(-(-runs // SEEDS)):
        plan = replace(first.plan)
        plan.__dict__["hash"] = f"{number:012x}"
        settings.append(replace(first, plan=plan, point=f"setting={number}", shape=str(number // 10)))
    return settings


@dataclass(kw_only=True)
class FakeSettings(EngineSettings):
    """Workers that need no time."""

    name: str = "fake"
    devices: int | None = None

    def open(self, threads: int | None, most: int) -> "FakeEngine":
        assert self.workers is not None
        return FakeEngine(self.workers)


class FakeEngine(Engine):
    """Answers at once, with the row of one run under the names of all."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        row = dict.fromkeys(NUMBERS, 1.234567890123) | {"status": "stalled", "potential": "pure_lj"}
        others = dict.fromkeys(("versions", "device", "system", "reparam"), "some text of the usual length")
        self._rows = pd.DataFrame([row | others | {"seed": 0, "run_id": ""}]).reindex(columns=run_columns())
        self._history = pd.DataFrame({"seed": 0, "step": np.arange(500), "energy": np.random.rand(500)})
        self._run: FinishedRun | None = None

    @property
    def workers(self) -> int:
        return self._workers

    def submit(self, work: Chunk) -> Future:
        sent: Chunk = pickle.loads(pickle.dumps(work))
        if self._run is None:
            (self._run,) = finished_runs(self._rows, np.zeros((1, 100, 3)), self._history, work.keep)
        names = [(task.setting.run_id(seed), seed) for task in work.tasks for seed in task.seeds]
        assert len(sent.tasks) == len(work.tasks)
        runs = [
            self._run._replace(row=self._run.row | {"run_id": name, "seed": str(seed)})
            for name, seed in names
        ]
        future: Future = Future()
        future.set_result(pickle.loads(pickle.dumps(Done(runs))))
        return future

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        pass


if __name__ == "__main__":
    main()
