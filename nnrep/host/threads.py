"""How many threads a process computes with: read by NumPy and JAX as they are loaded."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from nnrep.errors import ConfigError, is_integer, require

# XLA's pool, and the BLAS under NumPy's and JAX's eigensolvers.
VARIABLES = ("NPROC", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
_set: list[object] = []  # what this process was given first


def limit_threads(threads: object) -> None:
    """Limit this process to so many threads; None is all cores.

    What is no count is left to the configuration's check.

    Raises:
        ConfigError: the process has begun with another number.
    """
    if threads is not None and not (is_integer(threads) and threads >= 1):
        return
    if not _set:
        if threads is not None:
            most = usable_cores()
            require(
                threads <= most, "threads", f"at most {most}, the cores that this process may use", threads
            )
            # Matrix products round by the number of threads: a number that is not honoured is no service.
            wanted = thread_variables(threads)
            if "numpy" in sys.modules and wanted != {name: os.environ.get(name) for name in VARIABLES}:
                raise ConfigError("threads", "cannot be set in a process that has loaded NumPy already")
            os.environ.update(wanted)
        _set.append(threads)  # a number that is refused limits nothing: the next job is checked as well
    if threads != _set[0]:
        reason = f"must be the same for all jobs of a process, which has begun with {_set[0] or 'null'}"
        raise ConfigError("threads", f"{reason}, got {threads or 'null'}")


def thread_variables(threads: int | None) -> dict[str, str]:
    """The environment of a process that is to compute with so many threads; None is all cores."""
    return {} if threads is None else dict.fromkeys(VARIABLES, str(threads))


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Processes that are started inside have these variables."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
