"""Proteins through the command: what a run leaves, baselines, trajectories, bad input, resuming."""

import gemmi
import numpy as np
import pandas as pd
import pytest
from openmm import app
from structure_texts import EMBEDDED, text

from nnrep.records.table import run_columns
from nnrep.systems.measures import rmsd

SHORT = ("system=protein", "max_steps=80")
PEPTIDE = (*SHORT, "system.pdb=peptide.pdb")  # where the size is of no matter
PICTURES = {"energy.png", "energy.pdf", "layout.png", "layout.pdf"}
PROTEIN_FILES = {"config.yaml", "runs.csv", "history.csv", "positions.npz"} | PICTURES


@pytest.fixture
def _peptide(tmp_path):
    (tmp_path / "peptide.pdb").write_text(text(residues=3))


def one_line_error(result, *parts):
    assert result.returncode == 2, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for part in parts:
        assert part in result.stderr


def test_the_embedded_protein_minimises_without_any_file(command, tmp_path):
    folder = tmp_path / "run"
    result = command("run", *SHORT, "reparam=none", "precision=float64", f"hydra.run.dir={folder}")
    assert result.returncode == 0, result.stderr
    assert {p.name for p in folder.iterdir()} == PROTEIN_FILES | {"native.pdb", "final-0.pdb"}
    runs = pd.read_csv(folder / "runs.csv")
    assert list(runs.columns) == run_columns()
    row = runs.iloc[0]
    assert (row["structure"], row["n"], row["n_residues"]) == ("1L2Y", 304, 20)
    assert (row["potential"], row["start"], row["baseline"]) == ("amber14", "native", "none")
    assert row["energy"] < row["energy_start"]
    terms = ("bonds", "angles", "torsions", "lennard_jones", "coulomb")
    assert sum(row[f"energy_{name}"] for name in terms) == pytest.approx(row["energy"], rel=1e-9)
    assert row["rmsd_all_start"] == pytest.approx(0, abs=1e-6)
    assert 0 < row["rmsd_ca"] < 2
    assert 6 < row["radius_of_gyration"] < 9
    history = pd.read_csv(folder / "history.csv")
    assert {"rmsd_ca", "rmsd_backbone", "rmsd_all"} <= set(history.columns)
    assert history["rmsd_ca"].iloc[-1] == pytest.approx(row["rmsd_ca"], rel=1e-6)


def test_structure_files_are_read_by_others_and_hold_the_result(command, tmp_path):
    folder = tmp_path / "run"
    options = (*SHORT, "reparam=none", "precision=float64", f"hydra.run.dir={folder}")
    assert command("run", *options).returncode == 0
    final = np.load(folder / "positions.npz")["final"][0]
    by_openmm = app.PDBFile(str(folder / "final-0.pdb")).getPositions(asNumpy=True)._value
    np.testing.assert_allclose(by_openmm, final, atol=6e-5)
    native, model = (gemmi.read_structure(str(folder / f"{name}.pdb"))[0] for name in ("native", "final-0"))
    places = [
        [[*atom.pos.tolist()] for residue in one[0] for atom in residue if atom.name == "CA"]
        for one in (native, model)
    ]
    positions = [[gemmi.Position(*place) for place in one] for one in places]
    superposed = gemmi.superpose_positions(*positions).rmsd
    row = pd.read_csv(folder / "runs.csv").iloc[0]
    assert row["rmsd_ca"] == pytest.approx(superposed, abs=2e-3)
    assert float(rmsd(*map(np.array, places))) == pytest.approx(superposed, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [("reparam=cg",), ("reparam=gnn",), ("reparam=gnn", "reparam.graph=slow_modes")]
)
def test_maps_run_on_a_protein(command, tmp_path, options):
    folder = tmp_path / "run"
    result = command("run", *SHORT, *options, f"hydra.run.dir={folder}")
    assert result.returncode == 0, result.stderr
    row = pd.read_csv(folder / "runs.csv").iloc[0]
    assert row["modes"] == (0 if options == ("reparam=gnn",) else 60)
    assert (row["time_fit_s"] > 0) == ("reparam=gnn" in options)
    assert row["steps_coarse"] > 0
    parts = ["time_modes_s", "time_fit_s", "time_compile_s", "time_minimize_s"]
    assert row[parts].sum() <= row["time_total_s"] * (1 + 1e-9)


