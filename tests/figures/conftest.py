"""Fixtures of several files of tests of figures."""

import subprocess
import sys
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from small_reproduction import SHORT

from nnrep.host.terminal import log
from nnrep.sweep import worker
from nnrep.sweep.engines.local import LocalSettings


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """Figure 2, reproduced without a break."""
    folder = tmp_path_factory.mktemp("whole")
    command = [sys.executable, "-m", "nnrep", "reproduce", "fig2", *SHORT, "report=true", "results_dir=r"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "fig2: 6 settings, 12 runs, 0 of them done" in result.stderr
    return folder / "r" / "fig2"


@pytest.fixture
def inline(command, monkeypatch):
    """The command line in this process, which does the work of `engine=local` as well."""

    def done(work):
        level = log().level
        try:
            return work()
        finally:
            log().setLevel(level)  # a worker says little, and this process has more to say

    def opened(settings, threads, most):
        return FakeEngine(done, min(settings.workers or 2, most))

    monkeypatch.setattr(LocalSettings, "open", opened)
    monkeypatch.setattr(worker, "_prepared", {})  # a worker remembers no system of other tests
    return command
