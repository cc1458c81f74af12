"""Claims: whose they are, what they need, and that what was scaled down is not tested."""

import subprocess
from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import pandas as pd
import pytest
from checkout import ROOT

from nnrep.choices.settings import build
from nnrep.figures import earlier_results
from nnrep.figures.claim import (
    CLAIM_COLUMNS,
    ON_CPU,
    Claim,
    Verdict,
    Whose,
    as_tested,
    claims_table,
    on_wall_time,
    totals,
)
from nnrep.figures.command_log import COMMAND_COLUMNS, FIRST_COLUMNS, CommandLog, read_commands
from nnrep.figures.departures import changes_of_energy, departing, notes_on_energy
from nnrep.figures.earlier_results import warn_of_other_commands, workers_to_be
from nnrep.figures.evidence import Evidence
from nnrep.figures.needs import ONE_MACHINE, rows_where, runs_needed, steps_needed, values_needed
from nnrep.figures.provenance import describe_machine, git_commit, processor_name
from nnrep.figures.report import BEYOND_COLUMNS, COMMAND_TITLES, SUMMARY_COLUMNS
from nnrep.sweep.engines.registry import engine_settings
from nnrep.systems.protein import ProteinConfig


class Config(NamedTuple):
    max_steps: int
    minimizes: bool = True


def evidence_of(summary: pd.DataFrame, *configs: object) -> Evidence:
    none = summary.iloc[:0]
    return Evidence(summary, summary, none, str, str, {}, {}, list(configs))


SUMMARY = pd.DataFrame(
    {"reparam": ["none", "cg", "cg"], "runs": [10, 5, 6], "learning_rate": [1e-2, 1e-2, 5e-2]}
)


@pytest.mark.parametrize(
    ("need", "told"),
    [
        (runs_needed(5), ""),
        (runs_needed(6), "5 runs a setting"),
        (runs_needed(6, rows_where(reparam="none")), ""),
        (runs_needed(1, rows_where(reparam="gnn")), "0 runs a setting"),
        (values_needed("learning_rate", (1e-2, 5e-2), "learning rates"), ""),
        (
            values_needed("learning_rate", (1e-2, 5e-2), "learning rates", rows_where(reparam="none")),
            "no learning rates 0.05",
        ),
        (values_needed("structure", ("2JOF", "1UNC"), "structures"), "no structures 2JOF, 1UNC"),
        (steps_needed(400), ""),
        (steps_needed(600), "max_steps 400"),
        (steps_needed(300), "max_steps 400"),
        (rows_where(start=None)(SUMMARY), None),
    ],
)
def test_a_need_says_what_the_runs_have_in_its_place(need, told):
    evidence = evidence_of(SUMMARY, Config(400), Config(10, minimizes=False))
    if told is None:
        assert len(need) == len(SUMMARY)  # no setting has a start
    else:
        assert need.lacking(evidence) == told


@pytest.mark.parametrize("verdict", [Verdict.holds, Verdict.fails, Verdict.undecided])
def test_what_was_scaled_down_is_not_tested_whatever_the_numbers(verdict):
    evidence = evidence_of(SUMMARY, Config(400))
    claim = Claim("c", "figure 1", "numbers", verdict, caveats=("read off",))
    assert as_tested(claim, evidence) == claim
    assert as_tested(claim._replace(needs=(steps_needed(400),)), evidence).verdict is verdict
    scaled = as_tested(claim._replace(needs=(steps_needed(600), runs_needed(6))), evidence)
    assert scaled.verdict is Verdict.not_tested
    told = "not in full: max_steps 400, 5 runs a setting; read off"
    (row,) = claims_table([scaled]).to_dict("records")
    assert (row["needs"], row["caveats"]) == ("max_steps 600; 6 runs a setting", told)


A, B = "A, 2 cores", "B, 16 cores"