@pytest.mark.usefixtures("_peptide")
def test_the_classical_energy_runs_and_reports_its_terms(command, tmp_path):
    folder = tmp_path / "run"
    options = (*PEPTIDE, "system.force_field=classical", "system.start=random", "reparam=none", "seeds=2")
    result = command("run", *options, f"hydra.run.dir={folder}")
    assert result.returncode == 0, result.stderr
    runs = pd.read_csv(folder / "runs.csv")
    assert (runs["potential"] == "classical").all()
    assert runs["energy_start"].nunique() == 2
    names = ("bonds", "angles", "van_der_waals", "hydrogen_bonds", "hydrophobic")
    terms = runs[[f"energy_{name}" for name in names]].sum(axis=1)
    np.testing.assert_allclose(terms, runs["energy"], rtol=1e-4)
    assert runs[["energy_torsions", "energy_lennard_jones", "energy_coulomb"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("system.classical.softening=0",), "system.classical.softening: must be positive, got 0"),
        (("+system.classical.k=1",), "system.classical.k: unknown key; choose from bond_strength"),
        (("system.classical.hydrophobic_scale=greasy",), "system.classical.hydrophobic_scale: invalid value"),
        (("system.force_field=classical", "baseline=openmm_minimizer"), "baseline: must be none, as OpenMM"),
    ],
)
def test_faults_of_the_classical_energy_are_one_line(command, tmp_path, overrides, message):
    folder = tmp_path / "run"
    result = command("run", "system=protein", *overrides, f"hydra.run.dir={folder}")
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not folder.exists()


@pytest.mark.usefixtures("_peptide")
def test_perturbed_seeds_differ_and_unfolding_is_kept(command, tmp_path):
    folder = tmp_path / "run"
    options = (*PEPTIDE, "reparam=none", "system.start=perturbed", "system.perturbation=0.1", "seeds=2")
    assert command("run", *options, f"hydra.run.dir={folder}").returncode == 0
    runs = pd.read_csv(folder / "runs.csv")
    assert runs["energy_start"].nunique() == 2
    assert runs["rmsd_all_start"].between(0.12, 0.2).all()  # 0.1 A in each of three directions
    short = ("system.start=unfolded", "system.unfold.steps=100", "system.unfold.temperature=300")
    starts = []
    for name in "ab":
        options = (*PEPTIDE, "reparam=none", *short, f"hydra.run.dir={tmp_path / name}")
        assert command("run", *options).returncode == 0
        starts.append(np.load(tmp_path / name / "positions.npz")["start"])
    np.testing.assert_array_equal(*starts)


@pytest.mark.usefixtures("_peptide")
def test_baselines_fill_the_same_table(command, tmp_path):
    tables = []
    for baseline, more in (("openmm_minimizer", "max_iterations=30"), ("openmm_dynamics", "steps=50")):
        folder = tmp_path / baseline
        own = ("baseline.record_every=10", "record.every=10", "seeds=2", f"hydra.run.dir={folder}")
        options = (f"baseline={baseline}", f"baseline.{more}", *own)
        result = command("run", *PEPTIDE, *options)
        assert result.returncode == 0, result.stderr
        runs = pd.read_csv(folder / "runs.csv")
        assert list(runs.columns) == run_columns()
        np.testing.assert_allclose(runs["energy"], runs["energy_openmm"], rtol=1e-4, atol=0.02)  # in float32
        history = pd.read_csv(folder / "history.csv")
        assert {"energy", "openmm_energy", "rmsd_ca"} <= set(history.columns)
        assert (folder / "final-1.pdb").exists()
        arrays = np.load(folder / "positions.npz")
        last = int(runs["steps_fine"][1])
        assert arrays["frame_steps"][arrays["frame_seeds"] == 1].tolist() == [*range(0, last, 10), last]
        tables.append(runs)
    assert (tables[0]["energy"] < tables[0]["energy_start"]).all()
    assert tables[1]["energy"].nunique() == 2


