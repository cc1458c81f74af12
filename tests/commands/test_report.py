"""`nnrep report` and `report=true`: where the page lies, and what is refused."""

import pytest
from run_folders import table, write_run

SMALL = ("system.n=20", "max_steps=40", "record.pictures=false")


def refused(done, *parts):
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    for part in parts:
        assert part in done.stderr


def test_the_path_of_the_page_is_printed(command, tmp_path):
    write_run(tmp_path / "a", table([-1.0]))
    done = command("report", "a")
    assert (done.returncode, done.stdout) == (0, "a/report.html\n")
    assert (tmp_path / "a" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "takes one folder, got 0"),
        (("a", "b"), "takes one folder, got 2"),
        (("--open",), "--open: nnrep report takes folders only"),
        (("nowhere",), "nowhere: is no folder"),
        (("empty",), "empty: holds no runs"),
    ],
)
def test_what_cannot_be_reported_is_one_line(command, tmp_path, arguments, part):
    (tmp_path / "empty").mkdir()
    refused(command("report", *arguments), part)


def test_a_run_writes_its_page_at_the_end(command, tmp_path):
    done = command("run", *SMALL, "report=true", "hydra.run.dir=a")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(tmp_path / "a")
    assert f"report: {tmp_path / 'a' / 'report.html'}" in done.stderr
    (tmp_path / "a" / "report.html").unlink()
    again = command("run", *SMALL, "report=true", "resume=true", "hydra.run.dir=a")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "a" / "report.html").exists()
    assert "report:" not in (tmp_path / "a" / "config.yaml").read_text()


def test_a_run_writes_none_by_itself(command, tmp_path):
    assert command("run", *SMALL, "hydra.run.dir=a").returncode == 0
    assert not (tmp_path / "a" / "report.html").exists()


def test_a_sweep_has_one_page_of_all_jobs(command, tmp_path):
    done = command("run", "-m", *SMALL, "reparam=none,cg", "report=true", "hydra.sweep.dir=s")
    assert done.returncode == 0, done.stderr
    assert [path.parent for path in tmp_path.rglob("report.html")] == [tmp_path / "s"]
    page = (tmp_path / "s" / "report.html").read_text()
    assert "0, reparam=none, modes=0, seed 0" in page
    assert "1, reparam=cg" in page


def test_modes_have_no_page(command):
    refused(
        command("modes", "system.n=20", "report=true"), "report: must be false, as nnrep modes writes none"
    )
