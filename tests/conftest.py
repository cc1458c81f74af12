"""Physics is tested in float64; nothing is written outside of temporary folders.

Most programs of these tests compile for longer than they run, so XLA compiles them quickly rather than well:
in a third of the time, and with other roundings, which no test may mind. `XLA_FLAGS= scripts/test` compiles
them as for users.
"""

import contextlib
import io
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from unittest import mock

# Before JAX, which reads it once. XLA of JAX 0.11 and later ends at a flag that it does not know.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0"
    + " --xla_cpu_use_fusion_emitters=false" * version("jaxlib").startswith("0.10."),
)

import hypothesis
import jax
import pytest

from nnrep.host import stored
from nnrep.host.programs import keep_programs
from nnrep.sweep import hydra_jobs

hypothesis.settings.register_profile("nnrep", deadline=None, derandomize=True, max_examples=25)
hypothesis.settings.load_profile("nnrep")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: a process that came to one of them last would work on it alone."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    jax.config.update("jax_enable_x64", True)
    stored.keep_whole_programs(None)  # which a command in this process has begun
    yield
    jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> Iterator[None]:
    """Compiled programs of one file of tests are of no use to the next, and take gigabytes in all."""
    yield
    stored._held.clear()
    jax.clear_caches()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One cache for all processes of a test run: what one has compiled, the others need not."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
    os.environ["NNREP_CACHE"] = str(folder)
    (folder / "jax").mkdir(parents=True, exist_ok=True)
    keep_programs(folder / "jax")


@pytest.fixture
def nnrep(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Run the command line in a process and a folder of its own."""

    def run(*arguments: str, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "nnrep", *arguments]
        return subprocess.run(
            command, cwd=options.pop("cwd", tmp_path), capture_output=True, text=True, timeout=300, **options
        )

    return run


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """The same in this process, which saves the seconds that a new one takes to begin."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        from nnrep.cli import main

        out, err = io.StringIO(), io.StringIO()
        status: object = 0
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            stack.enter_context(_process_of(["nnrep", *arguments], env, tmp_path))
            try:
                main()
            except SystemExit as ended:
                status = ended.code or 0
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    return run


@contextlib.contextmanager
def _process_of(argv: list[str], env: dict[str, str] | None, folder: Path) -> Iterator[None]:
    """What a new process would have of its own: arguments, environment, folder, precision, loggers."""
    with pytest.MonkeyPatch.context() as patch, mock.patch.dict(os.environ, env or {}), _loggers_kept():
        patch.setattr(sys, "argv", argv)
        patch.chdir(folder)
        # Jobs of a sweep as well; tests/commands/test_launcher.py has those of worker processes.
        patch.setattr(hydra_jobs, "may_have_accelerator", lambda: True)
        precision = jax.config.jax_enable_x64
        try:
            yield
        finally:
            jax.config.update("jax_enable_x64", precision)


@contextlib.contextmanager
def _loggers_kept() -> Iterator[None]:
    """Hydra gives the loggers handlers of its own, and closes all that there are: pytest's as well."""
    loggers = [logging.getLogger(name) for name in (None, "nnrep", "hydra")]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    try:
        with mock.patch.object(logging, "_handlerList", []):
            yield
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)
