"""Sweeps: points of grids, who runs what, and the table that survives."""

import re
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nnrep.choices.defaults import config_folder
from nnrep.errors import UserError
from nnrep.records.table import run_columns
from nnrep.sweep.finished import finished_runs, thinned
from nnrep.sweep.grids import grid_points
from nnrep.sweep.queue import Queue, Task
from nnrep.sweep.settings import Setting, experiment_settings, with_fresh_seeds
from nnrep.sweep.store import NUMBERS, RunStore
from nnrep.sweep.sweep import missing_tasks


def test_grids_are_joined_not_multiplied():
    grids = [{"reparam": "none", "a": "1,2"}, {"reparam": "cg", "b": "3,4", "a": 5}]
    assert grid_points(grids, []) == [
        ["reparam=none", "a=1"],
        ["reparam=none", "a=2"],
        ["reparam=cg", "b=3", "a=5"],
        ["reparam=cg", "b=4", "a=5"],
    ]


def test_overrides_take_the_place_of_a_grids_values():
    assert grid_points([{"a": "1,2", "b": "3,4"}], ["a=7,8", "c=9"]) == [
        [f"a={a}", f"b={b}", "c=9"] for a in (7, 8) for b in (3, 4)
    ]


def test_another_choice_of_a_group_drops_the_grids_keys_in_it():
    grid = {"reparam": "gnn", "reparam.hidden": "8,32", "a": 1}
    assert grid_points([grid], ["reparam=none"]) == [["reparam=none", "a=1"]]
    assert len(grid_points([grid], ["reparam=gnn"])) == 2


def test_without_grids_the_overrides_are_one():
    assert grid_points([], ["a=1,2", "b=[1,2]"]) == [["a=1", "b=[1,2]"], ["a=2", "b=[1,2]"]]


def test_nothing_in_a_grid_is_null():
    assert grid_points([{"system.pdb": None, "a": True}], []) == [["system.pdb=null", "a=True"]]


def test_a_start_that_is_not_unfolded_is_run_once():
    settings = experiment_settings("fig6", ["system.pdb=null", "system.start=native"]).settings
    plain = [
        s.config for s in settings if (s.config.reparam.name, s.config.baseline.name) == ("none", "none")
    ]
    assert [config.optimizer.learning_rate for config in plain] == [1e-2, 1e-3, 1e-4, 1e-5]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "schedule.fine.patience=10,20",
            "schedule.coarse.patience: must be one value in a reproduction",
        ),
        ("optimizer.learning_rate=1e-3,1e-2", "optimizer.learning_rate: must be one value in a reproduction"),
        ("system.unfold.seed=0,1", "system.unfold.seed: must be one value in a reproduction"),
    ],
)
def test_a_figure_with_a_grid_of_its_own_takes_no_other_sweeps(override, message):
    with pytest.raises(UserError, match=re.escape(message)):
        experiment_settings("fig4_smoke", [override], fixed=True)
    assert experiment_settings("fig4_smoke", ["system.start=native"], fixed=True).settings


def test_structures_of_one_name_are_told_apart(tmp_path):
    content = files("nnrep.structures").joinpath("data", "1L2Y.pdb").read_bytes()
    (tmp_path / "1L2Y.pdb").write_bytes(content)
    with pytest.raises(
        UserError, match=r"system\.pdb: must be structures of different names, got 2 called 1L2Y"
    ):
        experiment_settings("fig4_smoke", [f"system.pdb=null,{tmp_path / '1L2Y.pdb'}", "reparam=none"])


