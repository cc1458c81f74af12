"""Folders that one command holds, and temporary ones that are removed when nobody does."""

import os
import subprocess
import sys
import tempfile
import time

import pytest

from nnrep.errors import UserError
from nnrep.host.lock import locked
from nnrep.host.scratch import scratch_folder

HOLDER = """
import sys, time
from pathlib import Path
from nnrep.host.{module} import {name}
with {name}({arguments}) as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def killed(tmp_path, monkeypatch):
    """What a process printed that held something until it was killed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    processes = []

    def run(module, name, arguments=""):
        program = HOLDER.format(module=module, name=name, arguments=arguments)
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
        processes.append(process)
        printed = process.stdout.readline().strip()
        process.kill()
        process.wait()
        process.stdout.close()
        return printed

    return run


def test_a_folder_is_held_by_one_and_nothing_of_the_lock_stays(tmp_path):
    with locked(tmp_path / "a" / "new", "go elsewhere"):
        with pytest.raises(UserError, match=r"new: another nnrep is at work here; .* go elsewhere"):
            locked(tmp_path / "a" / "new", "go elsewhere").__enter__()
        with locked(tmp_path / "a" / "new", "go elsewhere", ".of-another-name"):
            pass
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a" / "new", "go elsewhere"):
        (tmp_path / "a" / "new" / "result").touch()
    assert [path.name for path in (tmp_path / "a" / "new").iterdir()] == ["result"]


def test_a_folder_that_was_there_stays(tmp_path):
    (tmp_path / "mine").mkdir()
    with locked(tmp_path / "mine", "go elsewhere"):
        pass
    assert (tmp_path / "mine").is_dir()


def test_the_lock_of_a_killed_process_is_free(tmp_path, killed):
    killed("lock", "locked", f"Path({str(tmp_path / 'run')!r}), ''")
    assert (tmp_path / "run" / ".lock").exists()
    with locked(tmp_path / "run", "go elsewhere"):
        pass
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_temporary_folder_of_a_killed_process_is_removed(tmp_path, killed):
    left = killed("scratch", "scratch_folder")
    assert os.path.isdir(left)
    with scratch_folder():
        assert os.path.isdir(left)  # its process may be about to lock it
    old = time.time() - 3600
    os.utime(left, (old, old))
    with scratch_folder() as mine:
        assert not os.path.exists(left)
        os.utime(mine, (old, old))
        with scratch_folder():
            assert mine.is_dir()  # it is held
    assert not mine.exists()


def test_temporary_folders_of_others_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    other = tmp_path / "nnrep-other"
    other.mkdir()
    os.utime(other, (1e9, 1e9))
    with scratch_folder():
        pass
    assert other.is_dir()
