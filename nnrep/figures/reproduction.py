"""`nnrep reproduce`: the settings of a figure -> runs -> summary -> claims, picture and report."""

import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pandas.api.types import is_numeric_dtype

from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, UserError
from nnrep.figures import FIGURES
from nnrep.figures.figure import Evidence, Figure, claims_table, save_arrays, save_picture
from nnrep.figures.published import is_published
from nnrep.figures.report import REPORT, write_report
from nnrep.figures.request import Profile, Request
from nnrep.figures.summary import summarise
from nnrep.host.interruption import Interruption
from nnrep.host.runtime import describe_versions
from nnrep.host.terminal import log, show_log, sweep_bar
from nnrep.records.run_folder import RUNS
from nnrep.records.table import read_table, write_table
from nnrep.sweep.engine import Swept, sweep
from nnrep.sweep.lock import locked
from nnrep.sweep.settings import Experiment, Setting, experiment_settings, with_fresh_seeds
from nnrep.sweep.store import RunStore

SUMMARY, REPEATS, CLAIMS, COMMANDS = "summary.csv", "repeats.csv", "claims.csv", "commands.csv"
BEYOND, BEYOND_SUMMARY = "beyond.csv", "beyond_summary.csv"
COMMAND_COLUMNS = ["date", "command", "runs", "wall_s", "workers"]


class Stores(NamedTuple):
    """What a folder holds of a figure's runs, of the repeats, and of what the paper does not have."""

    runs: RunStore
    repeats: RunStore
    beyond: RunStore


class Plan(NamedTuple):
    """A figure, its settings, and the same ones with fresh seeds, some of which will be run again.

    Attributes:
        figure: which.
        experiment: its settings and structures.
        repeatable: the settings, with fresh seeds.
        beyond: settings that the paper does not have.
        folder: of its results.
    """

    figure: Figure
    experiment: Experiment
    repeatable: list[Setting]
    beyond: list[Setting]
    folder: Path

    @property
    def settings(self) -> list[Setting]:
        """All of them."""
        return self.experiment.settings

    def stores(self) -> Stores:
        """What the folder holds."""
        keep, follow = self.figure.needs_positions, self.figure.needs_histories
        return Stores(
            RunStore(self.folder, _names(self.settings), keep_positions=keep, keep_histories=follow),
            RunStore(self.folder, _names(self.repeatable), keep_histories=follow, table=REPEATS),
            RunStore(self.folder, _names(self.beyond), table=BEYOND),
        )


def reproduce(request: Request) -> int:
    """Reproduce figures, one after the other.

    Returns:
        Exit status: 0, 2 if settings could not be run, 130 if it was interrupted.

    Raises:
        UserError: a value or a folder cannot be used; nothing is run then.
    """
    show_log()
    plans = [_plan(name, request) for name in request.figures]
    with ExitStack() as locks:
        if not request.resume:
            for folder in [plan.folder for plan in plans if _holds_finished(plan)]:
                _move_aside(folder)
        for plan in plans:
            locks.enter_context(locked(plan.folder))
        # What cannot be gone on with is said before anything runs.
        stores = [plan.stores() for plan in plans]
        for plan, held in zip(plans, stores, strict=True):
            for store in held:
                _warn_of_versions(store)
                _check_structures(plan, store)
        statuses = [EXIT_OK]
        for plan, held in zip(plans, stores, strict=True):
            statuses.append(_reproduce_one(plan, held, request))
            if statuses[-1] == EXIT_INTERRUPTED:
                break
    return max(statuses)


def _plan(name: str, request: Request) -> Plan:
    log().info("%s: composing its settings", name)
    figure = FIGURES[name]
    experiment = experiment_settings(
        request.experiment(name), request.overrides, fixed=figure.fixed_grid, check=figure.check
    )
    for reason in experiment.missing.values():
        log().warning("%s: left out, %s", name, reason)
    repeatable = [with_fresh_seeds(setting) for setting in experiment.settings]
    beyond = beyond_settings(name, request, experiment.settings) if figure.beyond else []
    return Plan(figure, experiment, repeatable, beyond, request.results / name)


