"""Tables as text: at once and row by row, whole and torn."""

import pandas as pd
import pytest

from nnrep.errors import UserError
from nnrep.records.collect import read_runs, runs_one_by_one
from nnrep.records.table import COLUMNS, Role, check_runs, columns_of, read_text, run_columns, text_rows

TEXTS = {
    "plain": "a,b\n1,x\n2,\n",
    "quoted": 'a,b\n"1,5","say ""x"""\n',
    "without rows": "a,b\n",
    "without an end": "a,b",
    "torn": "a,b\n1,x\n2",
}


@pytest.mark.parametrize("name", TEXTS)
def test_rows_one_by_one_are_those_at_once(name, tmp_path, caplog):
    path = tmp_path / "t.csv"
    path.write_text(TEXTS[name])
    assert list(text_rows(path)) == read_text(path).to_dict("records")
    assert caplog.text.count("its last line is torn, and left out") == (2 if name == "torn" else 0)


@pytest.mark.parametrize("content", [b"a,b\n\xff\n", b'a,b\n1,"x\n', b"a,b\n1,2,3\n"])
def test_rows_that_cannot_be_read_are_named(content, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"t\.csv: not a readable table"):
        list(text_rows(path))


def test_a_row_is_there_before_the_next_is_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\n1,2,3\n")
    rows = text_rows(path)
    assert next(rows) == {"a": "1", "b": "x"}
    with pytest.raises(UserError):
        next(rows)


def test_runs_one_by_one_are_those_at_once(tmp_path):
    """Also of a table with a term of its own, and without those that came later."""
    path = tmp_path / "runs.csv"
    given = [name for name in run_columns() if name != "energy_hydrophobic"]
    rows = pd.DataFrame([dict.fromkeys(given, "1"), dict.fromkeys(given, "")]).assign(energy_own="2")
    rows.to_csv(path, index=False)
    columns, found = runs_one_by_one(path)
    whole = read_runs(path)
    assert columns == list(whole.columns)
    assert list(found) == whole.to_dict("records")
    assert "energy_own" in columns


def test_a_table_that_is_older_than_a_column_is_read(tmp_path):
    path = tmp_path / "runs.csv"
    given = [name for name in run_columns() if name != "schedule"]
    pd.DataFrame([dict.fromkeys(given, "1")]).to_csv(path, index=False)
    rows = read_runs(path)
    assert list(rows.columns) == run_columns()
    assert rows["schedule"].tolist() == [""]
    check_runs(path, rows)
    check_runs(path, rows.drop(columns="schedule"))
    pd.DataFrame([dict.fromkeys(given[1:], "1")]).to_csv(path, index=False)
    with pytest.raises(UserError, match="it lacks run_id"):
        read_runs(path)


def test_every_column_has_one_place():
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    assert set(columns_of(Role.swept)) < set(columns_of(Role.setting))
    assert columns_of(Role.problem) == ("system", "structure", "structure_hash", "potential", "n")
    assert {"config_hash", "seed"}.isdisjoint(columns_of(Role.setting))


@pytest.mark.parametrize(("content", "message"), [("", "not a readable table"), ("x\n", "no table of runs")])
def test_what_holds_no_runs_is_named_before_its_rows_are_read(content, message, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        runs_one_by_one(path)
