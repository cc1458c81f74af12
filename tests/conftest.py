"""Physics is tested in float64; nothing is written outside of temporary folders."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import jax
import pytest

hypothesis.settings.register_profile("nnrep", deadline=None, derandomize=True, max_examples=25)
hypothesis.settings.load_profile("nnrep")


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> Iterator[None]:
    """Compiled programs of one file of tests are of no use to the next, and take gigabytes in all."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["NNREP_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def nnrep(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Run the command line in a folder of its own."""

    def run(*arguments: str, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "nnrep", *arguments]
        return subprocess.run(
            command, cwd=options.pop("cwd", tmp_path), capture_output=True, text=True, timeout=300, **options
        )

    return run