def beyond_settings(name: str, request: Request, settings: list[Setting]) -> list[Setting]:
    """What the paper does not have on the problems of a figure, but for what its own settings have already.

    Overrides of the paper's methods are left out, see `Request.shared_overrides`.
    """
    found = experiment_settings(request.experiment(f"{name}_beyond"), request.shared_overrides).settings
    own = {setting.hash for setting in settings}
    return [setting for setting in found if setting.hash not in own]


def _holds_finished(plan: Plan) -> bool:
    """Whether the folder of a figure holds finished results, which will be moved aside: nothing is lost.

    Raises:
        UserError: it holds results that are not finished.
    """
    folder, name = plan.folder, plan.figure.name
    tables = (RUNS, SUMMARY, REPEATS, BEYOND, BEYOND_SUMMARY, CLAIMS, COMMANDS)
    names = (*tables, REPORT, f"{name}.png", f"{name}.pdf")
    held = [name for name in names if (folder / name).exists()]
    if held and not {RUNS, REPORT} <= set(held):
        reason = (
            f"holds unfinished results ({', '.join(held)}); add resume=true, or choose another results_dir"
        )
        raise UserError(f"{folder}: {reason}")
    return bool(held)


def _move_aside(folder: Path) -> None:
    stamp = datetime.fromtimestamp((folder / REPORT).stat().st_mtime)
    aside = folder.with_name(f"{folder.name}_{stamp:%Y-%m-%d_%H-%M-%S}")
    if aside.exists():
        raise UserError(f"{aside}: is in the way of the results in {folder}; move one of them")
    with locked(folder):
        folder.rename(aside)
    log().info("%s held finished results; they are in %s now", folder, aside)


def _warn_of_versions(store: RunStore) -> None:
    """Say so where runs of other versions will stand beside new ones."""
    others = store.versions() - {describe_versions()}
    if others:
        log().warning(
            "%s: has runs of %s; new ones are of %s", store.path, " and ".join(others), describe_versions()
        )


def _check_structures(plan: Plan, store: RunStore) -> None:
    """Raise `UserError` where runs that are held are of other coordinates under the same name."""
    for name, held in store.structures():
        molecule = plan.experiment.molecules.get(name)
        if molecule is not None and molecule.hash != held:
            reason = f"has runs of another structure {name} than {molecule.source}, which is found now"
            raise UserError(f"{store.path}: {reason}; choose another results_dir")


def _reproduce_one(plan: Plan, stores: Stores, request: Request) -> int:
    """The grid, what is picked from it once more, what is beyond the paper, then all that follows."""
    name, runs = plan.figure.name, stores.runs
    filled = _fill(name, plan.settings, runs, request)
    if filled.interrupted or not runs.done():
        return EXIT_INTERRUPTED if filled.interrupted else EXIT_USAGE
    runs.write()
    picked = set(plan.figure.repeated(summarise(read_table(runs.path))))
    chosen = [setting for setting in plan.repeatable if setting.hash in picked]
    errors = filled.errors
    for title, settings, store in (
        (f"{name}, best settings again", chosen, stores.repeats),
        (f"{name}, beyond the paper", plan.beyond if request.beyond else [], stores.beyond),
    ):
        if settings:
            filled = _fill(title, settings, store, request)
            errors |= filled.errors
            if filled.interrupted:
                return EXIT_INTERRUPTED
        store.write()
    write_results(plan, stores, picked, errors)
    return EXIT_USAGE if errors else EXIT_OK


def _names(settings: list[Setting]) -> list[str]:
    return [setting.run_id(seed) for setting in settings for seed in setting.seeds]


