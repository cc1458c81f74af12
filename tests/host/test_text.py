"""Names of files in any bytes, and terminals with few characters."""

import io
import os
import shlex
import subprocess
import sys

import pandas as pd
import pytest

from nnrep.host.text import print_anything, readable

ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def test_what_could_not_be_decoded_becomes_readable():
    assert readable("é plain") == "é plain"
    assert readable("é".encode().decode("ascii", "surrogateescape")) == "é"
    assert readable(b"\xe9.pdb".decode("utf-8", "surrogateescape")) == "\ufffd.pdb"


def test_everything_can_be_printed(monkeypatch):
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    print_anything()
    print("Å", b"\xe9".decode("utf-8", "surrogateescape"))
    narrow.flush()
    assert narrow.buffer.getvalue() == b"? \xe9" + os.linesep.encode()


@pytest.mark.slow
def test_a_run_in_a_locale_without_the_letters_of_its_structure(nnrep, tmp_path):
    """Its folder is the first line of what is piped, and table and pictures have the structure's name."""
    from importlib.resources import files

    (tmp_path / "é.pdb").write_bytes(files("nnrep.structures").joinpath("data", "1L2Y.pdb").read_bytes())
    done = nnrep(
        *("run", "system=protein", "system.pdb=é.pdb", "reparam=none", "max_steps=2"), env=os.environ | ASCII
    )
    assert done.returncode == 0, done.stderr
    folder = done.stdout.splitlines()[0]
    assert pd.read_csv(f"{folder}/runs.csv")["structure"].tolist() == ["é"]
    assert os.path.exists(f"{folder}/layout.png")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["reproduce", "--help"], ["structures"], ["run", "--help"]]
)
def test_a_reader_that_has_had_enough_is_no_fault(arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "nnrep", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    process.stdout.close()  # before it has begun to write
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


SMALL = "run system=loop system.n=20 max_steps=50 reparam=none record.pictures=false"


@pytest.mark.parametrize(
    ("arguments", "closed", "status"),
    [
        (f"{SMALL} hydra.run.dir=out", ">&-", 0),
        (f"{SMALL} hydra.run.dir=out", "2>&-", 0),
        (f"{SMALL} hydra.run.dir=out", ">&- 2>&-", 0),
        (f"{SMALL} system.n=1", "2>&-", 2),
        ("--help", ">&- 2>&-", 0),
        ("compare nowhere", ">&- 2>&-", 2),
    ],
)
def test_closed_streams_harm_nothing(tmp_path, arguments, closed, status):
    line = f"{shlex.quote(sys.executable)} -m nnrep {arguments} {closed}"
    done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "runs.csv").exists() == ("out" in arguments)


def test_a_sweep_without_streams_has_all_its_runs(tmp_path):
    keys = "-m seeds=1,2 threads=1 hydra.launcher.workers=2 hydra.sweep.dir=s"
    line = f"{shlex.quote(sys.executable)} -m nnrep {SMALL} {keys} >&- 2>&-"
    assert subprocess.run(line, shell=True, cwd=tmp_path).returncode == 0
    assert pd.read_csv(tmp_path / "s" / "runs.csv")["seed"].tolist() == [0, 0, 1]