@pytest.mark.usefixtures("_peptide")
def test_a_trajectory_is_written_at_the_steps_asked_for(command, tmp_path):
    folder = tmp_path / "run"
    options = (*PEPTIDE, "reparam=none", "record.every=40", "seeds=2", f"hydra.run.dir={folder}")
    assert command("run", *options).returncode == 0
    for seed in range(2):
        content = (folder / f"trajectory-{seed}.dcd").read_bytes()
        assert content[4:8] == b"CORD"
        assert np.frombuffer(content[8:12], np.int32)[0] == 3  # steps 0, 40 and 80
    loop = tmp_path / "loop"
    options = ("system.n=30", "max_steps=80", "reparam=none", "record.every=20", f"hydra.run.dir={loop}")
    assert command("run", *options).returncode == 0
    lines = (loop / "trajectory-0.xyz").read_text().splitlines()
    assert lines[1::32] == [f"step {step}" for step in (0, 20, 40, 60, 80)]
    last = np.array([line.split()[1:] for line in lines[-30:]], float)
    np.testing.assert_allclose(last, np.load(loop / "positions.npz")["final"][0], atol=1e-5)


@pytest.mark.usefixtures("_peptide")
def test_another_structure_does_not_resume_a_run(command, tmp_path):
    folder = tmp_path / "run"
    assert command("run", *PEPTIDE, "reparam=none", f"hydra.run.dir={folder}").returncode == 0
    native = folder / "native.pdb"
    before = native.read_text()
    native.write_text(before.replace("ASN A   1", "ASP A   1"))
    again = command("run", *PEPTIDE, "reparam=none", f"hydra.run.dir={folder}", "resume=true")
    one_line_error(again, "native.pdb", "cannot be resumed")
    native.write_text(before)
    assert command("run", *PEPTIDE, "reparam=none", f"hydra.run.dir={folder}", "resume=true").returncode == 0