def _fill(name: str, settings: list[Setting], store: RunStore, request: Request) -> Swept:
    """Make the runs that a store lacks, and say how it went."""
    wanted = _names(settings)
    before = len(store.done().intersection(wanted))
    log().info("%s: %d settings, %d runs, %d of them done", name, len(settings), len(wanted), before)
    if before < len(wanted):
        # What it said is no longer the whole; it is written anew in the end.
        (store.folder / REPORT).unlink(missing_ok=True)
    began = time.monotonic()
    with Interruption() as interruption, sweep_bar(name, len(wanted), before) as bar:
        cold = request.profile is Profile.paper
        swept = sweep(settings, store, request.workers, bar.take, interruption.requested, cold)
    left = len(set(wanted) - store.done())
    made = len(wanted) - before - left
    if made:
        _note_command(store.folder, request, made, time.monotonic() - began, swept.workers)
    if swept.interrupted:
        log().info("interrupted; %d of %d runs are left, resume=true goes on", left, len(wanted))
    for point, reason in swept.errors.items():
        log().error("nnrep: %s: %s", point, reason)
    if swept.errors:
        log().error("nnrep: %s: %d of %d runs cannot be made", name, left, len(wanted))
    return swept


def _note_command(folder: Path, request: Request, made: int, wall_s: float, workers: int) -> None:
    """Add a row to the commands that have made the runs."""
    now = f"{datetime.now():%Y-%m-%d %H:%M}"
    values = (now, request.command, made, round(wall_s, 1), workers)
    row = dict(zip(COMMAND_COLUMNS, values, strict=True))
    noted = pd.concat([_commands(folder), pd.DataFrame([row])], ignore_index=True)
    write_table(folder / COMMANDS, noted)


def _commands(folder: Path) -> pd.DataFrame:
    """The commands that have made the runs; none if they were killed before they could note it.

    Raises:
        UserError: the table is not what `_note_command` wrote.
    """
    path = folder / COMMANDS
    if not path.exists():
        return pd.DataFrame(columns=COMMAND_COLUMNS)
    held = read_table(path)
    if list(held.columns) != COMMAND_COLUMNS or not is_numeric_dtype(held["runs"]):
        raise UserError(f"{path}: is no table of {', '.join(COMMAND_COLUMNS)}; move it away")
    return held


def write_results(plan: Plan, stores: Stores, picked: set[str], errors: dict[str, str]) -> None:
    """Everything that follows from the runs of a figure.

    Args:
        plan: the figure, its settings and its folder.
        stores: its runs; with fresh seeds those of settings that are picked or once were; and those beyond
            the paper, of which claims and pictures know nothing.
        picked: hashes of the settings that are picked from the runs now.
        errors: setting -> why it could not be run.
    """
    figure, folder = plan.figure, plan.folder
    runs, again, beyond = (read_table(store.path) for store in stores)
    summary = summarise(runs)
    write_table(folder / SUMMARY, summary)
    if len(beyond):
        write_table(folder / BEYOND_SUMMARY, summarise(beyond))
    evidence = Evidence(
        runs=runs,
        summary=summary,
        repeats=again[again["config_hash"].isin(picked)],
        as_published=all(is_published(setting.config.system) for setting in plan.settings),
        positions=stores.runs.positions,
        histories=lambda run: (stores.runs if run in stores.runs.done() else stores.repeats).history(run),
        molecules=plan.experiment.molecules,
        missing=plan.experiment.missing,
        configs=[setting.config for setting in plan.settings],
    )
    claims = claims_table(figure.claims(evidence))
    write_table(folder / CLAIMS, claims)
    tables = figure.tables(evidence)
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table)
    arrays = figure.arrays(evidence)
    for name, of_name in arrays.items():
        save_arrays(of_name, folder / f"{name}.npz")
    save_picture(figure.draw(evidence), folder, figure.name)
    write_report(folder, figure, evidence, claims, tables, beyond, _commands(folder), errors)
    log().info("%s: see %s", figure.name, folder / REPORT)
