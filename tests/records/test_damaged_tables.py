"""Tables that are damaged, or somebody else's, are named in one line, whoever reads them."""

import pandas as pd
import pytest
from run_folders import history, table, write_run, write_sweep_table

from nnrep.errors import UserError
from nnrep.records.exploration.folder import ExplorationFolder

SMALL = ("run", "system.n=20", "max_steps=50", "reparam=none", "record.pictures=false")
FOREIGN = "time,value,error\n1,2,3\n"


def refused(done, *parts):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("nnrep: ")
    for part in parts:
        assert part in line


def with_value(path, column, value):
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows.loc[len(rows) - 1, column] = value
    rows.to_csv(path, index=False)


VALUES = {
    "energy": ("abc", "energy in line 3 is no number, but 'abc'"),
    "rmsd_ca": ("1..5", "rmsd_ca in line 3 is no number, but '1..5'"),
    "time_total_s": ("soon", "time_total_s in line 3 is no number"),
    "n": ("", "n in line 3 is no whole number, but ''"),
    "seed": ("1.5", "seed in line 3 is no whole number, but '1.5'"),
}
VERBS = {"report": ("report", "a"), "compare": ("compare", "a", "b"), "collect": ("collect", "a")}


@pytest.mark.parametrize("verb", ["report", "compare"])  # nnrep collect leaves values as they are
@pytest.mark.parametrize("column", VALUES)
@pytest.mark.parametrize("sweep", [False, True])
def test_a_value_that_is_none_of_its_column(command, tmp_path, verb, column, sweep):
    write_run(tmp_path / "a", table([-1.0, -2.0]))
    write_run(tmp_path / "b", table([-1.0], reparam="cg", config_hash="cafe"))
    if sweep:
        write_sweep_table(tmp_path / "a", [table([-1.0, -2.0])])
    value, message = VALUES[column]
    with_value(tmp_path / "a" / "runs.csv", column, value)
    refused(command(*VERBS[verb]), "a/runs.csv: ", message)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("content", [FOREIGN, "time,value\n1,2\n", "status,error\nfailed,no\n", "error\n"])
def test_a_table_of_somebody_else(command, tmp_path, verb, content):
    write_run(tmp_path / "b", table([-1.0], reparam="cg", config_hash="cafe"))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "runs.csv").write_text(content)
    refused(command(*VERBS[verb]), "a/runs.csv: is no table of runs", "it lacks run_id")


@pytest.mark.parametrize(
    ("name", "column", "value", "part"),
    [
        ("runs.csv", "energy", "abc", "energy in line 2 is no number"),
        ("runs.csv", "n", "", "n in line 2 is no whole number"),
        ("history.csv", "seed", "one", "seed in line"),
        ("history.csv", None, FOREIGN, "is no history of a run, it lacks stage, seed, step"),
    ],
)
def test_a_finished_run_that_is_resumed(command, tmp_path, name, column, value, part):
    assert command(*SMALL, "hydra.run.dir=run").returncode == 0
    path = tmp_path / "run" / name
    if column is None:
        path.write_text(value)
    else:
        with_value(path, column, value)
    before = path.read_bytes()
    refused(command(*SMALL, "hydra.run.dir=run", "resume=true"), f"{path}: ", part)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [FOREIGN, "time,value\n1,2\n", "run_id,status\n1,2\n", ""])
def test_a_sweep_is_not_resumed_beside_a_table_of_somebody_else(command, tmp_path, content):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "runs.csv").write_text(content)
    done = command(*SMALL, "-m", "seeds=1,2", "hydra.sweep.dir=s", "resume=true")
    refused(done, f"{tmp_path / 's' / 'runs.csv'}: is not the table of a sweep; choose another")
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["runs.csv"]
    assert (tmp_path / "s" / "runs.csv").read_text() == content


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (FOREIGN, "is no history of a run, it lacks"),
        ("stage,step,time_s,energy\nfine,1,2,3\n", "it lacks seed"),
        ("seed,stage,step,time_s,energy\n0,fine,1,2,abc\n", "energy in line 2 is no number, but 'abc'"),
    ],
)
def test_a_history_of_something_else(command, tmp_path, content, part):
    write_run(tmp_path / "a", table([-1.0]), checks=history(1, {"fine": 3}))
    (tmp_path / "a" / "history.csv").write_text(content)
    refused(command("report", "a"), "a/history.csv: ", part)


SUMMARY = "system,n,seeds,ended,minima,quenches,energy,time_s\nloop,4,1,patience,1,3,-1.0,2.0\n"
SEARCH = {
    "exploration.csv": SUMMARY,
    "minima.csv": "rank,energy\n1,-1.0\n",
    "quenches.csv": "seed,step,time_s,energy\n0,1,0.5,-1.0\n",
    "exchange.csv": "seed,rung\n0,1\n",
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("exploration.csv", "no rows"),  # of the others there may be none
        *((name, "other columns") for name in list(SEARCH)[:3]),
        *((name, "no number") for name in list(SEARCH)[:3]),
    ],
)
def test_tables_of_a_search(command, tmp_path, name, damage):
    for each, content in SEARCH.items():
        (tmp_path / each).write_text(content)
    head = SEARCH[name].splitlines()[0]
    last = "time_s" if name == "exploration.csv" else "energy"
    part = "is no table of "
    if damage == "no rows":
        (tmp_path / name).write_text(f"{head}\n")
    elif damage == "other columns":
        (tmp_path / name).write_text(FOREIGN)
    else:
        with_value(tmp_path / name, last, "abc")
        part = f"{last} in line 2 is no number"
    refused(command("report", "."), f"{name}: ", part)
    if name == "exploration.csv":
        with pytest.raises(UserError, match=part):
            ExplorationFolder(tmp_path).holds_end()
