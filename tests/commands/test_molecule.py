"""Molecules of other engines through the command: what a run leaves, schedules, baselines, resuming."""

import given_molecules as given
import numpy as np
import pandas as pd
import pytest
from given_molecules import write
from openmm import app

GIVEN = ("system=molecule", "system.topology=x.top", "system.coordinates=x.gro", "record.pictures=false")


@pytest.fixture(autouse=True)
def _files(tmp_path):
    write(tmp_path, "x.top", '#include "more.itp"\n')
    write(tmp_path, "more.itp", given.top())
    write(tmp_path, "x.gro", given.gro())


def test_a_run_leaves_what_that_of_a_protein_does(command, tmp_path):
    folder = tmp_path / "run"
    options = (*GIVEN, "system.start=perturbed", "schedule=relaxed", "seeds=2", f"hydra.run.dir={folder}")
    result = command("run", *options)
    assert result.returncode == 0, result.stderr
    assert "RMSD heavy atoms" in result.stdout
    rows = pd.read_csv(folder / "runs.csv")
    assert list(rows["potential"]) == ["gromacs"] * 2
    assert (rows["energy"] < rows["energy_start"]).all()
    assert (rows["rmsd_heavy"] < rows["rmsd_heavy_start"] + 1).all()
    assert rows["rmsd_ca"].isna().all()
    assert rows["energy_impropers"].notna().all()
    assert "rmsd_heavy" in pd.read_csv(folder / "history.csv")
    final = np.load(folder / "positions.npz")["final"][1]
    written = app.PDBFile(str(folder / "final-1.pdb"))
    np.testing.assert_allclose(written.getPositions(asNumpy=True)._value, final, atol=6e-5)
    assert len(list(written.topology.bonds())) == len(given.BONDS)  # as CONECT records
    repeated = command("run", *options, "resume=true")
    assert repeated.returncode == 0, repeated.stderr
    # An included file is none that a key names.
    write(tmp_path, "more.itp", given.top(rule=3))
    refused = command("run", *options, "resume=true")
    assert refused.returncode == 2
    assert "native.pdb: is not the structure that x.top, x.gro gives now" in refused.stderr


def test_openmm_minimises_the_same_molecule(command, tmp_path):
    folder = tmp_path / "run"
    baseline = ("baseline=openmm_minimizer", "baseline.platform=Reference")
    result = command("run", *GIVEN, *baseline, f"hydra.run.dir={folder}")
    assert result.returncode == 0, result.stderr
    row = pd.read_csv(folder / "runs.csv").iloc[0]
    assert row["energy"] == pytest.approx(row["energy_openmm"], rel=1e-5)
    assert row["energy"] < row["energy_start"]
    refused = command(
        "run", *GIVEN, *baseline, "baseline.solvent=implicit", f"hydra.run.dir={tmp_path / 'b'}"
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("nnrep: baseline.solvent: must be vacuum, as the molecule comes with")


def test_a_sweep_has_the_rows_of_several_molecules(command, tmp_path):
    write(tmp_path, "y.prmtop", given.prmtop())
    folder = tmp_path / "sweep"
    files = "system.topology=x.top,y.prmtop"
    sweep = ("--multirun", "reparam=none", "max_steps=20", f"hydra.sweep.dir={folder}")
    result = command("run", *GIVEN, files, *sweep)
    assert result.returncode == 0, result.stderr
    rows = pd.read_csv(folder / "runs.csv")
    assert list(rows["potential"]) == ["gromacs", "amber"]
    assert rows["rmsd_heavy"].notna().all()
