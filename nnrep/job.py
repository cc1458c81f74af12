"""One run: config -> Plan -> System -> maps of slow modes -> minimize -> Result -> tables and pictures."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from omegaconf import DictConfig

from nnrep.config.plan import Plan, load_plan
from nnrep.config.work import pays_threads
from nnrep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from nnrep.host.background import LeftError, interruptible
from nnrep.host.imports import load_ahead
from nnrep.host.interruption import Interruption
from nnrep.host.runtime import compute_with_one_thread, configure_jax
from nnrep.host.terminal import ProgressBar, log, progress_bar
from nnrep.minimization import Monitor, Restarts, Result, Status, minimize
from nnrep.records.closing_table import show_table
from nnrep.records.rows import run_rows
from nnrep.records.run_folder import RunFolder
from nnrep.reparam.build import BuiltMap, built_map
from nnrep.structures.file_names import existing_folder
from nnrep.structures.molecule import Molecule
from nnrep.systems import System

if TYPE_CHECKING:
    import pandas as pd


T = TypeVar("T")


class Job(NamedTuple):
    """A run that may begin.

    Attributes:
        plan: what is to be done.
        molecule: the structure that it names, prepared; None for a system without one.
        finished: whether its folder holds this very run, finished.
        held: keeps other commands out of the folder until it is closed.
    """

    plan: Plan
    molecule: Molecule | None
    finished: bool
    held: ExitStack


def check_job(raw: DictConfig, folder_path: Path) -> Job:
    """The checked configuration, structure and folder, which is held for the job from here on.

    Raises:
        UserError: a value, the structure or the folder cannot be used; nothing is left in the folder then.
    """
    plan = load_plan(raw).check_maps()
    folder = RunFolder(folder_path)
    with ExitStack() as held:
        held.enter_context(folder.locked())
        plan, molecule = prepared(plan)
        finished = folder.holds_finished(plan.recorded, molecule, plan.config.resume)
        return Job(plan, molecule, finished, held.pop_all())


def prepared(plan: Plan) -> tuple[Plan, Molecule | None]:
    """The plan with the size of its system, and the structure that it names.

    Raises:
        UserError: the structure, or the number of modes, cannot be used.
    """
    folders = plan.config.paths.structures
    for folder in folders:
        existing_folder(folder, "paths.structures")
    molecule = plan.config.system.molecule(folders)
    return plan.for_molecule(molecule), molecule


def run_job(job: Job, folder_path: Path, report: bool = True) -> int:
    """Run what `check_job` has checked into the folder that it was checked for.

    Args:
        job: what was checked.
        folder_path: the folder.
        report: print the closing table, and how to go on, and write a page if one is wanted; a sweep has its
            own.

    Returns:
        Exit status: 0, 1 if a replica diverged, 130 if the run was interrupted.

    Raises:
        UserError: the system cannot be built; nothing is written then.
    """
    folder = RunFolder(folder_path)
    with folder.removed_if_empty(), job.held:
        status = _run_in(folder, job, report)
        if report and job.plan.config.report:
            from nnrep.records.report.runs import log_report  # most runs have none

            log_report(folder_path)
        return status


def _run_in(folder: RunFolder, job: Job, report: bool) -> int:
    began = time.perf_counter()
    plan, molecule = job.plan, job.molecule
    if job.finished:
        rows = folder.runs(len(plan.seeds))
        log().info("%s is complete; nothing to resume", folder.path)
        if report:
            show_table(rows, str(folder.path), folder.history())
        return _exit_status(rows)
    if plan.config.threads is None and not pays_threads(plan):
        compute_with_one_thread()
    configure_jax(plan.config.precision.value)
    with Interruption() as interruption, progress_bar(plan.config.system.energy_unit) as bar:
        padded = plan.minimizes  # other engines know no dummies
        system = loaded_system(plan, molecule, bar, interruption.requested, padded)
        bar.describe("slow modes")
        maps = stopping(partial(built_maps, system, plan), interruption.requested)
        interruption.stop_if_requested()
        folder.open(plan.recorded, molecule)
        monitor = Monitor(bar.update, interruption.requested, folder.checkpoint, plan.config.record.every)
        bar.describe("compiling")
        if plan.config.record.pictures:
            load_ahead("nnrep.records.pictures")
        result = minimized(plan, system, maps, monitor)
        unfinished = Status.interrupted in result.status
        if (
            unfinished and not folder.checkpoint.exists()
        ):  # during its first fit: there is nothing to go on from
            raise KeyboardInterrupt
        rows = run_rows(system, maps, result, plan, time.perf_counter() - began)
        bar.describe("writing")
        pictures = plan.config.record.pictures
        folder.write(system, result, rows, finished=not unfinished, pictures=pictures)
    if report:
        show_table(rows, str(folder.path), result.history)
    if unfinished and report:
        log().info("interrupted; go on with hydra.run.dir=%s resume=true", folder.path)
    return EXIT_INTERRUPTED if interruption.requested() else _exit_status(rows)


def loaded_system(
    plan: Plan,
    molecule: Molecule | None,
    bar: ProgressBar,
    should_stop: Callable[[], bool],
    padded: bool = False,
) -> System:
    """The system, at the start of the first seed; a start that is simulated shows progress.

    Padded, it shares its programs with systems of nearly its size, see `System.dummies`.

    Raises:
        KeyboardInterrupt: the simulation was to stop.
    """

    def unfolding(done: int, total: int) -> None:
        bar.count("unfolding", done, total)
        if should_stop():
            raise KeyboardInterrupt

    return plan.config.system.build(molecule, plan.seeds[0], unfolding, padded)


def stopping(action: Callable[[], T], should_stop: Callable[[], bool]) -> T:
    """The value of a computation that leaves nothing behind when it should stop.

    Raises:
        KeyboardInterrupt: it should.
    """
    try:
        return interruptible(action, should_stop)
    except LeftError as left:
        raise KeyboardInterrupt from left


def built_maps(system: System, plan: Plan) -> tuple[BuiltMap, ...]:
    """The map of every stage; a stage that is repeated has one."""
    maps: list[BuiltMap] = []
    for place, stage in enumerate(plan.stages):
        if place and stage == plan.stages[place - 1]:
            maps.append(maps[-1])
            continue
        count = plan.mode_counts[place]
        maps.append(built_map(system, stage.reparam, stage.modes, count, plan.deciding))
    return tuple(maps)


def minimized(plan: Plan, system: System, maps: tuple[BuiltMap, ...], monitor: Monitor) -> Result:
    """The outcome of a plan, by nnrep or a baseline."""
    config = plan.config
    if not plan.minimizes:
        from nnrep.baselines.run import run_baseline  # OpenMM is loaded for those who want it

        assert system.molecule is not None
        return run_baseline(
            system,
            system.molecule,
            config.baseline,
            seeds=plan.seeds,
            monitor=monitor,
            continuum=config.system.continuum,
        )
    stages = [stage.with_map(made.reparam) for stage, made in zip(plan.stages, maps, strict=True)]
    return minimize(
        system,
        stages,
        seeds=plan.seeds,
        max_steps=config.max_steps,
        restarts=Restarts(config.schedule.restarts, config.schedule.min_contact_fraction),
        monitor=monitor,
    )


def _exit_status(rows: "pd.DataFrame") -> int:
    return EXIT_FAILED if (rows["status"] == Status.diverged.name).any() else EXIT_OK