@pytest.mark.parametrize(
    ("machines", "workers", "runs", "told"),
    [
        ([A], [1], [60], ""),
        ([A, A, A], [2, 2, 2], [60, 100, 3], ""),
        ([A, A], [2, 1], [60, 1], ""),  # one run of its own, beside nothing
        ([A, A], [16, 7], [60, 7], ""),
        ([A, A], [2, 1], [60, 30], "workers 2 and 1"),
        ([A, A], [2, 16], [60, 16], "workers 2 and 16"),
        ([A, B], [2, 2], [60, 60], f"machine {A} and {B}"),
        ([A, B], [2, 4], [60, 60], f"machine {A} and {B}, workers 2 and 4"),
        ([None, None], [2, 2], [60, 60], "machine unknown"),
        ([A, None], [2, 2], [60, 60], f"machine {A} and unknown"),
        ([A, A], [2, None], [60, 60], "workers 2 and unknown"),
        ([], [], [], "commands that are not recorded"),
    ],
)
def test_claims_on_wall_time_are_tested_by_runs_of_one_machine_and_number_of_workers(
    machines, workers, runs, told
):
    commands = pd.DataFrame({"machine": machines, "workers": workers, "runs": runs}, dtype=object)
    commands = commands.astype({"workers": float, "runs": float})
    evidence = evidence_of(SUMMARY)._replace(commands=commands)
    assert ONE_MACHINE.lacking(evidence) == told
    claim = on_wall_time(Claim("c takes less time", "figure 1", "numbers", Verdict.holds, caveats=("x",)))
    assert as_tested(claim, evidence).verdict is (Verdict.not_tested if told else Verdict.holds)
    assert claim.caveats == ("x", ON_CPU)


@pytest.mark.parametrize("name", ["machine", "workers", "commit"])
def test_what_else_runs_were_made_with_is_said_before_new_ones_are_made(tmp_path, monkeypatch, name):
    said = []
    monkeypatch.setattr(
        earlier_results, "log", lambda: SimpleNamespace(warning=lambda *line: said.append(line))
    )
    warn_of_other_commands(tmp_path, 2)
    CommandLog(tmp_path, "before").add(1, 2)
    path = tmp_path / "commands.csv"
    commands = pd.read_csv(path).assign(commit=git_commit() or "none")
    commands.to_csv(path, index=False)
    monkeypatch.setattr(earlier_results, "git_commit", lambda: commands["commit"].iloc[0])
    warn_of_other_commands(tmp_path, 2)
    warn_of_other_commands(tmp_path, None)
    assert said == []
    other = {"machine": A, "workers": 7, "commit": "0123456789ab"}[name]
    pd.concat([commands, commands.assign(**{name: other})]).to_csv(path, index=False)
    warn_of_other_commands(tmp_path, 2)
    (line,) = said
    assert f"commands.csv: has runs with {name} {other}; new ones are with " in line[0] % line[1:]
    assert ("wall time are not tested" in line[0] % line[1:]) == (name != "commit")


def test_the_number_of_workers_to_be_is_that_of_the_command(monkeypatch):
    monkeypatch.setattr(earlier_results, "workers_that_fit", lambda threads: 4)
    monkeypatch.setattr(earlier_results, "may_have_accelerator", lambda: False)
    local = engine_settings({"name": "local"})
    elsewhere = SimpleNamespace(devices=None, workers=None, on_this_machine=False)
    assert workers_to_be(local, 1) == 4
    assert workers_to_be(replace(local, workers=2), 1) == 2
    assert workers_to_be(elsewhere, 1) is None
    monkeypatch.setattr(earlier_results, "may_have_accelerator", lambda: True)
    assert workers_to_be(replace(local, workers=2), 1) is None
    assert workers_to_be(replace(local, devices=3), 1) == 3


def test_the_papers_claims_and_ours_are_told_apart():
    claims = [
        Claim("mine", "of figure 1", "m", Verdict.holds, Whose.ours),
        Claim("theirs", "figure 1", "m", Verdict.not_tested),
        Claim("theirs too", "figure 1", "m", Verdict.holds),
        Claim("theirs as well", "figure 1", "m", Verdict.holds),
    ]
    table = claims_table(claims)
    assert list(table.columns) == CLAIM_COLUMNS
    assert table["of"].tolist() == ["paper", "paper", "paper", "ours"]
    assert totals(table) == "The paper's claims: 2 hold, 1 not tested. Ours: 1 holds."
    assert totals(table[table["of"] == "ours"]) == "Ours: 1 holds."


STATISTICS = ("mean", "std", "median", "longest", "all runs", "best")


