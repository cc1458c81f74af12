"""`nnrep explore`: ladders of replicas, in this process or in several, until their search has ended."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import NamedTuple, Self

from omegaconf import DictConfig

from nnrep.config.exploring import ExploringPlan, load_exploring_plan
from nnrep.config.work import pays_threads
from nnrep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UserError, named_under
from nnrep.exploration.driver import sampler_of, search_of
from nnrep.exploration.finish import Finish
from nnrep.exploration.outcome import explored
from nnrep.exploration.round import Explorer, Order, Round, Start
from nnrep.exploration.search import Ended, Search, searched
from nnrep.host.counting import count
from nnrep.host.devices import runs_on_cpu
from nnrep.host.interruption import Interruption, stop_requested
from nnrep.host.progress import Progress
from nnrep.host.runtime import compute_with_one_thread, configure_jax
from nnrep.host.terminal import ProgressBar, log, progress_bar
from nnrep.job import built_maps, loaded_system, prepared, stopping
from nnrep.records.exploration.closing import show_exploration
from nnrep.records.exploration.folder import ExplorationFolder
from nnrep.records.exploration.read import read_minima, read_summary
from nnrep.records.exploration.tables import minima_table, summary_table
from nnrep.records.run_folder import EXPLORATION, MINIMA
from nnrep.structures.molecule import Molecule
from nnrep.sweep.dispatch import dispatch
from nnrep.sweep.engines.local import LocalEngine, workers_that_fit
from nnrep.systems import System


class ExploreJob(NamedTuple):
    """A search that may begin or go on, or has `ended`; see `nnrep.job.Job`."""

    plan: ExploringPlan
    molecule: Molecule | None
    ended: bool
    held: ExitStack


def check_job(raw: DictConfig, folder_path: Path) -> ExploreJob:
    """The checked configuration, structure and folder, which is held for the job from here on.

    Raises:
        UserError: a value, the structure or the folder cannot be used; nothing is left in the folder then.
    """
    plan = load_exploring_plan(raw)
    folder = ExplorationFolder(folder_path)
    with ExitStack() as held:
        held.enter_context(folder.locked())
        _, molecule = prepared(plan.finish)
        plan = plan.for_molecule(molecule)
        explore, system = plan.config.explore, plan.config.system
        limits = (plan.finish.seeds, explore.least_fall(system.energy_unit, system.mean_over), explore)
        ended = folder.holds_ended(plan.finish.recorded, molecule, plan.config.resume, *limits)
        return ExploreJob(plan, molecule, ended, held.pop_all())


def run_job(job: ExploreJob, folder_path: Path, report: bool = True) -> int:
    """Search as `check_job` has checked it, in the folder that it was checked for.

    Args:
        job: what was checked.
        folder_path: the folder.
        report: print the closing table, and write a page if one is wanted.

    Returns:
        Exit status: 0, 1 if all ladders diverged or no minimum was found, 130 if it was interrupted.

    Raises:
        UserError: the system cannot be built, or cannot be searched.
    """
    folder = ExplorationFolder(folder_path)
    with folder.removed_if_empty(), job.held:
        status = _run_in(folder, job, report)
        if report and job.plan.config.report and (folder_path / EXPLORATION).exists():
            from nnrep.records.report.exploration import log_exploration_report

            log_exploration_report(folder_path)
        return status


def _run_in(folder: ExplorationFolder, job: ExploreJob, report: bool) -> int:
    plan, config = job.plan, job.plan.config
    units = (config.system.energy_unit, config.system.length_unit)
    if job.ended:
        log().info("%s is complete; nothing to resume (%s)", folder.path, _longer(folder))
        if report:
            _show(folder, units)
        return _exit_status(folder)
    if config.threads is None and not pays_threads(plan.quench):
        compute_with_one_thread()
    configure_jax(config.precision.value)
    with Interruption() as interruption, progress_bar(config.system.energy_unit) as bar:
        explorer, system, finish = _explorer_of(plan, job.molecule, bar, interruption.requested)
        search = search_of(system, config.explore, plan.finish.seeds, explorer.sampler, folder.checkpoint)
        folder.open(plan.finish.recorded, job.molecule)
        bar.describe("compiling")
        ended = _searched(plan, search, explorer, interruption.requested, bar.update)
        bar.describe("minimising the lowest")
        done = partial(bar.count, "minimising the lowest")
        outcome = explored(search, system, finish, ended, interruption.requested, done)
        bar.describe("writing")
        minima = minima_table(system, outcome, config.explore.finished_minima)
        settings = {"system": config.system.name, **config.system.columns(job.molecule)}
        summary = summary_table(system, outcome, settings, plan.finish.hash)
        interrupted = outcome.ended is Ended.interrupted
        kept = interrupted and folder.holds_end()
        if not kept:
            pictures = config.record.pictures
            folder.write_search(system, outcome, minima, summary, config.explore.finished_minima, pictures)
    if report:
        _show(folder, units)
    if outcome.diverged:
        seeds = ", ".join(map(str, outcome.diverged))
        log().warning("ladder of seed %s: a replica flew apart; choose a shorter explore.time_step_fs", seeds)
    if interrupted:
        which = ", with the tables as they were before it went on" if kept else ""
        log().info("interrupted%s; go on with hydra.run.dir=%s resume=true", which, folder.path)
        return EXIT_INTERRUPTED
    return _exit_status(folder)


def _exit_status(folder: ExplorationFolder) -> int:
    row = read_summary(folder.path / EXPLORATION).iloc[0]
    failed = row["ended"] == Ended.diverged.value or row["minima"] == 0
    return EXIT_FAILED if failed else EXIT_OK


def _longer(folder: ExplorationFolder) -> str:
    """How a search that has ended can be lengthened."""
    if not folder.checkpoint.exists():
        return f"without its {folder.checkpoint.name} it cannot go on"
    if read_summary(folder.path / EXPLORATION)["ended"].iloc[0] == Ended.diverged.value:
        return "all ladders have diverged; it cannot go on"
    return "it goes on with a longer explore.time_limit_s, explore.steps or explore.patience"


def _show(folder: ExplorationFolder, units: tuple[str, str]) -> None:
    minima, summary = read_minima(folder.path / MINIMA), read_summary(folder.path / EXPLORATION)
    show_exploration(minima, summary.dropna(axis=1), str(folder.path), units)


def _explorer_of(
    plan: ExploringPlan, molecule: Molecule | None, bar: ProgressBar, should_stop: Callable[[], bool]
) -> tuple[Explorer, System, Finish]:
    """What computes rounds of a plan, and how its minima are minimised at the end.

    Raises:
        UserError: the system cannot be built, or cannot be searched.
        KeyboardInterrupt: it was to stop.
    """
    system = loaded_system(plan.finish, molecule, bar, should_stop, padded=True)
    config = plan.config.explore
    with named_under("explore"):
        sampler = sampler_of(system, config)
    bar.describe("maps")
    quench, finish = (
        [
            stage.with_map(made.reparam)
            for stage, made in zip(
                each.stages, stopping(partial(built_maps, system, each), should_stop), strict=True
            )
        ]
        for each in (plan.quench, plan.finish)
    )
    explorer = Explorer(system, sampler, quench, config)
    return explorer, system, Finish(finish, plan.config.max_steps)


def _searched(
    plan: ExploringPlan,
    search: Search,
    explorer: Explorer,
    should_stop: Callable[[], bool],
    on_progress: Callable[[Progress], None],
) -> Ended:
    """Run a search to its end: in this process or, of several ladders, in as many as there is room for."""
    threads = plan.config.threads or 1
    processes = min(len(plan.finish.seeds), plan.config.explore.workers or processes_for(threads))
    if processes == 1:
        return searched(search, explorer, should_stop, on_progress)
    engine = LocalEngine([None] * processes, threads)

    def next_order(slot: int) -> "OrderOf | None":
        order = search.next_order()
        return None if order is None else OrderOf(plan, order)

    def take(work: OrderOf, came: Start | Round | None) -> None:
        search.take(work.order, came)
        on_progress(search.progress())

    def lost(work: OrderOf, why: str) -> None:
        search.save()
        raise UserError(f"ladder of seed {work.order.seed}: {why}; the same command with resume=true goes on")

    def shown_and_asked() -> bool:
        if engine.counted > search.counted:
            search.counted = engine.counted
            on_progress(search.progress())
        return should_stop()

    try:
        dispatch(engine, next_order, take, lost, shown_and_asked, processes)
    finally:
        engine.close()
    search.save()
    return search.ended() or Ended.interrupted


def processes_for(threads: int) -> int:
    """How many processes of so many threads there is room for: one where they would share an accelerator, or
    in a job of a sweep, which has such a process itself."""
    return workers_that_fit(threads) if runs_on_cpu() and parent_process() is None else 1


@dataclass(frozen=True)
class OrderOf:
    """A start or a round of a ladder as work for a process, which builds the system once.

    Attributes:
        plan: of the search.
        order: which one.
    """

    plan: ExploringPlan
    order: Order

    @property
    def shape(self) -> str:
        """All share their programs."""
        return "order"

    def __call__(self) -> Start | Round | None:
        """Compute it; None where it was to stop."""
        log().setLevel("WARNING")
        try:
            explorer = self._explorer()
        except KeyboardInterrupt:  # before there is one
            return None
        return explorer.computed(self.order, stop_requested, count)

    def _explorer(self) -> Explorer:
        """That of this process; raises `KeyboardInterrupt` where it was to stop."""
        key = self.plan.finish.hash
        if key not in _explorers:
            configure_jax(self.plan.config.precision.value)
            _, molecule = prepared(self.plan.finish)
            plan = self.plan.for_molecule(molecule)
            with progress_bar(quiet=True) as bar:
                _explorers.clear()
                _explorers[key] = _explorer_of(plan, molecule, bar, stop_requested)[0]
        return _explorers[key]

    def parts(self) -> list[Self]:
        """It is one."""
        return [self]


_explorers: dict[str, Explorer] = {}  # of this process, a worker