def test_figure_3_is_the_papers_grid():
    """At one of its three learning rates of the positions: composing all of it takes minutes."""
    grids = yaml.safe_load((config_folder() / "experiment" / "fig3.yaml").read_text())["hydra"]["sweeper"][
        "grids"
    ]
    assert all(grid["optimizer.learning_rate"] == "5e-2,2e-2,1e-2" for grid in grids)
    settings = experiment_settings("fig3", ["optimizer.learning_rate=0.02"]).settings
    fresh = [s for s in settings if s.config.system.runs_per_start == 1]
    shared = [s for s in settings if s.config.system.runs_per_start == 5]
    per_method = {"none": 2, "cg": 12, "gnn": 24}
    expected = {(loop, name): n for loop in ("pure_lj", "bond_lj") for name, n in per_method.items()}
    assert counts(fresh) == expected
    assert counts(shared) == {key: n // 2 for key, n in expected.items()}  # of one tolerance
    assert {s.seeds for s in fresh} == {tuple(range(5))}
    assert {s.seeds for s in shared} == {tuple(range(50))}  # 5 runs from each of 10 starts
    assert len({s.hash for s in settings}) == 76 + 38
    assert {s.config.system.n for s in settings} == {1000}
    # One program for no map, one a number of modes for cg, one a number of modes and a width for gnn.
    assert len({s.shape for s in fresh}) == 2 * (1 + 3 + 6)
    assert len({s.modes for s in fresh if s.modes}) == 2 * 3
    rates = {
        name: {
            round(s.config.schedule.coarse.learning_rate, 12) for s in fresh if s.config.reparam.name == name
        }
        for name in ("cg", "gnn")
    }
    assert rates == {"cg": {0.02, 0.2}, "gnn": {0.002, 0.02}}
    for setting in settings:
        if setting.config.reparam.name == "gnn":
            assert setting.config.reparam.strength is None
        fine, coarse = setting.config.schedule.fine, setting.config.schedule.coarse
        assert fine.min_delta in (1e-6, 1e-7)
        assert coarse.min_delta == pytest.approx(10 * fine.min_delta)
        assert (fine.patience, fine.check_every, setting.config.optimizer.clamp) == (20, 20, 0.1)


def counts(settings) -> dict:
    pairs = pd.Series([(s.config.system.potential.value, s.config.reparam.name) for s in settings])
    return pairs.value_counts().to_dict()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("system.m=3", "system.m"),
        ("system.n=1", "system.n: must be at least 2, got 1 (in "),
        ("hydra.run.dir=x", "hydra.run.dir=x: belongs to nnrep run"),
        ("+experiment=fig3", "has its own experiment"),
        ("threads=1,2", "threads: must be one value in a reproduction, got 1 and 2"),
        ("system.n=30,60", "system.n: must be one value in a reproduction, got 30 and 60"),
        ("precision=float32,float64", "precision: must be one value"),
        ("seeds=3,5", "seeds: must be one value, as a count or a list [3,5], got a sweep"),
        ("seeds=[1073741824]", "seeds: must be below 2^30"),
        ("record.every=20", "record.every: must be null"),
        ("reparam=null", "(in "),
        ("reparam=1", "(in "),
        ("threads=0", "threads: must be at least 1, or null, got 0"),
    ],
)
def test_overrides_that_cannot_be_used_are_named(override, message):
    with pytest.raises(UserError, match=re.escape(message)):
        experiment_settings("fig2_smoke", [override])


def task(shape: str, number: int = 0) -> Task:
    return Task(Setting(None, f"{shape}{number}", shape, ""), (number,))


@given(
    st.lists(st.sampled_from("abcd"), max_size=30),
    st.lists(st.integers(0, 2), min_size=40, max_size=40),
    st.integers(1, 4),
)
def test_every_task_is_taken_once(shapes, workers, most):
    tasks = [task(shape, number) for number, shape in enumerate(shapes)]
    queue = Queue(tasks)
    taken = [each for worker in workers for each in queue.take(worker, most)]
    assert sorted(each.seeds for each in taken) == sorted(each.seeds for each in tasks)


