"""`nnrep compare`: runs of several folders side by side."""

import io
import sys

import pandas as pd
import pytest
from run_folders import table, write_run, write_sweep_table

from nnrep.commands.registry import COMMANDS
from nnrep.figures.analysis.groups import compared, groups_of, not_comparable
from nnrep.records.comparison_table import show_comparison


def config(n=4, seeds=3, reparam="none", **more):
    return {"system": {"name": "loop", "n": n}, "reparam": {"name": reparam}, "seeds": seeds, **more}


@pytest.fixture
def two(tmp_path):
    """A folder of plain runs, one of which diverged, and one of runs with a map."""
    rows = table([-1.0, -3.0, 1e9], status=["converged", "stalled", "diverged"], rmsd_ca=[2.0, 4.0, 99.0])
    write_run(tmp_path / "a", rows, config(seeds=3, optimizer={"clamp": None, "learning_rate": 0.1}))
    rows = table([-2.0], reparam="cg", config_hash="cafe", time_minimize_s=1.5, rmsd_ca=1.0)
    options = config(seeds=1, reparam="cg", optimizer={"clamp": 0.1, "learning_rate": 0.1})
    write_run(tmp_path / "b", rows, options | {"record": {"every": 5}})
    return tmp_path


def read(done):
    assert done.returncode == 0, done.stderr
    return pd.read_csv(io.StringIO(done.stdout), keep_default_na=False)


def refused(done, *parts):
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    for part in parts:
        assert part in done.stderr


def test_a_row_a_folder_with_settings_that_differ_and_statistics(command, two):
    done = command("compare", "a", "b")
    rows = read(done)
    assert done.stderr == ""
    assert rows["group"].tolist() == ["a", "b"]
    # Neither what all have, nor what one alone has, nor how many seeds there are.
    assert list(rows.columns)[1:4] == ["reparam.name", "optimizer.clamp", "runs"]
    assert rows["optimizer.clamp"].tolist() == ["null", "0.1"]
    assert rows[["runs", "converged", "stalled", "diverged"]].to_numpy().tolist() == [
        [3, 1, 1, 1],
        [1, 1, 0, 0],
    ]
    first, second = rows.to_dict("records")
    expected = {"energy_mean": -2.0, "energy_median": -2.0, "energy_best": -3.0, "energy_std": 2**0.5}
    assert {name: float(first[name]) for name in expected} == pytest.approx(expected)
    assert (float(first["rmsd_ca_mean"]), float(first["rmsd_ca_best"])) == (3.0, 2.0)
    assert (float(first["time_s_mean"]), float(second["time_s_mean"])) == (0.5, 1.5)
    assert second["energy_std"] == ""


def test_the_settings_of_a_sweep_are_groups(command, tmp_path):
    jobs = [table([-1.0, -2.0], reparam=name, config_hash=name) for name in ("none", "cg")]
    for number, rows in enumerate(jobs):
        write_run(tmp_path / "s" / str(number), rows, config(reparam=rows["reparam"][0]))
    write_sweep_table(tmp_path / "s", jobs)
    rows = read(command("compare", "s"))
    assert rows["group"].tolist() == ["s/0", "s/1"]
    assert rows["reparam.name"].tolist() == ["none", "cg"]
    assert rows["runs"].tolist() == [2, 2]


def test_seeds_of_one_setting_in_several_folders_are_one_group(tmp_path):
    for number in range(2):
        write_run(tmp_path / "a" / str(number), table([-1.0 - number], seed=number), config())
    write_run(tmp_path / "b", table([-5.0], config_hash="b"), config(reparam="cg"))
    groups = groups_of([tmp_path / "a", tmp_path / "b"])
    assert [(group.name, len(group.rows)) for group in groups] == [
        (str(tmp_path / "a"), 2),
        (str(tmp_path / "b"), 1),
    ]
    assert compared(groups)["energy_mean"].tolist() == [-1.5, -5.0]


