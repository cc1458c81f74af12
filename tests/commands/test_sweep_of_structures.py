"""`nnrep run --multirun` over structures and other keys: files by patterns, one table, jobs that fail."""

import io
import signal

import pandas as pd
import pytest
from structure_texts import text

from nnrep.records.table import TIMES, run_columns
from nnrep.sweep.grids import grid_points

SHORT = ("system=protein", "max_steps=20", "reparam=none", "record.pictures=false")
PEPTIDE = text(residues=3)
COLUMNS = [*run_columns(), "error"]
CLOCKS = [*TIMES, "modes_stored"]


@pytest.fixture
def folder(tmp_path):
    """Write structure files of the same three residues."""

    def fill(*names, content=PEPTIDE):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        return tmp_path

    return fill


def swept(path):
    return pd.read_csv(path / "runs.csv", dtype=str, keep_default_na=False)


def one_line_error(done, *parts):
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for part in parts:
        assert part in done.stderr


ODD = ("a b.pdb", "a,b=c.pdb", "[x](1){2}.pdb", 'it\'s "so".pdb', "back\\slash'.pdb", "${q}.pdb", "~x.pdb")


def test_files_of_any_name_are_found_and_have_one_table(command, folder):
    path = folder(*(f"odd names/{name}" for name in ODD)) / "s"
    done = command("run", "-m", *SHORT, "system.pdb=glob(odd names/*.pdb)", f"hydra.sweep.dir={path}")
    assert done.returncode == 0, done.stderr
    rows = swept(path)
    assert list(rows.columns) == COLUMNS
    assert rows["structure"].tolist() == sorted(name.removesuffix(".pdb") for name in ODD)
    assert set(rows["error"]) == {""}
    jobs = pd.concat([swept(path / str(job)) for job in range(len(ODD))], ignore_index=True)
    pd.testing.assert_frame_equal(rows.drop(columns="error"), jobs)
    assert done.stdout.count("minimise") == 1  # one table
    for name in ODD:
        assert name.removesuffix(".pdb") in done.stdout


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a/x.pdb,b/z.ent", ["a/x.pdb", "b/z.ent"]),
        ("glob(a/*.pdb)", ["'a/x.pdb'", "'a/y.pdb'"]),
        ("glob(a/*)", ["'a/w.cif.gz'", "'a/x.pdb'", "'a/y.pdb'"]),
        ("glob([b/*.ent,a/*.pdb,./a/x.*])", ["'a/x.pdb'", "'a/y.pdb'", "'b/z.ent'"]),
        ("glob(a/*.pdb, exclude=y*)", ["'a/x.pdb'"]),
        ("glob(a/*, exclude=[a/w.*, 'y.pdb'])", ["'a/x.pdb'"]),
        ('glob("a/[xw]*")', ["'a/w.cif.gz'", "'a/x.pdb'"]),
        ("glob(**/z*)", ["'b/c/z.pdb'", "'b/z.ent'"]),
        ("b/z.ent,glob(a/*.pdb)", ["b/z.ent", "'a/x.pdb'", "'a/y.pdb'"]),
        ("glob(2j*)", ["'2JOE'", "'2JOF'"]),
    ],
)
def test_patterns_are_those_of_a_shell(folder, monkeypatch, pattern, found):
    monkeypatch.chdir(folder())
    folder(*("a/x.pdb", "a/y.pdb", "a/w.cif.gz", "a/notes.txt", "a/.hidden.pdb", "b/z.ent", "b/c/z.pdb"))
    folder("store/2jof.pdb", "store/2joe.cif.gz", "store/2jof_A.pdb", "store/1unc.pdb")
    points = grid_points([], [f"system.pdb={pattern}"], folders=["store"])
    assert points == [[f"system.pdb={name}"] for name in found]


