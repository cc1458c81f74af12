"""Where the cache is."""

from pathlib import Path

import pytest

from nnrep.host.cache import cache_folder


@pytest.mark.parametrize(
    ("given", "folder"), [("~/cache", "{home}/cache"), ("/a/~b", "/a/~b"), ("relative", "relative")]
)
def test_the_home_folder_of_its_variable_is_found(monkeypatch, tmp_path, given, folder):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NNREP_CACHE", given)
    assert cache_folder() == Path(folder.format(home=tmp_path))