def test_tables_without_configurations_are_compared_by_their_columns(command, tmp_path):
    rows = pd.concat([table([-1.0]), table([-2.0], reparam="gnn", config_hash="d")])
    write_run(tmp_path / "a", rows)
    rows = read(command("compare", "a"))
    assert rows["group"].tolist() == ["a [c0ffee]", "a [d]"]
    assert rows["reparam"].tolist() == ["none", "gnn"]


@pytest.mark.parametrize(
    ("changes", "system", "reason"),
    [
        ({"n": 5}, {}, "n is 4 in a and 5 in b"),
        ({"potential": "bond_lj"}, {}, "potential is pure_lj in a and bond_lj in b"),
        ({}, {"lj_cap": 0.5}, "system.lj_cap is 0.01 in a and 0.5 in b"),
        ({}, {"start_scale": 9.0}, None),
    ],
)
def test_energies_of_other_systems_are_not_comparable(command, tmp_path, changes, system, reason):
    known = {"lj_cap": 0.01, "start_scale": 0.25}
    write_run(tmp_path / "a", table([-1.0]), config() | {"system": known})
    write_run(
        tmp_path / "b", table([-1.0], config_hash="b", **changes), config() | {"system": known | system}
    )
    done = command("compare", "a", "b")
    assert len(read(done)) == 2
    assert done.stderr == ("" if reason is None else f"energies are not comparable: {reason}\n")


def test_energies_of_the_same_system_are_comparable(two):
    assert not_comparable(groups_of([two / "a", two / "b"])) is None


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "compare: names no folder"),
        (("a", "nowhere"), "nowhere: is no folder"),
        (("a", "./a"), "a: is named twice"),
        (("a", "a/.."), "lies in the other"),
        (("a",), "a: holds runs of one setting; name another folder"),
        (("a", "b", "--csv"), "--csv: nnrep compare takes folders only"),
        (("a", "b", "picture=x.jpg"), "picture: must be a file FILE.png, got x.jpg"),
        (("a", "b", "picture=no/x.png"), "picture: no is no folder"),
    ],
)
def test_what_cannot_be_compared_is_one_line(command, two, arguments, part):
    refused(command("compare", *arguments), part)


def test_a_picture_is_drawn_where_one_is_asked_for(command, two):
    assert len(read(command("compare", "a", "b", "picture=x.png"))) == 2
    assert len(read(command("compare", "a", "b", "picture=x.png"))) == 2  # over its own
    (two / "paper.pdf").write_text("someone's")
    refused = command("compare", "a", "b", "picture=paper.png")
    assert refused.stderr == (
        "nnrep: picture: paper.pdf is there already, and would be overwritten; choose another name\n"
    )
    assert (two / "paper.pdf").read_text() == "someone's"
    assert (two / "x.png").read_bytes().startswith(b"\x89PNG")
    assert (two / "x.pdf").read_bytes().startswith(b"%PDF")


def test_a_terminal_has_few_groups_side_by_side_and_many_below_each_other(two, capsys):
    groups = groups_of([two / "a", two / "b"])
    show_comparison(compared(groups), "kJ/mol")
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[1:]}
    assert lines["energy_mean"] == ["(kJ/mol)", "-2", "-2"]
    assert lines["reparam.name"] == ["none", "cg"]
    assert "step_limit" not in lines  # of no run
    many = pd.concat([compared(groups)] * 4, ignore_index=True)
    show_comparison(many, "")
    first, *others = capsys.readouterr().out.splitlines()
    assert first.index("group") < first.index("reparam.name") < first.index("energy_mean")
    assert len(others) == 8


def test_a_terminal_has_a_table_and_no_csv(two, capsys, monkeypatch):
    monkeypatch.chdir(two)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert COMMANDS["compare"].main(["a", "b"]) == 0
    out = capsys.readouterr().out
    assert "energy_mean" in out
    assert "," not in out
