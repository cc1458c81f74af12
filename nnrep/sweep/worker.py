"""What a worker of a sweep does: slow modes, and runs."""

import atexit
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import jax

from nnrep.config.explain import explain
from nnrep.host.devices import runs_on_cpu
from nnrep.host.interruption import stop_requested
from nnrep.host.runtime import configure_jax
from nnrep.host.scratch import scratch_folder
from nnrep.host.terminal import log, progress_bar
from nnrep.job import built_maps, loaded_system, minimized, prepared
from nnrep.minimization import Monitor, Status
from nnrep.records.rows import run_rows
from nnrep.reparam.build import BuiltMap
from nnrep.sweep.finished import FinishedRun, Keep, finished_runs
from nnrep.sweep.queue import Task
from nnrep.sweep.settings import Setting, maps_key
from nnrep.systems import System

MOST_PREPARED = 8  # systems with their modes that a worker remembers

_prepared: dict[str, tuple[System, tuple[BuiltMap, ...]]] = {}
_kept_in: list[Path | None] = []  # the folder of programs of the last chunk
_scratch: dict[Path, Path] = {}


@dataclass
class Done:
    """What came of a chunk.

    Attributes:
        runs: those that are finished.
        errors: setting (its overrides) -> why it cannot be run, in one line.
    """

    runs: list[FinishedRun] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """Some tasks of one shape, done one after the other in a worker.

    Attributes:
        tasks: what is to be done.
        keep: what is kept of a run beside its row.
        programs: folder that keeps compiled programs; None is the user's.
    """

    tasks: tuple[Task, ...]
    keep: Keep
    programs: Path | None

    @property
    def shape(self) -> str:
        """That of its settings."""
        return self.tasks[0].setting.shape

    def __call__(self) -> Done:
        """Do the tasks; those that the sweep stops are left out, and so are the rest of them."""
        log().setLevel("WARNING")
        done = Done()
        for task in self.tasks:
            try:
                if stop_requested():
                    break
                done.runs += _runs_of(task, self) if task.seeds else _modes_of(task, self)
            except KeyboardInterrupt:
                break
            except Exception as error:
                message = explain(error)
                if message is None:
                    raise
                done.errors[task.setting.point] = message
        return done

    def parts(self) -> list[Self]:
        """A chunk for each task."""
        return [replace(self, tasks=(task,)) for task in self.tasks]


@dataclass(frozen=True)
class RunsOnCpu:
    """Whether runs are computed by the CPU, where workers can go side by side."""

    shape: str = ""

    def __call__(self) -> bool:
        """Ask JAX."""
        return runs_on_cpu()

    def parts(self) -> list[Self]:
        """The question is one."""
        return [self]


def _modes_of(task: Task, chunk: Chunk) -> list[FinishedRun]:
    """Put the slow modes of a setting into the cache; there are no runs."""
    _prepare(task.setting, chunk.programs)
    return []


def _runs_of(task: Task, chunk: Chunk) -> list[FinishedRun]:
    """Run the seeds of a task together; nothing comes of it if the sweep is to stop before they end."""
    began = time.perf_counter()
    system, maps = _prepare(task.setting, chunk.programs)
    plan = task.setting.plan.with_seeds(task.seeds)
    result = minimized(plan, system, maps, Monitor(should_stop=stop_requested))
    if Status.interrupted in result.status:
        return []
    rows = run_rows(system, maps, result, plan, time.perf_counter() - began)
    return finished_runs(rows, result.positions, result.history, chunk.keep)


def _prepare(setting: Setting, programs: Path | None) -> tuple[System, tuple[BuiltMap, ...]]:
    """The system at the start of the setting's first seed, as in a run of all its seeds, and its maps."""
    plan = setting.plan
    _forget_others(programs)
    configure_jax(plan.config.precision.value, None if programs is None else _here(programs))
    key = maps_key(plan)
    if key not in _prepared:
        with progress_bar(quiet=True) as bar:
            _, molecule = prepared(plan)
            system = loaded_system(plan, molecule, bar, stop_requested, padded=plan.minimizes)
        if len(_prepared) >= MOST_PREPARED:
            _prepared.pop(next(iter(_prepared)))
        _prepared[key] = system, built_maps(system, plan)
        return _prepared[key]
    system, maps = _prepared[key]
    return system, tuple(made.from_memory() for made in maps)


def _forget_others(programs: Path | None) -> None:
    """Forget what an earlier sweep has compiled in this process: a cold one is to measure what that takes."""
    if programs is not None and [programs] != _kept_in:
        jax.clear_caches()
        _prepared.clear()
    _kept_in[:] = [programs]


def _here(folder: Path) -> Path:
    """The folder of the sweep's command or, on a machine that does not have it, one of this process."""
    if folder.is_dir():
        return folder
    if folder not in _scratch:
        opened = ExitStack()
        _scratch[folder] = opened.enter_context(scratch_folder())
        atexit.register(opened.close)
    return _scratch[folder]
