"""Files, entries and chains as they are named on the command line."""

import csv

from structure_texts import bridged, pdb_of, text

SHORT = ("system=protein", "reparam=none", "max_steps=0", "record.pictures=false")


def test_a_file_of_an_odd_name_and_two_of_its_chains(command, tmp_path):
    (tmp_path / "two (1) #é.pdb").write_text(pdb_of(bridged("ALA", "CYS", "GLY")))
    done = command("run", *SHORT, "system.pdb=two (1) #é.pdb", "system.chain=A,B", "hydra.run.dir=a")
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader((tmp_path / "a" / "runs.csv").open())
    assert row["structure"] == "two (1) #é"
    assert row["structure_source"] == "two (1) #é.pdb, model 1, chains A, B"
    assert row["n_residues"] == "6"
    assert float(row["rmsd_ca"]) < 1e-3
    swept = command("run", "-m", *SHORT, "system.pdb=two (1) #é.pdb", "system.chain=A,B", "hydra.sweep.dir=b")
    assert swept.returncode == 0, swept.stderr
    rows = list(csv.DictReader((tmp_path / "b" / "runs.csv").open()))
    assert [each["structure_source"][-1] for each in rows] == ["A", "B"]


def test_an_entry_that_reads_like_a_number(command, tmp_path):
    (tmp_path / "1E10.pdb").write_text(text(residues=3))
    (tmp_path / "2E05.pdb").write_text(text(residues=3))
    named = ("paths.structures=[.]", "hydra.sweep.dir=a")
    done = command("run", "-m", *SHORT, "system.pdb=1E10,glob(2E05)", *named)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "a" / "runs.csv").open()))
    assert [each["structure"] for each in rows] == ["1E10", "2E05"]


def test_a_value_that_cannot_be_read_says_how_to_quote_it(command, tmp_path):
    done = command("run", *SHORT, "paths.structures=[my (dir)]")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert """'paths.structures=["my (dir)"]'""" in done.stderr


def test_a_job_that_fails_leaves_no_empty_folder(command, tmp_path):
    (tmp_path / "x.pdb").write_text(text(residues=3))
    job = (*SHORT, "system.pdb=x.pdb", "system.start=unfolded", "system.unfold.timestep_fs=90")
    for folder in ("hydra.run.dir=a/b", f"hydra.run.dir={tmp_path.parent / 'elsewhere'}"):
        done = command("run", *job, folder)
        assert done.returncode == 2
        assert "system.unfold.timestep_fs" in done.stderr
    assert not (tmp_path / "a").exists()
    assert not (tmp_path.parent / "elsewhere").exists()
    swept = command("run", "-m", *job, "hydra.sweep.dir=s")
    assert swept.returncode == 2
    assert {path.name for path in (tmp_path / "s").iterdir()} == {"multirun.yaml", "runs.csv"}


def test_a_sweep_over_no_files_is_an_error(command, tmp_path):
    for flag in ("-m", "--multirun"):
        done = command("run", *SHORT, flag, "system.pdb=glob(*)")
        assert done.returncode == 2
        assert "system.pdb: glob(*) matches no structure file" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
