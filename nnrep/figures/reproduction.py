"""`nnrep reproduce`: the settings of a figure -> runs -> summary -> claims, picture and report."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, UserError
from nnrep.figures.analysis.sequential import budget_for
from nnrep.figures.analysis.summary import summarise
from nnrep.figures.command_log import CommandLog
from nnrep.figures.comparison import Decided, add_seeds, decisions_of, power_of, power_table, with_runs
from nnrep.figures.earlier_results import (
    ELSEWHERE,
    check_structures,
    holds_finished,
    move_aside,
    warn_of_other_commands,
    warn_of_versions,
    workers_to_be,
)
from nnrep.figures.figure import Figure
from nnrep.figures.registry import FIGURES
from nnrep.figures.report import REPORT
from nnrep.figures.request import Profile, Request
from nnrep.figures.result_files import (
    BEYOND,
    POWER,
    Stores,
    fresh_seeds_held,
    open_stores,
    read_power,
    run_names,
)
from nnrep.figures.results import write_results
from nnrep.host.interruption import Interruption
from nnrep.host.lock import locked
from nnrep.host.terminal import log, show_log
from nnrep.records.table import read_table, write_table
from nnrep.sweep.failures import Failure, write_failures
from nnrep.sweep.finished import FinishedRun
from nnrep.sweep.kept_engine import KeptEngine
from nnrep.sweep.progress import sweep_bar
from nnrep.sweep.settings import (
    Experiment,
    Setting,
    experiment_settings,
    first_fresh_seed,
    with_fresh_seeds,
)
from nnrep.sweep.store import RunStore
from nnrep.sweep.sweep import Swept, sweep


class Reproduction(NamedTuple):
    """A figure and its settings, some of which will be run with fresh seeds as well.

    Attributes:
        figure: which.
        experiment: its settings and structures.
        beyond: settings that the paper does not have.
        folder: of its results.
        in_full: whether it is the paper's profile.
    """

    figure: Figure
    experiment: Experiment
    beyond: list[Setting]
    folder: Path
    in_full: bool

    @property
    def settings(self) -> list[Setting]:
        """The figure's own settings."""
        return self.experiment.settings

    def stores(self, power: float | None) -> Stores:
        """The runs that the folder holds."""
        fresh = [len(repeat.seeds) for repeat in map(self.repeat, self.settings)]
        figure = self.figure
        added = 0 if power is None else figure.known_seeds + budget_for(power, figure.most_seeds)
        first = min(map(first_fresh_seed, self.settings))
        most = max(*fresh, added, fresh_seeds_held(self.folder, first))
        repeatable = [with_fresh_seeds(setting, most) for setting in self.settings]
        return open_stores(self.folder, figure, self.settings, repeatable, self.beyond)

    def repeat(self, setting: Setting) -> Setting:
        """A setting with fresh seeds, by which best settings are compared."""
        fresh = with_fresh_seeds(setting)
        most = self.figure.fresh_seeds if self.in_full else 0
        return fresh if len(fresh.seeds) >= most else with_fresh_seeds(setting, most)

    def power(self, request: Request) -> float | None:
        """The power of the seeds that are added: that which the folder was begun with, or the request's.

        None where the figure has no comparisons; of all figures, some have none.
        """
        if not self.figure.adds_seeds:
            return None
        return power_of(read_power(self.folder), request.power, str(self.folder))


def reproduce(request: Request) -> int:
    """Reproduce figures, one after the other.

    Returns:
        Exit status: 0, 2 if settings could not be run, 130 if it was interrupted.

    Raises:
        UserError: a value or a folder cannot be used; nothing is run then.
    """
    show_log()
    reproductions = [_composed(name, request) for name in request.figures]
    with ExitStack() as locks:
        if not request.resume:
            finished = [each.folder for each in reproductions if holds_finished(each.folder, each.figure)]
            for folder in finished:
                move_aside(folder)
        for each in reproductions:
            locks.enter_context(locked(each.folder, ELSEWHERE))
        # What cannot be gone on with is said before anything runs.
        stores = [each.stores(each.power(request)) for each in reproductions]
        for each, held in zip(reproductions, stores, strict=True):
            threads = each.settings[0].config.threads
            warn_of_other_commands(each.folder, workers_to_be(request.engine, threads))
            for store in held:
                warn_of_versions(store)
                check_structures(store, each.experiment.molecules)
        kept = locks.enter_context(KeptEngine(request.engine))
        statuses = [EXIT_OK]
        for each, held in zip(reproductions, stores, strict=True):
            statuses.append(_reproduce_one(each, held, request, kept))
            if statuses[-1] == EXIT_INTERRUPTED:
                break
    return max(statuses)


def _composed(name: str, request: Request) -> Reproduction:
    """A figure with all of its settings, its structures prepared."""
    log().info("%s: composing its settings", name)
    figure = FIGURES[name]
    experiment = experiment_settings(
        request.experiment(name), request.overrides, fixed=figure.fixed_grid, check=figure.check
    )
    for reason in experiment.missing.values():
        log().warning("%s: left out, %s", name, reason)
    folder, beyond = request.results / name, []
    # Also for what the folder holds of it.
    if figure.beyond and (request.beyond or (folder / BEYOND).exists()):
        try:
            beyond = beyond_settings(name, request, experiment.settings)
        except UserError as error:
            raise UserError(f"{error}; beyond=false leaves out {name}_beyond") from error
    in_full = request.profile is Profile.paper
    return Reproduction(figure, experiment, beyond, folder, in_full)


