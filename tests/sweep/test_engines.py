"""What every engine has in common: one loop, lost workers, interruptions, and runs that are kept."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from counting_work import Counting
from engine_runs import CLOCKS, SMALL
from fake_engine import FakeEngine, FakeSettings, GoneError

from nnrep.errors import ConfigError, UserError
from nnrep.host.cache import cache_folder
from nnrep.host.programs import keep_programs
from nnrep.host.terminal import log
from nnrep.records.table import run_columns
from nnrep.sweep.dispatch import dispatch
from nnrep.sweep.engines.registry import ENGINES, engine_settings
from nnrep.sweep.failures import Failure, write_failures
from nnrep.sweep.finished import Keep, finished_runs
from nnrep.sweep.kept_engine import KeptEngine
from nnrep.sweep.queue import Task
from nnrep.sweep.settings import experiment_settings
from nnrep.sweep.store import NUMBERS, RunStore
from nnrep.sweep.sweep import missing_tasks, sweep
from nnrep.sweep.worker import Chunk, Done


@dataclass
class Piece:
    number: int
    shape: str = ""
    attempt: int = 1

    def parts(self) -> "list[Piece]":
        return [Piece(self.number, self.shape, self.attempt + 1)]


def dispatched(engine, count, should_stop=lambda: False):
    coming = (Piece(number) for number in range(count))
    taken, lost = {}, {}
    stopped = dispatch(
        engine,
        lambda _: next(coming, None),
        lambda piece, value: taken.setdefault(piece.number, value),
        lambda piece, reason: lost.setdefault(piece.number, reason),
        should_stop,
    )
    return taken, lost, stopped


def test_all_work_is_done_once_whatever_its_order():
    engine = FakeEngine(lambda piece: piece.number**2, workers=3)
    assert dispatched(engine, 20) == ({number: number**2 for number in range(20)}, {}, False)
    assert len(engine.submitted) == 20


def test_work_whose_worker_is_lost_is_done_by_another_one():
    def do(piece):
        if piece.number == 3 and piece.attempt < 3:
            raise GoneError
        return piece.attempt

    taken, lost, _ = dispatched(FakeEngine(do), 5)
    assert taken == {0: 1, 1: 1, 2: 1, 3: 3, 4: 1}
    assert lost == {}


def test_work_that_is_lost_three_times_is_given_up_and_the_rest_is_done():
    def do(piece):
        if piece.number == 1:
            raise GoneError
        return 0

    engine = FakeEngine(do)
    taken, lost, stopped = dispatched(engine, 4)
    assert (sorted(taken), stopped) == ([0, 2, 3], False)
    assert lost == {1: "its worker was lost, 3 times (out of memory perhaps)"}
    assert [piece.attempt for piece in engine.submitted if piece.number == 1] == [1, 2, 3]


def test_a_fault_of_ours_is_no_lost_worker():
    def do(piece):
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        dispatched(FakeEngine(do), 2)


def test_steps_of_local_processes_are_seen_while_they_work():
    engine = engine_settings({"name": "local", "workers": 2}).open(1, 2)
    try:
        assert engine.counted == 0
        work = [engine.submit(Counting(steps)) for steps in (30, 400)]
        while engine.counted < 430:
            assert not any(each.done() for each in work)
            time.sleep(0.01)
        engine.cancel()
        assert [each.result() for each in work] == [30, 400]
        assert engine.counted == 432
    finally:
        engine.close()


def test_once_it_should_stop_nothing_is_begun_and_what_is_done_is_kept():
    engine = FakeEngine(lambda piece: piece.number, workers=1)
    taken, _, stopped = dispatched(engine, 10, lambda: len(engine.submitted) >= 3)
    assert stopped
    assert engine.is_cancelled
    assert sorted(taken) == [piece.number for piece in engine.submitted]
    assert len(taken) < 10


def test_work_that_is_lost_once_it_should_stop_is_no_failure():
    """It was not given up: nobody has tried it again."""

    def do(piece):
        raise GoneError

    engine = FakeEngine(do, workers=1)
    _, lost, stopped = dispatched(engine, 10, lambda: bool(engine.submitted))
    assert stopped
    assert lost == {}


@pytest.fixture(scope="module")
def settings():
    overrides = ["reparam=none", "seeds=7", "system.potential=pure_lj"]
    return experiment_settings("fig2_smoke", overrides).settings


def done(chunk, but=()):
    """Runs that no one has made."""
    result = Done()
    for setting, seeds in chunk.tasks:
        for seed in seeds:
            numbers = dict.fromkeys(NUMBERS, 1.0) | {"seed": seed}
            row = {"run_id": setting.run_id(seed), "status": "stalled", "potential": "pure_lj", **numbers}
            rows = pd.DataFrame([row]).reindex(columns=run_columns())
            result.runs += finished_runs(rows, np.zeros((1, 2, 3)), pd.DataFrame(), chunk.keep)
    return result


def swept(settings, folder, do, cold=False, **others):
    names = [each.run_id(seed) for each in settings for seed in each.seeds]
    store = RunStore(folder, names)
    before = store.done()
    engine = FakeEngine(do)
    counted = []
    with KeptEngine(FakeSettings(engine=engine, **others)) as kept:
        ended = sweep(settings, store, kept, lambda runs, workers: counted.extend(runs), lambda: False, cold)
    assert engine.is_closed
    assert {run.row["run_id"] for run in counted} == store.done() - before
    return store, engine, ended


def test_runs_of_a_shape_are_sent_in_chunks_and_kept_in_the_order_of_the_sweep(settings, tmp_path):
    store, engine, ended = swept(settings, tmp_path, done, chunk=3)
    assert ended.failures == []
    assert not ended.interrupted
    assert {len(chunk.tasks) for chunk in engine.submitted} <= {1, 2, 3}
    assert all(len({task.setting.shape for task in chunk.tasks}) == 1 for chunk in engine.submitted)
    assert pd.read_csv(store.path)["run_id"].tolist() == store.order
    assert missing_tasks(settings, store) == []


def test_a_cold_sweep_has_programs_of_its_own_while_it_lasts(settings, tmp_path):
    folders = set()

    def doing(chunk):
        assert chunk.programs.is_dir()
        folders.add(chunk.programs)
        return done(chunk)

    _, _, ended = swept(settings, tmp_path / "cold", doing, cold=True)
    assert ended.failures == []
    (folder,) = folders
    assert not folder.exists()
    _, engine, _ = swept(settings, tmp_path / "warm", done)
    assert {chunk.programs for chunk in engine.submitted} == {None}


def test_a_cold_run_compiles_anew_what_is_kept_already(tmp_path):
    setting = experiment_settings("fig2_smoke", [*SMALL, "reparam=none", "seeds=1"]).settings[0]
    level, rows = log().level, []
    try:
        for programs in (None, tmp_path):
            (run,) = Chunk((Task(setting, (0,)),), Keep(), programs)().runs
            rows.append({key: value for key, value in run.row.items() if key not in CLOCKS})
    finally:
        log().setLevel(level)  # a worker says little
        keep_programs(cache_folder() / "jax")
    assert rows[0] == rows[1]
    assert any(tmp_path.iterdir())


def test_workers_with_devices_are_sent_whole_settings(settings, tmp_path):
    engine = FakeEngine(lambda chunk: Done())
    engine.has_devices = True
    store = RunStore(tmp_path, [each.run_id(seed) for each in settings for seed in each.seeds])
    with KeptEngine(FakeSettings(engine=engine, chunk=1)) as kept:
        sweep(settings, store, kept, lambda runs, workers: None, lambda: False)
    tasks = [task for chunk in engine.submitted for task in chunk.tasks]
    assert sorted(task.setting.hash for task in tasks) == sorted(each.hash for each in settings)
    assert all(task.seeds == task.setting.seeds for task in tasks)


def test_lost_runs_have_a_status_and_a_reason_and_are_made_again_later(settings, tmp_path):
    def losing(chunk):
        if any(0 in task.seeds for task in chunk.tasks):
            raise GoneError
        return done(chunk)

    store, _, ended = swept(settings, tmp_path, losing, chunk=2)
    assert {failure.status for failure in ended.failures} == {"lost"}
    assert {failure.run_id for failure in ended.failures} == set(store.order) - store.done()
    assert 0 in {failure.seed for failure in ended.failures}
    assert "3 times" in ended.failures[0].error
    write_failures(tmp_path, ended.failures)
    assert pd.read_csv(tmp_path / "failed.csv")["status"].tolist() == ["lost"] * len(ended.failures)
    lost = {failure.run_id for failure in ended.failures}
    store, engine, ended = swept(settings, tmp_path, done)
    tasks = [task for chunk in engine.submitted for task in chunk.tasks]
    assert {task.setting.run_id(seed) for task in tasks for seed in task.seeds} == lost
    assert pd.read_csv(store.path)["run_id"].tolist() == store.order
    write_failures(tmp_path, ended.failures)
    assert not (tmp_path / "failed.csv").exists()


def test_a_run_that_kills_its_worker_takes_none_of_its_chunk_along(settings, tmp_path):
    culprit = settings[0].run_id(3)

    def names(chunk):
        return [task.setting.run_id(seed) for task in chunk.tasks for seed in task.seeds]

    def dying(chunk):
        if culprit in names(chunk):
            raise GoneError
        return done(chunk)

    store, engine, ended = swept(settings, tmp_path, dying, chunk=10)
    assert [failure.run_id for failure in ended.failures] == [culprit]
    assert store.done() == set(store.order) - {culprit}
    whole, *again = [names(chunk) for chunk in engine.submitted if culprit in names(chunk)]
    assert len(whole) > 1
    assert again == [[culprit]] * 2


def test_a_few_runs_are_spread_over_all_workers(settings, tmp_path):
    _, engine, _ = swept(settings, tmp_path, done, chunk=100)
    runs = sum(len(setting.seeds) for setting in settings)
    assert max(len(chunk.tasks) for chunk in engine.submitted) <= -(-runs // engine.workers)


def test_settings_that_cannot_be_run_are_begun_once(settings, tmp_path):
    def refusing(chunk):
        return Done(errors={task.setting.point: "no" for task in chunk.tasks})

    store, engine, ended = swept(settings, tmp_path, refusing, chunk=1)
    first = settings[0]
    assert Failure(first.run_id(0), first.point, 0, "failed", "no") in ended.failures
    assert len(ended.failures) == len(store.order)
    assert len(engine.submitted) <= engine.slots * len(settings)  # begun before the first has ended


def test_a_torn_line_is_left_out_and_its_run_is_made_again(settings, tmp_path, caplog):
    store, _, _ = swept(settings, tmp_path, done)
    whole = store.path.read_bytes()
    for cut in (1, 5, 60):
        store.path.write_bytes(whole[:-cut])
        torn = RunStore(tmp_path, store.order)
        assert torn.done() == set(store.order[:-1])
        assert "runs.csv: its last line is torn, and left out" in caplog.text
        caplog.clear()
        swept(settings, tmp_path, done)
        assert store.path.read_bytes() == whole


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "loca"}, r"engine\.name: must be one of .*local.*, got loca"),
        ({"name": "local", "workers": 0}, r"engine\.workers: must be a count from 1 on, or null, got 0"),
        ({"name": "local", "chunk": 0}, r"engine\.chunk: must be at least 1, got 0"),
        ({"name": "local", "queue": "x"}, r"engine\.queue: unknown key; choose from .* devices, chunk"),
    ],
)
def test_engines_and_their_keys_are_named(values, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        engine_settings(values)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_has_its_defaults_in_a_file(name):
    try:
        chosen = engine_settings({"name": name, "workers": 2})
    except UserError as error:  # an extra
        pytest.skip(str(error))
    assert chosen.name == name
    assert chosen.chunk >= 1
