"""`nnrep collect`: many tables as one, or the reason why not."""

import io
import os

import pandas as pd
import pytest

from nnrep.records.table import run_columns


@pytest.fixture
def tables(tmp_path):
    """Write tables of made-up runs: folder -> names of runs."""

    def write(runs, **changes):
        for folder, names in runs.items():
            (tmp_path / folder).mkdir(parents=True)
            row = dict.fromkeys(run_columns(), "") | {
                "energy": "-0.10000000000000001",
                "device": "cpu, 2 cores",
            }
            rows = pd.DataFrame([row | {"run_id": name} for name in names]).assign(**changes)
            rows.to_csv(tmp_path / folder / "runs.csv", index=False)

    return write


def test_runs_of_a_sweep_become_one_table(command):
    options = (
        "--multirun",
        "system.n=20",
        "max_steps=40",
        "reparam=none,cg",
        "seeds=2",
        "hydra.sweep.dir=sweep",
    )
    assert command("run", *options).returncode == 0
    done = command("collect", "sweep")
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(io.StringIO(done.stdout))
    assert rows["reparam"].tolist() == ["none", "none", "cg", "cg"]
    assert rows["seed"].tolist() == [0, 1, 0, 1]
    assert list(rows.columns) == run_columns()


def test_rows_are_kept_as_they_are_and_in_the_order_of_their_paths(command, tables):
    tables({"a/2": ["x"], "a/10": ["y", "z"], "b": ["w"]})
    done = command("collect", "b", "a")
    rows = pd.read_csv(io.StringIO(done.stdout), dtype=str)
    assert rows["run_id"].tolist() == ["w", "y", "z", "x"]
    assert set(rows["energy"]) == {"-0.10000000000000001"}
    assert set(rows["device"]) == {"cpu, 2 cores"}


def one_line(done, *parts):
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    for part in parts:
        assert part in done.stderr


def test_a_run_that_is_there_twice_is_named_with_both_places(command, tables):
    tables({"a": ["x", "y"], "b": ["y"]})
    one_line(command("collect", "a", "b", "duplicates=error"), "b/runs.csv: run y is in a/runs.csv as well")
    one_line(command("collect", "a", "a", "duplicates=error"), "a/runs.csv: run x is in a/runs.csv as well")


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ((), [("x", "old"), ("z", "new"), ("y", "new")]),
        (("duplicates=newest",), [("x", "old"), ("z", "new"), ("y", "new")]),
        (("duplicates=first",), [("x", "old"), ("y", "old"), ("z", "new")]),
        (("duplicates=all",), [("x", "old"), ("y", "old"), ("z", "new"), ("y", "new")]),
    ],
)
@pytest.mark.parametrize("newer", ["a", "b"])
def test_of_a_repeated_run_the_newest_is_kept_and_the_choice_named(
    command, tables, tmp_path, options, kept, newer
):
    older = "b" if newer == "a" else "a"
    tables({older: ["x", "y"]}, device="old")
    tables({newer: ["z", "y"]}, device="new")
    for age, folder in enumerate((newer, older)):
        os.utime(tmp_path / folder / "runs.csv", (1e9 - age, 1e9 - age))
    done = command("collect", older, newer, *options)
    assert done.returncode == 0
    rows = pd.read_csv(io.StringIO(done.stdout))
    assert list(zip(rows["run_id"], rows["device"], strict=True)) == kept
    (line,) = done.stderr.splitlines()
    assert "1 run is in several tables; kept: " in line
    assert "duplicates=" in line


def test_without_repeated_runs_nothing_is_said(command, tables):
    tables({"a": ["x"], "b": ["y"]})
    assert command("collect", "a", "b").stderr == ""


def test_an_unknown_choice_of_duplicates_is_named(command, tables):
    tables({"a": ["x"]})
    done = command("collect", "a", "duplicates=last")
    one_line(done, "duplicates: must be one of newest, first, all, error, got last")


def test_tables_of_another_schema_are_named_with_what_differs(command, tables, tmp_path):
    tables({"a": ["x"]})
    tables({"b": ["y"]}, temperature="298")
    one_line(command("collect", "a", "b"), "b/runs.csv: is no table of runs", "it has temperature")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "runs.csv").write_text("run_id\nz\n")
    one_line(command("collect", "a", "c"), "c/runs.csv", "it lacks system, structure")


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b'run_id\n"x'])
def test_what_is_no_table_is_named(command, tmp_path, content):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "runs.csv").write_bytes(content)
    one_line(command("collect", "a"), "a/runs.csv: ")


def test_folders_without_runs_are_named(command, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    one_line(command("collect", "empty"), "empty: holds no runs")
    one_line(command("collect", "nowhere"), "nowhere: is no folder")
    one_line(command("collect", "file"), "file: is no folder")
    one_line(command("collect"), "collect: names no folder")
    one_line(command("collect", "--all"), "--all: nnrep collect takes folders only")