@pytest.mark.parametrize("columns", [SUMMARY_COLUMNS, BEYOND_COLUMNS, COMMAND_TITLES])
def test_every_column_of_times_has_its_unit_and_statistic(columns):
    times = {name: title for name, (title, _) in columns.items() if name.startswith(("time_", "wall_"))}
    assert times
    for title in times.values():
        assert title.endswith(" / s")
        assert any(word in title for word in STATISTICS)
    titles = [title for title, _ in columns.values()]
    assert len(set(titles)) == len(titles)


def test_a_commit_is_told_with_its_changes(tmp_path):
    assert git_commit(tmp_path) == ""

    def git(*arguments: str) -> None:
        named = ("-c", "user.name=x", "-c", "user.email=x@y")
        subprocess.run(["git", "-C", str(tmp_path), *named, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "x")
    commit = git_commit(tmp_path)
    assert len(commit) == 12
    (tmp_path / "results.csv").write_text("an untracked file changes no code")
    assert git_commit(tmp_path) == commit
    (tmp_path / "file").write_text("2")
    assert git_commit(tmp_path) == f"{commit} + changes"


def test_a_machine_has_processor_cores_and_memory(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A Fast One @ 3 GHz\n")
    assert processor_name(tmp_path / "cpuinfo") == "A Fast One @ 3 GHz"
    assert processor_name(tmp_path / "none")
    assert " cores" in describe_machine()


def test_every_command_that_makes_runs_has_its_row(tmp_path):
    """Also one that is killed, which never comes to its end."""
    CommandLog(tmp_path, "made nothing").add(0, 2)
    assert read_commands(tmp_path).empty
    killed = CommandLog(tmp_path, "killed")
    killed.add(1, 2)
    killed.add(2, 2)
    ended = CommandLog(tmp_path, "ended")
    ended.add(4, 3)
    table = read_commands(tmp_path)
    assert list(table.columns) == COMMAND_COLUMNS
    assert table["command"].tolist() == ["killed", "ended"]
    assert table["runs"].tolist() == [3, 4]
    assert table["workers"].tolist() == [2, 3]
    assert table["machine"].eq(describe_machine()).all()


def test_tables_of_commands_that_have_been_committed_can_be_added_to(tmp_path):
    committed = pd.read_csv(ROOT / "results" / "fig7" / "commands.csv").reindex(columns=FIRST_COLUMNS)
    committed.to_csv(tmp_path / "commands.csv", index=False)
    CommandLog(tmp_path, "new").add(1, 1)
    table = read_commands(tmp_path)
    assert len(table) == len(committed) + 1
    assert table["machine"].isna().tolist() == [True] * len(committed) + [False]


class OnProtein(NamedTuple):
    system: ProteinConfig


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, []),
        ({"force_field": "classical"}, []),
        ({"solvent": "gbn2"}, ["system.solvent=gbn2"]),
        ({"cutoff_nm": 1.0}, ["system.cutoff_nm=1.0"]),
        ({"restraints": "heavy", "frozen": "1-5"}, ["system.restraints=heavy", "system.frozen=1-5"]),
        ({"force_field": "charmm36.xml"}, ["system.force_field=charmm36.xml"]),
    ],
)
def test_the_papers_claims_are_not_tested_departing(values, told):
    config = OnProtein(build(ProteinConfig, {"name": "protein", **values}))
    evidence = evidence_of(SUMMARY, config, config)
    assert changes_of_energy(evidence) == told
    theirs, ours = (Claim("c", "figure 1", "m", Verdict.holds, whose) for whose in Whose)
    assert departing(ours, evidence) == ours
    tested = departing(theirs, evidence)
    assert tested.verdict is (Verdict.not_tested if told else Verdict.holds)
    assert tested.caveats == ((f"not the paper's energy: {', '.join(told)}",) if told else ())
    assert bool(notes_on_energy(evidence)) is bool(told)


def test_the_papers_claims_are_not_tested_with_other_settings_than_the_figures():
    evidence = evidence_of(SUMMARY)._replace(changed=("schedule.fine.patience=1", "system.n=30"))
    theirs, ours = (Claim("c", "figure 1", "m", Verdict.holds, whose) for whose in Whose)
    assert departing(ours, evidence) == ours
    tested = departing(theirs, evidence)
    assert tested.verdict is Verdict.not_tested
    assert tested.caveats == ("not the figure's settings: schedule.fine.patience=1, system.n=30",)
