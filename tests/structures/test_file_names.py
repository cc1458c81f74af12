from pathlib import Path

import pytest

from nnrep.structures.file_names import at_home


@pytest.mark.parametrize("name", ["~x.pdb", "~no-one-has-this-name/x.prmtop", "x.pdb"])
def test_a_name_that_is_no_home_stays_as_it_is(name):
    assert at_home(name) == Path(name)


def test_a_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert at_home("~/x.pdb") == Path("/somewhere/x.pdb")
