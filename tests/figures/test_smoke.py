"""The check of CI against its references finds what it is there to find."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT

from nnrep.figures import FIGURES
from nnrep.figures.analysis.summary import summarise
from nnrep.records.table import Role, columns_of, run_columns

spec = importlib.util.spec_from_file_location("smoke", ROOT / "scripts" / "smoke.py")
smoke = importlib.util.module_from_spec(spec)
spec.loader.exec_module(smoke)


def write_tables(folder: Path, seeds: int) -> None:
    rng = np.random.default_rng(1)
    rows = [
        {
            **{"run_id": f"{name}-{seed}", "config_hash": name, "seed": seed, "status": "converged"},
            **{"potential": "pure_lj", "n": 100, "reparam": name, "modes": 20, "learning_rate": 0.01},
            **{
                "energy_start": 2.0,
                "energy": energy + 1e-4 * rng.normal(),
                "energy_bound": -0.13,
                "time_minimize_s": 1.0,
            },
            **{
                "time_modes_fresh_s": 0.0,
                "time_modes_compile_s": 0.0,
                "time_fit_s": 0.0,
                "steps_coarse": 1,
                "steps_fine": 1,
            },
        }
        for name, energy in (("none", 0.05), ("cg", -0.1))
        for seed in range(seeds)
    ]
    runs = pd.DataFrame(rows).reindex(columns=run_columns())
    folder.mkdir()
    runs.to_csv(folder / "runs.csv", index=False)
    summarise(runs).to_csv(folder / "summary.csv", index=False)
    claims = {"claim": ["a", "b"], "source": "x", "measured": "y", "verdict": "holds"}
    pd.DataFrame(claims).to_csv(folder / "claims.csv", index=False)


@pytest.fixture
def reference(tmp_path) -> dict:
    write_tables(tmp_path / "many", 20)
    return json.loads(json.dumps(smoke.make_reference(tmp_path / "many")))


@pytest.fixture
def folder(tmp_path) -> Path:
    write_tables(tmp_path / "few", smoke.SEEDS)
    return tmp_path / "few"


def change(path: Path, how) -> None:
    how(pd.read_csv(path)).to_csv(path, index=False)


def test_what_is_as_it_was_passes(folder, reference):
    assert smoke.complaints(folder, reference) == []


@pytest.mark.parametrize(
    ("table", "how", "message"),
    [
        ("runs.csv", lambda table: table.iloc[1:], "has 9 rows, not 10"),
        ("summary.csv", lambda table: table.iloc[1:], "has 1 rows, not 2"),
        ("claims.csv", lambda table: table.iloc[1:], "has 1 rows, not 2"),
        ("claims.csv", lambda table: table.replace("b", "c"), "lacks the claim 'b'"),
        ("runs.csv", lambda table: table.drop(columns="pieces"), "lacks the columns pieces"),
        ("summary.csv", lambda table: table.drop(columns="energy_std"), "lacks the columns energy_std"),
        ("summary.csv", lambda table: table.replace("cg", "gnn"), "lacks the setting potential pure_lj"),
        (
            "summary.csv",
            lambda table: table.assign(energy_mean=table["energy_mean"] + 0.01),
            "energy_mean of",
        ),
        ("summary.csv", lambda table: table.assign(energy_median=0.0), "energy_median of"),
        ("summary.csv", lambda table: table.assign(energy_best=-0.2), "energy_best of"),
        ("runs.csv", lambda table: table.assign(energy_start=2.01), "energy_start of"),
        ("summary.csv", lambda table: table.assign(energy_mean=np.nan), "is nan, not in"),
    ],
)
def test_what_is_missing_or_off_is_named(folder, reference, table, how, message):
    change(folder / table, how)
    assert any(message in complaint for complaint in smoke.complaints(folder, reference))


def test_a_missing_table_is_named(folder, reference):
    (folder / "summary.csv").unlink()
    assert smoke.complaints(folder, reference) == [f"{folder / 'summary.csv'}: is missing"]


def test_the_exit_status_tells(folder, reference, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(smoke, "REFERENCES", tmp_path / "references")
    (tmp_path / "references").mkdir()
    for figure in FIGURES:
        (tmp_path / "references" / f"{figure}.json").write_text(json.dumps(reference))
        shutil.copytree(folder, tmp_path / "results" / figure)
    monkeypatch.setattr("sys.argv", ["smoke", "check", str(tmp_path / "results")])
    assert smoke.main() == 0
    (tmp_path / "references" / "fig2.json").rename(tmp_path / "fig2.json")
    assert smoke.main() == 1
    assert "fig2.json: is missing; scripts/smoke reference DIR writes it" in capsys.readouterr().out
    (tmp_path / "fig2.json").rename(tmp_path / "references" / "fig2.json")
    (tmp_path / "results" / next(iter(FIGURES)) / "claims.csv").unlink()
    assert smoke.main() == 1
    assert "claims.csv: is missing" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["smoke"])
    assert smoke.main() == 2


@pytest.mark.parametrize("figure", sorted(path.stem for path in smoke.REFERENCES.glob("*.json")))
def test_references_are_of_the_tables_as_they_are(figure):
    """A column or a setting that comes or goes needs its reference made anew."""
    assert figure in FIGURES
    held = json.loads((smoke.REFERENCES / f"{figure}.json").read_text())
    later = columns_of(Role.later)
    assert held["columns"]["runs.csv"] == [name for name in run_columns() if name not in later]
    for setting in held["settings"]:
        for name in smoke.STATISTICS:
            low, high = setting[name]
            assert low < high
