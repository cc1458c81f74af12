"""The files of a run's folder are whole or as they were, whatever happens as they are written."""

import resource
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from nnrep.errors import UserError
from nnrep.records.run_folder import RunFolder

MOLECULE = SimpleNamespace(pdb="ATOM\n" * 1000, source="made up")
WANTED = {"system": {"name": "protein"}, "reparam": {"name": "none"}, "schedule": {"name": "paper"}}


@contextmanager
def no_file_above(size):
    """Stands for a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("size", "left"), [(0, set()), (20, set()), (1000, {"config.yaml"})])
def test_a_full_disk_leaves_whole_files_or_none(tmp_path, size, left):
    folder = RunFolder(tmp_path / "run")
    with no_file_above(size), pytest.raises(OSError, match="File too large"):
        folder.open(WANTED, MOLECULE)
    assert {path.name for path in folder.path.iterdir()} == left
    assert not folder.holds_finished(WANTED, MOLECULE, resume=False)  # it may start here
    folder.open(WANTED, MOLECULE)
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    assert len(before) == 2
    with no_file_above(size), pytest.raises(OSError, match="File too large"):
        folder.open(WANTED, MOLECULE)
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_a_run_that_could_not_start_does_not_block_its_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.open(WANTED, MOLECULE)  # before there is memory for it
    folder.refuse_results()
    for resume in (False, True):
        assert not folder.holds_finished({**WANTED, "seeds": [0]}, MOLECULE, resume)
    (folder.path / "config.yaml").unlink()
    with pytest.raises(UserError, match=r"holds results \(native\.pdb\)"):  # it may be anyone's
        folder.refuse_results()
