"""What tests of several files of this folder use."""

from pathlib import Path

import pytest
from structure_texts import own_cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test, and no places of structures but its own."""
    return own_cache(tmp_path, monkeypatch)
