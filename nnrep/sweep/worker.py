"""What a worker process of a sweep does: slow modes, and runs."""

import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

from nnrep.config.explain import explain
from nnrep.host.runtime import configure_jax
from nnrep.host.terminal import log, progress_bar
from nnrep.host.workers import leave_signals_to_parent
from nnrep.job import built_maps, loaded_system, minimized, prepared
from nnrep.minimization import Monitor, Status
from nnrep.records.rows import run_rows
from nnrep.reparam.build import BuiltMap
from nnrep.sweep.settings import Setting
from nnrep.systems import System

MOST_PREPARED = 8  # systems with their modes that a worker remembers


class Done(NamedTuple):
    """What came of a task.

    Attributes:
        result: of the finished runs their rows, positions (s, n, d) and history; None where there are none.
        error: why a setting cannot be run, in one line.
    """

    result: tuple[pd.DataFrame, np.ndarray, pd.DataFrame] | None = None
    error: str | None = None


_stop: Event
_programs: Path | None = None
_prepared: dict[str, tuple[System, tuple[BuiltMap, ...]]] = {}


def begin(stop: Event, programs: Path | None) -> None:
    """Set up a worker: it leaves signals to its parent, and does not outlive it.

    Args:
        stop: set when runs are to end.
        programs: folder that keeps compiled programs; None is the user's.
    """
    global _stop, _programs
    _stop, _programs = stop, programs
    leave_signals_to_parent()
    log().setLevel("WARNING")


def runs_on_cpu() -> bool:
    """Whether runs are computed by the CPU, where workers can go side by side."""
    return jax.default_backend() == "cpu"


def find_modes(setting: Setting) -> Done:
    """Put the slow modes of a setting into the cache."""
    try:
        _prepare(setting)
    except KeyboardInterrupt:  # a start that was being simulated
        return Done()
    except Exception as error:
        return _explained(error)
    return Done()


def run(setting: Setting, seeds: tuple[int, ...]) -> Done:
    """Run some seeds of a setting; nothing comes of it if the sweep is to stop before they end."""
    began = time.perf_counter()
    try:
        system, maps = _prepare(setting)
        plan = setting.plan.with_seeds(seeds)
        result = minimized(plan, system, maps, Monitor(should_stop=_stop.is_set))
        rows = run_rows(system, maps, result, plan, time.perf_counter() - began)
    except KeyboardInterrupt:
        return Done()
    except Exception as error:
        return _explained(error)
    return Done() if Status.interrupted in result.status else Done((rows, result.positions, result.history))


def _prepare(setting: Setting) -> tuple[System, tuple[BuiltMap, ...]]:
    """The system at the start of the setting's first seed, as in a run of all its seeds, and its maps."""
    plan = setting.plan
    configure_jax(plan.config.precision.value, _programs)
    key = f"{setting.shape} {setting.modes}"
    if key not in _prepared:
        with progress_bar(quiet=True) as bar:
            _, molecule = prepared(plan)
            system = loaded_system(plan, molecule, bar, _stop.is_set, padded=plan.minimizes)
        if len(_prepared) >= MOST_PREPARED:
            _prepared.pop(next(iter(_prepared)))
        _prepared[key] = system, built_maps(system, plan)
        return _prepared[key]
    system, maps = _prepared[key]
    return system, tuple(made.from_memory() for made in maps)


def _explained(error: Exception) -> Done:
    message = explain(error)
    if message is None:
        raise error
    return Done(error=message)