def test_a_worker_stays_with_its_shape_and_avoids_those_of_others():
    queue = Queue([task(shape, number) for shape in "ab" for number in range(3)])
    assert [shapes(queue.take(0)) for _ in range(2)] == ["a", "a"]
    assert [shapes(queue.take(1)) for _ in range(3)] == ["b", "b", "b"]
    assert shapes(queue.take(1)) == "a"  # helps out
    assert queue.take(0) == ()


def shapes(tasks) -> str:
    return "".join(each.setting.shape for each in tasks)


def test_a_chunk_has_at_most_so_many_runs_of_one_shape():
    tasks = [task("a", number) for number in range(5)] + [Task(Setting(None, "b", "b", ""), (1, 2, 3))]
    queue = Queue(tasks)
    assert [shapes(queue.take(slot, 2)) for slot in (0, 1, 0, 0)] == ["aa", "b", "aa", "a"]


def rows(*names: str, status: str = "converged") -> pd.DataFrame:
    numbers = dict.fromkeys(NUMBERS, 1.0) | {"energy": 0.1 + 0.2}
    table = pd.DataFrame([{"run_id": name, "status": status, **numbers} for name in names])
    return table.reindex(columns=run_columns())


def history(length: int = 3) -> pd.DataFrame:
    """Of a run of seed 1, the one that `rows` have."""
    steps = 20 * np.arange(1, length + 1)
    return pd.DataFrame({"seed": 1, "stage": "fine", "step": steps, "energy": -1.0 / steps})


def add(store: RunStore, table: pd.DataFrame, positions: np.ndarray) -> None:
    store.add(finished_runs(table, positions, history(), store.keep))


def test_a_store_keeps_the_order_of_the_sweep_and_every_digit(tmp_path):
    store = RunStore(tmp_path / "new" / "fig", ["b-0", "a-0", "a-1"], keep_positions=True)
    add(store, rows("a-1"), np.ones((1, 4, 3)))
    add(store, rows("b-0"), np.zeros((1, 4, 3)))
    again = RunStore(store.folder, store.order, keep_positions=True)
    assert again.done() == {"a-1", "b-0"}
    assert (again.positions("a-1") == 1).all()
    add(again, rows("a-0"), np.zeros((1, 4, 3)))
    again.write()
    table = pd.read_csv(store.folder / "runs.csv")
    assert table["run_id"].tolist() == store.order
    assert (table["energy"] == 0.1 + 0.2).all()


def test_a_table_that_grows_is_the_same_as_one_that_is_written_whole(tmp_path):
    """Also where a run comes to have a term of its own, and where it is made again."""
    order = ["c-0", "b-0", "a-0"]
    store = RunStore(tmp_path / "grown", order)
    add(store, rows("a-0"), np.zeros((1, 4, 3)))
    add(store, rows("b-0").assign(energy_own=3.0), np.zeros((1, 4, 3)))
    add(store, rows("a-0").assign(energy=7.0), np.zeros((1, 4, 3)))
    add(store, rows("c-0"), np.zeros((1, 4, 3)))
    whole = RunStore(tmp_path / "grown", order)
    store.write()
    grown = store.path.read_bytes()
    whole.write()
    assert whole.path.read_bytes() == grown
    table = pd.read_csv(store.path)
    assert table["run_id"].tolist() == order
    assert table["energy"].tolist() == [0.1 + 0.2, 0.1 + 0.2, 7.0]
    assert table["energy_own"].tolist()[1] == 3.0


def test_a_run_without_its_positions_is_made_again(tmp_path):
    store = RunStore(tmp_path, ["a-0"], keep_positions=True)
    add(store, rows("a-0"), np.ones((1, 4, 3)))
    (tmp_path / "positions" / "a-0.npy").unlink()
    assert RunStore(tmp_path, ["a-0"], keep_positions=True).done() == set()
    assert RunStore(tmp_path, ["a-0"], keep_positions=False).done() == {"a-0"}


