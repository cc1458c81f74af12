"""What is printed at the end: the folder in a line of its own, columns with units, decimals in a column."""

import io
import sys

import pandas as pd
import pytest

from nnrep.records.closing_table import outcome, show_sweep, show_table, steps_of_stages
from nnrep.records.table import ERROR, run_columns

FOLDER = "/a/very/long/path" * 12


def runs(**columns):
    count = len(columns["status"])
    rows = pd.DataFrame(columns | {"seed": range(count)}, index=range(count))
    return rows.reindex(columns=run_columns(rows.columns))


def history(stages, seeds=(0,)):
    """Seeds that go through stages, each checked at some steps."""
    rows = [(seed, stage, step) for seed in seeds for stage, steps in stages for step in steps]
    return pd.DataFrame(rows, columns=["seed", "stage", "step"])


PROTEINS = {
    "system": "protein",
    "status": ["converged", "diverged", "stalled"],
    "energy": [-2134.3, 1e5, -96.125],
    "rmsd_ca": [1.5, 30.25, 2.0],
    "rmsd_all": [2.5, 40.0, 3.0],
    "time_minimize_s": [0.5, 10.0, 1.0],
    "time_total_s": [1.0, 100.0, 3.0],
}


@pytest.fixture
def printed(capsys):
    def show(rows, stages, seeds):
        show_table(rows, FOLDER, history(stages, seeds))
        return capsys.readouterr().out.splitlines()

    return show


def test_the_folder_is_one_line_and_decimals_are_aligned(printed):
    first, above, below, *rows = printed(runs(**PROTEINS), [("free", [20, 30])], (0, 1, 2))
    assert first == FOLDER
    assert "RMSD all atoms" in above
    assert below.split() == ["seed", "status", "kJ/mol", "Å", "Å", "steps", "s", "s"]
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "mean", "best"]
    points = {tuple(place for place, character in enumerate(row) if character == ".") for row in rows}
    assert len(points) == 1
    assert len(points.pop()) == 5


def test_the_mean_and_the_best_leave_out_what_has_diverged(printed):
    *_, mean, best = printed(runs(**PROTEINS), [("fine", [40])], (0, 1, 2))
    assert mean.split() == ["mean", "of", "2", "-1115.21", "1.75", "2.75", "40", "0.75", "2.0"]
    assert best.split() == ["best", "seed", "0", "-2134.30", "1.50", "2.50", "40", "0.50", "1.0"]


def test_one_seed_has_no_mean(printed):
    one = {name: value if isinstance(value, str) else value[:1] for name, value in PROTEINS.items()}
    assert len(printed(runs(**one), [("fine", [40])], (0,))) == 4


def test_steps_are_counted_by_the_names_of_stages():
    stages = [("free", [20, 30]), ("cholesky", [50]), ("cholesky", [290]), ("free", [300])]
    assert steps_of_stages(history(stages)) == {"free": {0: 40}, "cholesky": {0: 260}}
    both = pd.concat([history(stages), history([("free", [5])], [1])])
    assert steps_of_stages(both) == {"free": {0: 40, 1: 5}, "cholesky": {0: 260}}


def test_a_loop_has_no_unit_of_energy(printed):
    rows = runs(system=["loop"], status=["stalled"], energy=[-0.124167], bond_fraction=[0.95])
    _, above, below, row = printed(rows, [("coarse", [20]), ("fine", [60])], (0,))
    assert above.split() == ["bonds", "coarse", "fine"]
    assert below.split() == ["seed", "status", "energy", "share", "steps", "steps"]
    assert row.split() == ["0", "stalled", "-0.124167", "0.95", "20", "40"]


def test_a_sweep_is_one_table_with_the_settings_that_differ(capsys):
    rows = (
        runs(
            system=["protein", "loop"],
            status=["finished", "failed"],
            energy=["-1275.0123", ""],
            evaluations=["20", ""],
            reparam=["none", "cg"],
        )
        .astype(object)
        .fillna("")
    )
    rows = rows.assign(**{ERROR: ["", "no such file"]})
    show_sweep(rows, FOLDER)
    first, below, one, two, error = capsys.readouterr().out.splitlines()
    assert first == FOLDER
    assert below.split() == ["job", "system", "reparam", "seed", "status", "energy", "steps"]
    assert one.split() == ["0", "protein", "none", "0", "finished", "-1275.01", "20"]
    assert two.split() == ["1", "loop", "cg", "1", "failed"]
    assert error == "job 1 failed: no such file"


def test_an_outcome_has_its_unit():
    row = {"status": "converged", "energy": "-1908.2", "system": "protein"}
    assert outcome([row]) == "converged, energy -1908.2 kJ/mol"
    assert outcome([row | {"system": "loop"}] * 2) == "converged, 2 seeds, lowest energy -1908.2"


def test_a_terminal_without_angstroms_is_shown_an_a(monkeypatch):
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    show_table(runs(**PROTEINS), "folder", history([("fine", [40])], (0, 1, 2)))
    narrow.flush()
    assert narrow.buffer.getvalue().splitlines()[2].split()[3:5] == [b"A", b"A"]


def test_a_sweep_over_schedules_tells_them_apart(capsys):
    rows = runs(
        status=["converged"] * 2, system="cluster", schedule=["paper", "hopping"], energy=[-1.0, -2.0]
    )
    show_sweep(rows.astype(object).fillna("").astype(str).assign(**{ERROR: ""}), FOLDER)
    _, above, first, second = capsys.readouterr().out.splitlines()
    assert above.split()[:3] == ["job", "schedule", "seed"]
    assert (first.split()[1], second.split()[1]) == ("paper", "hopping")
