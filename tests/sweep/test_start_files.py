"""Starts in files: found in the folders of structures, or said to be missing."""

import pytest

from nnrep.errors import UserError
from nnrep.structures.fetch import UnavailableError
from nnrep.sweep.start_files import with_start_file

POINT = ["system.start=unfolded_1.pdb", "reparam=none"]


def test_a_name_is_looked_for_where_structures_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b's"):
        (tmp_path / name).mkdir()
    (tmp_path / "b's" / "unfolded_1.pdb").touch()
    folders = [str(tmp_path / "a"), str(tmp_path / "b's")]
    quoted = str(tmp_path / "b's").replace("'", "\\'")
    found = [f"system.start='{quoted}/unfolded_1.pdb'", "reparam=none"]
    assert with_start_file(POINT, folders) == found
    monkeypatch.setenv("NNREP_STRUCTURES", str(tmp_path / "b's"))
    assert with_start_file(POINT, []) == found
    (tmp_path / "unfolded_1.pdb").touch()
    assert with_start_file(POINT, folders) == ["system.start='unfolded_1.pdb'", "reparam=none"]


@pytest.mark.parametrize("start", ["native", "unfolded", "pdb/unfolded_1.pdb"])
def test_other_starts_stay_as_they_are(start):
    assert with_start_file([f"system.start={start}"], []) == [f"system.start={start}"]


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNREP_STRUCTURES", raising=False)
    with pytest.raises(UnavailableError, match=r"unfolded_1\.pdb: no such file in the working folder"):
        with_start_file(POINT, [str(tmp_path)])
    with pytest.raises(UserError, match="none"):
        with_start_file(POINT, [str(tmp_path / "none")])