EMPTY = {
    "no such file": (
        "system.pdb=glob(*.pdb)",
        "system.pdb: glob(*.pdb) matches no structure file (.pdb,",
    ),
    "all left out": ("system.pdb=glob(a/*,exclude=*)", "glob(a/* without *) matches no structure file"),
    "no structure": ("system.pdb=glob(a/*.txt)", "glob(a/*.txt) matches no structure file"),
    "no folder": ("system.pdb=glob(nowhere/*.pdb)", "glob(nowhere/*.pdb) matches no structure file"),
    "one of a list": ("system.pdb=a/x.pdb,glob(b*)", "glob(b*) matches no structure file"),
    "no option": (
        "reparam=glob(x*)",
        "reparam=glob(x*): matches none of cg, cholesky, egnn, gnn, none, spectral, torsion",
    ),
    "no group": ("max_steps=glob(*)", "max_steps=glob(*): matches nothing; it takes options of a group"),
    "no number": ("seeds=range(3,3)", "seeds=range(3,3): has no values, so that there is no job"),
    "in a list": ("system.pdb=[glob(a/*)]", "system.pdb=[glob(a/*)]: a glob stands alone"),
    "among options": ("reparam=none,glob(*)", "reparam=none,glob(*): a glob stands alone"),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_sweep_without_jobs_is_one_line_and_leaves_nothing(command, folder, name):
    override, message = EMPTY[name]
    path = folder("a/x.pdb", "a/notes.txt")
    one_line_error(command("run", "-m", "system=protein", override), message)
    assert {child.name for child in path.iterdir()} == {"a"}


def test_options_of_groups_are_chosen_as_hydra_does(command, tmp_path):
    small = ("system.n=20", "max_steps=20", "reparam=glob([n*,cg*],exclude=nope)", "hydra.sweep.dir=s")
    done = command("run", "-m", *small)
    assert done.returncode == 0, done.stderr
    rows = swept(tmp_path / "s")
    assert rows["reparam"].tolist() == ["cg", "none"]
    _, header, *lines = done.stdout.splitlines()[1:]
    assert header.split()[:3] == ["job", "reparam", "modes"]
    assert [line.split()[:2] for line in lines] == [["0", "cg"], ["1", "none"]]


@pytest.fixture
def with_broken(folder):
    """Structures of which the first, third and last cannot be used."""
    path = folder("pdb/b.pdb", "pdb/d.pdb")
    folder("pdb/a.pdb", content="nothing")
    folder("pdb/c.pdb", content=PEPTIDE.replace("LEU", "XYZ"))
    return path


BROKEN = ("run", "-m", *SHORT, "system.pdb=glob(pdb/*.pdb),pdb/e.pdb", "hydra.sweep.dir=s")


def test_structures_that_cannot_be_used_are_rows_with_their_reason(command, with_broken):
    done = command(*BROKEN)
    assert done.returncode == 2
    rows = swept(with_broken / "s")
    assert list(rows.columns) == COLUMNS
    assert rows["structure"].tolist() == list("abcde")
    assert rows["status"].tolist() == ["failed", "step_limit", "failed", "step_limit", "failed"]
    a, b, c, d, e = rows["error"]
    assert (b, d) == ("", "")
    assert a.startswith("pdb/a.pdb: no atoms")
    assert "pdb/c.pdb" in c
    assert "XYZ" in c
    assert e == "system.pdb: pdb/e.pdb: no such file"
    failed = rows[rows["status"] == "failed"]
    assert failed["structure_source"].tolist() == ["pdb/a.pdb", "pdb/c.pdb", "pdb/e.pdb"]
    assert set(failed["reparam"]) == {"none"}
    assert set(failed["run_id"]) == {""}
    for reason in (a, c, e):
        assert reason in done.stdout
        assert reason in done.stderr
    left = {child.name for child in (with_broken / "s").iterdir()}
    assert left == {"1", "3", "multirun.yaml", "runs.csv"}


def test_a_sweep_is_collected_once(command, with_broken):
    assert command(*BROKEN).returncode == 2
    rows = swept(with_broken / "s")
    done = command("collect", "s")
    assert done.returncode == 0, done.stderr
    collected = pd.read_csv(io.StringIO(done.stdout), dtype=str, keep_default_na=False)
    good = rows[rows["error"] == ""].drop(columns="error").reset_index(drop=True)
    pd.testing.assert_frame_equal(collected, good)
    # The table alone holds the same runs.
    (with_broken / "alone").mkdir()
    (with_broken / "s" / "runs.csv").rename(with_broken / "alone" / "runs.csv")
    assert command("collect", "alone").stdout == done.stdout
    twice = command("collect", "s", "alone", "duplicates=error")
    assert twice.returncode == 2
    assert "is in s/1/runs.csv as well" in twice.stderr


def test_a_mended_structure_is_run_on_resuming(command, with_broken, folder):
    assert command(*BROKEN).returncode == 2
    before = swept(with_broken / "s")
    folder("pdb/a.pdb", "pdb/c.pdb")
    done = command(*BROKEN, "resume=true")
    assert done.returncode == 2, done.stderr
    rows = swept(with_broken / "s")
    assert rows["structure"].tolist() == list("abcde")
    assert [bool(error) for error in rows["error"]] == [False] * 4 + [True]
    kept = before["error"] == ""
    pd.testing.assert_frame_equal(rows[kept], before[kept])


def interrupted_at(job, monkeypatch):
    """A signal as a job minimises, of which it is told at its next check."""
    from nnrep import job as module

    count = iter(range(100))
    minimized = module.minimized

    def signalled(*arguments):
        if next(count) == job:
            signal.raise_signal(signal.SIGINT)
        return minimized(*arguments)

    monkeypatch.setattr(module, "minimized", signalled)


SWEEPS = {
    "structures": (*SHORT, "max_steps=400", "system.pdb=glob(pdb/*.pdb)"),
    "maps": ("system.n=20", "max_steps=300", "reparam=none,cg,gnn"),
}


@pytest.mark.slow
@pytest.mark.parametrize("over", SWEEPS)
def test_an_interrupted_sweep_goes_on_to_the_unbroken_table(command, folder, monkeypatch, over):
    path = folder("pdb/a.pdb", "pdb/c.pdb", "pdb/d.pdb")
    folder("pdb/b.pdb", content="nothing")
    options = ("run", "-m", *SWEEPS[over])
    whole = command(*options, "hydra.sweep.dir=whole")
    with monkeypatch.context() as patch:
        interrupted_at(1, patch)
        broken = command(*options, "hydra.sweep.dir=broken")
    assert broken.returncode == 130, broken.stderr
    assert "go on with hydra.sweep.dir=" in broken.stderr
    rows = swept(path / "broken")
    assert rows["status"].tolist()[-1] == "interrupted"
    assert len([line for line in broken.stdout.splitlines() if " interrupted " in line]) == 1
    # What ended before stays in the table while its job has not come up again.
    with monkeypatch.context() as patch:
        interrupted_at(0, patch)
        assert command(*options, "hydra.sweep.dir=broken", "resume=true").returncode == 130
    assert len(swept(path / "broken")) == len(rows)
    done = command(*options, "hydra.sweep.dir=broken", "resume=true")
    assert done.returncode == whole.returncode, done.stderr
    resumed, unbroken = (swept(path / name).drop(columns=CLOCKS) for name in ("broken", "whole"))
    pd.testing.assert_frame_equal(resumed, unbroken)


def test_a_sweep_does_not_begin_in_the_folder_of_a_run(command, tmp_path):
    small = ("system.n=20", "max_steps=20", "reparam=none", "record.pictures=false")
    assert command("run", *small, "hydra.run.dir=run").returncode == 0
    before = (tmp_path / "run" / "runs.csv").read_bytes()
    sweep = ("run", "-m", *small, "hydra.sweep.dir=run")
    one_line_error(command(*sweep), "run: is the folder of a run; choose another hydra.sweep.dir")
    one_line_error(command(*sweep, "resume=true"), "run: is the folder of a run")
    assert (tmp_path / "run" / "runs.csv").read_bytes() == before


def test_the_worst_job_gives_the_exit_status(command, tmp_path):
    options = ("run", "-m", "system.n=20", "max_steps=100", "reparam=none", "hydra.sweep.dir=s")
    done = command(*options, "optimizer.learning_rate=1e6,0.01")
    assert done.returncode == 1, done.stderr
    assert swept(tmp_path / "s")["status"].tolist()[0] == "diverged"


def test_molecules_of_one_shape_share_their_programs(command, folder, monkeypatch):
    """One after the other in one process: what was compiled for the first serves the second."""
    from jax import monitoring

    folder("a.pdb")
    atoms = [
        f"{line[:30]}{float(line[30:38]) + 0.001 * (place % 10):8.3f}{line[38:]}" if "ATOM" in line else line
        for place, line in enumerate(PEPTIDE.splitlines(keepends=True))
    ]
    path = folder("b.pdb", content="".join(atoms))
    compiled = []
    monitoring.register_event_duration_secs_listener(lambda event, _, **others: compiled.append(event))
    command("run", "-m", *SHORT, "system.pdb=a.pdb", "hydra.sweep.dir=first")
    compiled.clear()
    command("run", "-m", *SHORT, "system.pdb=a.pdb,b.pdb", "hydra.sweep.dir=second")
    assert swept(path / "second")["structure_hash"].nunique() == 2
    assert [event for event in compiled if "backend_compile" in event] == []