def test_a_run_without_its_history_is_made_again(tmp_path):
    store = RunStore(tmp_path, ["a-0"], keep_histories=True)
    add(store, rows("a-0"), np.ones((1, 4, 3)))
    kept = RunStore(tmp_path, ["a-0"], keep_histories=True)
    assert kept.done() == {"a-0"}
    pd.testing.assert_frame_equal(kept.history("a-0"), history().drop(columns="seed"), rtol=1e-6)
    assert not (tmp_path / "positions").exists()
    (tmp_path / "histories" / "a-0.csv.gz").write_bytes(b"")
    with pytest.raises(UserError, match=r"a-0.csv.gz: cannot be read .*resume=true makes the run again"):
        kept.history("a-0")
    (tmp_path / "histories" / "a-0.csv.gz").unlink()
    assert RunStore(tmp_path, ["a-0"], keep_histories=True).done() == set()


@given(st.integers(1, 60), st.integers(2, 30))
def test_long_histories_are_thinned_between_their_ends(length, most):
    whole = history(length)
    kept = thinned(whole, most)
    assert len(kept) == min(length, most)
    assert kept["step"].is_unique
    assert kept["step"].iloc[0] == 20
    assert kept["step"].iloc[-1] == 20 * length
    assert kept["step"].diff().fillna(0).max() <= 20 * (np.ceil(length / (most - 1)) + 1)


def test_a_store_of_other_settings_is_refused(tmp_path):
    add(RunStore(tmp_path, ["a-0"], keep_positions=False), rows("a-0"), np.ones((1, 4, 3)))
    before = (tmp_path / "runs.csv").read_bytes()
    with pytest.raises(UserError, match=r"runs.csv: holds runs of other settings or seeds \(a-0\)"):
        RunStore(tmp_path, ["b-0"], keep_positions=False)
    assert (tmp_path / "runs.csv").read_bytes() == before


def test_damaged_tables_and_positions_are_named(tmp_path):
    store = RunStore(tmp_path, ["a-0"], keep_positions=True)
    add(store, rows("a-0"), np.ones((1, 4, 3)))
    (tmp_path / "positions" / "a-0.npy").write_bytes(b"")
    with pytest.raises(UserError, match=r"a-0.npy: cannot be read .*resume=true makes the run again"):
        store.positions("a-0")
    table = pd.read_csv(store.path, dtype=str).assign(energy="abc")
    table.to_csv(store.path, index=False)
    with pytest.raises(UserError, match=r"runs.csv: energy of a-0 is no number: 'abc'"):
        RunStore(tmp_path, ["a-0"])


def test_patterns_know_the_options_of_groups():
    settings = experiment_settings("fig2_smoke", ["reparam=glob(cg*)"]).settings
    assert {setting.config.reparam.name for setting in settings} == {"cg"}


def test_fresh_seeds_are_no_one_elses():
    setting = experiment_settings("fig2_smoke", ["seeds=[0,1073741823]"]).settings[0]
    fresh = with_fresh_seeds(setting)
    assert fresh.hash == setting.hash
    assert len(fresh.seeds) == 4 * 2
    assert not set(fresh.seeds) & set(setting.seeds)
    others = with_fresh_seeds(replace(setting, plan=setting.plan.with_seeds((1000, 1001))), 200)
    assert others.seeds == tuple(range(2**30 + 1000, 2**30 + 1200))
    assert not set(others.seeds) & set(with_fresh_seeds(setting, 1000).seeds)


def test_missing_seeds_are_those_without_a_row(tmp_path):
    overrides = ["reparam=none", "system.potential=pure_lj", "seeds=[3,5,8]"]
    setting = experiment_settings("fig2_smoke", overrides).settings[-1]
    store = RunStore(tmp_path, [setting.run_id(seed) for seed in setting.seeds], keep_positions=False)
    assert missing_tasks([setting], store) == [Task(setting, (3, 5, 8))]
    add(store, rows(setting.run_id(5)), np.ones((1, 4, 3)))
    assert missing_tasks([setting], store) == [Task(setting, (3, 8))]
