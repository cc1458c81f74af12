"""Restraints and frozen atoms through the command: tables, baselines, modes, bad input."""

import numpy as np
import pandas as pd
import pytest
import yaml
from structure_texts import text

PEPTIDE = ("system=protein", "system.pdb=peptide.pdb", "max_steps=80", "record.pictures=false")
FROZEN = "system.frozen=1"
RESTRAINED = ("system.restraints=heavy", "system.restraint_strength=1000")


@pytest.fixture(autouse=True)
def _peptide(tmp_path):
    (tmp_path / "peptide.pdb").write_text(text(residues=3))


def moved(folder, seed=0) -> np.ndarray:
    arrays = np.load(folder / "positions.npz")
    return np.abs(arrays["final"][seed] - arrays["start"][seed]).max(axis=1)


@pytest.mark.parametrize("engine", ["reparam=none", "baseline=openmm_minimizer"])
def test_tables_have_the_restraints_and_frozen_atoms_stay(command, tmp_path, engine):
    result = command("run", *PEPTIDE, engine, FROZEN, *RESTRAINED, f"hydra.run.dir={tmp_path / 'run'}")
    assert result.returncode == 0, result.stderr
    row = pd.read_csv(tmp_path / "run" / "runs.csv").iloc[0]
    terms = ("bonds", "angles", "torsions", "lennard_jones", "coulomb", "restraints")
    assert sum(row[f"energy_{name}"] for name in terms) == pytest.approx(row["energy"], rel=1e-9)
    assert row["energy_restraints"] > 0
    assert row["energy"] < row["energy_start"]
    still = moved(tmp_path / "run") == 0
    assert 8 <= still.sum() < len(still)
    assert not still[np.flatnonzero(still).size :].any()  # the first residue's are the first
    kept = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["system"]
    assert (kept["frozen"], kept["restraints"], kept["restraint_reference"]) == (1, "heavy", "start")


def test_modes_are_of_the_atoms_that_may_move(command, tmp_path):
    options = ("reparam.modes=6", "analysis.robustness=false", "analysis.drawn=1")
    folder = tmp_path / "modes"
    ran = command("modes", *PEPTIDE[:2], FROZEN, "reparam=cg", *options, f"hydra.run.dir={folder}")
    assert ran.returncode == 0, ran.stderr
    vectors = np.load(folder / "modes.npz")["vectors"]
    still = np.all(vectors == 0, axis=1)
    assert 8 <= still.sum() < len(still)
    assert pd.read_csv(folder / "modes.csv")["rigid"].iloc[0] == pytest.approx(1)


BAD = [
    (("system.frozen=40-50",), "system.frozen: must be a selection of atoms that there are", "got 40-50"),
    (("'system.restraints=//A/1-x'",), "system.restraints: must be backbone, ca, heavy", "got //A/1-x"),
    (
        ('system.frozen="*"',),
        "system.frozen: must be such that an atom is left to move",
        "which is all atoms",
    ),
    (("system.restraints=ca", "system.restraint_strength=-1"), "system.restraint_strength: must be positive"),
    (("system.restraint_strength=5",), "system.restraint_strength", "there are no system.restraints"),
    (("system.frozen=ca", "system.start=random"), "system.frozen: must be null with start=random"),
    (("system.restraints=ca", "system.start=random"), "system.restraint_reference: must be native"),
    (("system.frozen=ca", "reparam=cg", "reparam.modes=500"), "reparam.modes", "from 1 to n ="),
    (("system.frozen=ca", "baseline=openmm_dynamics"), "baseline.timestep_fs: must be at most 1"),
]


@pytest.mark.parametrize(("arguments", "parts"), [(each[0], each[1:]) for each in BAD])
def test_bad_input_is_one_line_that_names_the_key(command, tmp_path, arguments, parts):
    given = [argument.strip("'") for argument in arguments]
    more = (
        () if any(argument.startswith(("reparam", "baseline")) for argument in given) else ("reparam=none",)
    )
    result = command("run", *PEPTIDE, *more, *given, f"hydra.run.dir={tmp_path / 'run'}")
    assert result.returncode == 2, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for part in parts:
        assert part in result.stderr
    assert not (tmp_path / "run").exists()