BAD = {
    "no such file": (("system.pdb=none.pdb",), ("system.pdb", "none.pdb: no such file")),
    "no entry": (("system.pdb=entry",), ("system.pdb", "entry")),
    "no such model": (("system.model=9",), ("system.model", "got 9")),
    "no such chain": (("system.chain=Q",), ("system.chain", "Q")),
    "model of zero": (("system.model=0",), ("system.model: must be",)),
    "temperature": (("system.unfold.temperature=-1",), ("system.unfold.temperature: must be positive",)),
    "unknown key": (("system.unfold.temp=1",), ("system.unfold.temp: unknown key", "temperature")),
    "perturbation": (("system.perturbation=-1",), ("system.perturbation: must be zero or positive",)),
    "modes": (("reparam=cg", "reparam.modes=3*atoms"), ("reparam.modes", "3*residues")),
    "too many modes": (("reparam=cg", "reparam.modes=16*residues"), ("reparam.modes", "320")),
    "frames between checks": (("record.every=30",), ("record.every", "check_every = 20")),
    "frames of a baseline": (
        ("baseline=openmm_minimizer", "record.every=15"),
        ("record.every", "of baseline.record_every"),
    ),
    "platform": (("baseline=openmm_dynamics", "baseline.platform=X"), ("baseline.platform", "CPU")),
    "fit": (("reparam.fit.patience=0",), ("reparam.fit.patience",)),
    "folders": (("paths.structures=3",), ("paths.structures: must be",)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(command, tmp_path, name):
    arguments, parts = BAD[name]
    one_line_error(command("run", "system=protein", *arguments), *parts)
    assert list(tmp_path.iterdir()) == []


def test_a_loop_has_no_baseline_and_no_features(command, tmp_path):
    one_line_error(command("run", "baseline=openmm_minimizer"), "baseline", "none")
    one_line_error(command("run", "reparam.features=true"), "reparam.features")
    one_line_error(command("run", "reparam=cg", "reparam.modes=3*residues"), "reparam.modes")
    assert list(tmp_path.iterdir()) == []


def test_bad_structure_files_are_one_line_and_leave_nothing(command, tmp_path):
    atom = "HETATM    1  O   HOH A   1      {:8.3f}   0.000   0.000  1.00  0.00           O\n"
    water = "".join(atom.format(3 * place) for place in range(3)) + "END\n"
    (tmp_path / "water.pdb").write_text(water)
    one_line_error(command("run", "system=protein", "system.pdb=water.pdb"), "water.pdb")
    assert {path.name for path in tmp_path.iterdir()} == {"water.pdb"}


def test_a_file_cut_between_residues_is_named(command, tmp_path):
    atoms = [line for line in EMBEDDED.splitlines() if line.startswith("ATOM")]
    sequence = "SEQRES   1 A   20  ASN LEU TYR ILE GLN TRP LEU LYS ASP GLY GLY PRO SER\n"
    kept = [line for line in atoms if int(line[22:26]) <= 5]
    (tmp_path / "cut.pdb").write_text(sequence + "\n".join(kept) + "\n")
    result = command("run", "system=protein", "system.pdb=cut.pdb")
    one_line_error(result, "cut off", "GLN A 5", "residue 5 of the 20")


def test_atoms_of_two_residues_may_not_overlap(command, tmp_path):
    lines = EMBEDDED.splitlines()
    place = next(line[30:54] for line in lines if line[13:26] == "CB  LEU A   2")
    beside = f"{float(place[:8]) + 0.8:8.3f}{place[8:]}"
    moved = [f"{line[:30]}{beside}{line[54:]}" if line[13:26] == "CB  PRO A  19" else line for line in lines]
    (tmp_path / "clash.pdb").write_text("\n".join(moved) + "\n")
    result = command("run", "system=protein", "system.pdb=clash.pdb")
    one_line_error(result, "CB of LEU A 2", "CB of PRO A 19", "on top of each other")


@pytest.mark.usefixtures("_peptide")
def test_what_flies_apart_still_leaves_its_table(command, tmp_path):
    folder = tmp_path / "run"
    wild = ("optimizer.learning_rate=500", "max_steps=20", "reparam=none", f"hydra.run.dir={folder}")
    result = command("run", *PEPTIDE, *wild)
    assert result.returncode in (0, 1)
    assert "Traceback" not in result.stderr
    assert (folder / "runs.csv").exists()
    assert (folder / "final-0.pdb").exists() or "final-0.pdb" in result.stderr


@pytest.mark.usefixtures("_peptide")
def test_a_users_files_are_not_overwritten(command, tmp_path):
    for name in ("config.yaml", "native.pdb", "final-0.pdb"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_text("mine")
        one_line_error(command("run", *PEPTIDE, "reparam=none", f"hydra.run.dir={folder}"), str(folder), name)
        assert {path.name: path.read_text() for path in folder.iterdir()} == {name: "mine"}


@pytest.mark.usefixtures("_peptide")
def test_a_failed_unfolding_leaves_no_folder(command, tmp_path):
    options = ("system.start=unfolded", "system.unfold.timestep_fs=50", "system.unfold.steps=200")
    result = command("run", *PEPTIDE, "reparam=none", *options, f"hydra.run.dir={tmp_path / 'run'}")
    one_line_error(result, "system.unfold.timestep_fs")
    assert [path.name for path in tmp_path.iterdir()] == ["peptide.pdb"]
