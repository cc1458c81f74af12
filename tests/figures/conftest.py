"""Fixtures of several files of tests of figures."""

import subprocess
import sys
from pathlib import Path

import pytest
from small_reproduction import SHORT


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """Figure 2, reproduced without a break."""
    folder = tmp_path_factory.mktemp("whole")
    command = [sys.executable, "-m", "nnrep", "reproduce", "fig2", *SHORT, "report=true", "results_dir=r"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "fig2: 6 settings, 12 runs, 0 of them done" in result.stderr
    return folder / "r" / "fig2"