def beyond_settings(name: str, request: Request, settings: list[Setting]) -> list[Setting]:
    """What the paper does not have on the problems of a figure, but for what its own settings have already.

    Overrides of the paper's methods are left out, see `Request.shared_overrides`.
    """
    beyond = experiment_settings(request.experiment(f"{name}_beyond"), request.shared_overrides).settings
    own = {setting.hash for setting in settings}
    return [setting for setting in beyond if setting.hash not in own]


def _reproduce_one(reproduction: Reproduction, stores: Stores, request: Request, kept: KeptEngine) -> int:
    """The grid, what is picked from it with fresh seeds, what is beyond the paper, then all that follows."""
    figure, runs = reproduction.figure, stores.runs
    failures: list[Failure] = []
    filled = _fill(figure.name, reproduction.settings, runs, request, kept, failures)
    if filled.interrupted or not runs.done():
        return EXIT_INTERRUPTED if filled.interrupted else EXIT_USAGE
    runs.write()
    picked = set(figure.repeated(summarise(read_table(runs.path))))
    repeated = [reproduction.repeat(setting) for setting in reproduction.settings if setting.hash in picked]
    for title, settings, store in (
        (f"{figure.name}, best settings again", repeated, stores.repeats),
        (f"{figure.name}, beyond the paper", reproduction.beyond if request.beyond else [], stores.beyond),
    ):
        if settings:
            filled = _fill(title, settings, store, request, kept, failures)
            if filled.interrupted:
                return EXIT_INTERRUPTED
        store.write()
    decisions, interrupted = _decided(reproduction, stores, request, kept, failures)
    if interrupted:
        return EXIT_INTERRUPTED
    experiment, names = reproduction.experiment, set(run_names(repeated))
    errors = {failure.setting: failure.error for failure in failures}
    write_results(reproduction.folder, figure, experiment, stores, names, errors, decisions)
    if any(setting.config.report for setting in reproduction.settings):
        from nnrep.figures.report_page import write_figure_report  # most figures have none

        log().info("%s: page %s", figure.name, write_figure_report(reproduction.folder))
    return EXIT_USAGE if errors else EXIT_OK


def _decided(
    reproduction: Reproduction, stores: Stores, request: Request, kept: KeptEngine, failures: list[Failure]
) -> tuple[dict[str, Decided], bool]:
    """Add seeds until comparisons are decided, if that is asked for.

    Returns:
        Where they stand and by which runs, and whether it was interrupted.
    """
    figure, power = reproduction.figure, reproduction.power(request)
    if power is None:
        return {}, False
    comparisons = figure.comparisons(summarise(read_table(stores.runs.path)))
    if not comparisons:
        log().warning(
            "%s: power adds no seeds, as none of the settings that it compares are here", figure.name
        )
        return {}, False

    def repeats() -> pd.DataFrame:
        return read_table(stores.repeats.path)

    # The rule is on disk before the first seed that is added.
    write_table(reproduction.folder / POWER, power_table(decisions_of(comparisons, repeats(), power), power))
    interrupted = False

    def fill(wanted: Mapping[str, int]) -> bool:
        nonlocal interrupted
        chosen = [setting for setting in reproduction.settings if setting.hash in wanted]
        settings = [with_fresh_seeds(setting, wanted[setting.hash]) for setting in chosen]
        title = f"{figure.name}, seeds until decided"
        filled = _fill(title, settings, stores.repeats, request, kept, failures)
        stores.repeats.write()
        interrupted = filled.interrupted
        return not (filled.interrupted or filled.failures)

    decisions = add_seeds(comparisons, power, repeats, fill)
    return with_runs(comparisons, decisions, repeats()), interrupted


def _fill(
    name: str,
    settings: list[Setting],
    store: RunStore,
    request: Request,
    kept: KeptEngine,
    failures: list[Failure],
) -> Swept:
    """Make the runs that a store lacks, and say how it went; `failures` takes those that cannot be made."""
    wanted = run_names(settings)
    before = len(store.done().intersection(wanted))
    log().info("%s: %d settings, %d runs, %d of them done", name, len(settings), len(wanted), before)
    if before < len(wanted):
        # The report is no longer of all runs; it is written anew in the end.
        (store.folder / REPORT).unlink(missing_ok=True)
    made = CommandLog(store.folder, request.command)
    with Interruption() as interruption, sweep_bar(name, len(wanted), before) as bar:

        def take(runs: Sequence[FinishedRun], workers: int) -> None:
            made.add(len(runs), workers)
            bar.take(runs)

        cold = request.profile is Profile.paper
        swept = sweep(settings, store, kept, take, interruption.requested, cold)
    made.add(0, swept.workers)
    failures += swept.failures
    write_failures(store.folder, failures)
    left = len(set(wanted) - store.done())
    if swept.interrupted:
        log().info("interrupted; %d of %d runs are left, resume=true goes on", left, len(wanted))
    for setting, reason in {failure.setting: failure.error for failure in swept.failures}.items():
        log().error("nnrep: %s: %s", setting, reason)
    if swept.failures:
        cannot = len(swept.failures)
        log().error("nnrep: %s: %d of %d runs cannot be made", name, cannot, len(wanted))
    return swept
