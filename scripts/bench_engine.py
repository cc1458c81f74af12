"""What the parent of a sweep does for each run, with an engine of 1000 workers that need no time.

Chunks are sent and come back pickled, as with other processes; rows, positions and histories are written,
and progress and commands are counted, as in a reproduction. Figures: wall time in seconds, and processor time
in ms a run, at several numbers of runs; a parent that rewrote its table after each run would take longer the
more there are. Beside them the size of the table, and the most memory that the process has held so far.
"""

import argparse
import pickle
import resource
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
from nnrep.sweep.kept_engine import KeptEngine
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
    print("runs,seconds,ms_a_run,ms_a_run_resumed,table_mb,peak_mb")
    for runs in options.runs:
        seconds, busy, again, table = measured(runs, options.workers, options.chunk, options.histories)
        each = f"{1e3 * busy / runs:.3f},{1e3 * again / runs:.3f}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"{runs},{seconds:.2f},{each},{table / 1e6:.1f},{peak / 1e6:.0f}", flush=True)


def measured(runs: int, workers: int, chunk: int, histories: bool) -> tuple[float, float, float, int]:
    """Seconds of a sweep, by the clock and of the processor, and of taking up its table; bytes of that."""
    settings = many_settings(runs)
    names = [setting.run_id(seed) for setting in settings for seed in setting.seeds]
    keep = {"keep_positions": histories, "keep_histories": histories}
    with TemporaryDirectory() as folder:
        store = RunStore(Path(folder), names, **keep)
        made = CommandLog(Path(folder), "nnrep")
        began, before = time.perf_counter(), time.process_time()
        with sweep_bar("bench", len(names), 0) as bar:

            def take(finished: list[FinishedRun], workers: int) -> None:
                made.add(len(finished), workers)
                bar.take(finished)

            with KeptEngine(FakeSettings(workers=workers, chunk=chunk)) as kept:
                sweep(settings, store, kept, take, lambda: False)
        seconds, busy = time.perf_counter() - began, time.process_time() - before
        assert len(store.done()) == len(names)
        before = time.process_time()
        assert RunStore(Path(folder), names, **keep).done() == set(names)
        return seconds, busy, time.process_time() - before, store.path.stat().st_size


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
