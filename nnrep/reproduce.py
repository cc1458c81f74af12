"""`nnrep reproduce`: the settings of a figure -> runs -> summary -> claims, picture and report."""

import time
from datetime import datetime
from pathlib import Path

import pandas as pd

from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, UserError
from nnrep.figures import FIGURES
from nnrep.figures.figure import Evidence, Figure, claims_table, save_picture
from nnrep.figures.report import REPORT, write_report
from nnrep.figures.summary import summarise
from nnrep.interruption import Interruption
from nnrep.records.run_folder import RUNS
from nnrep.records.table import read_table, write_table
from nnrep.reproduce_arguments import Request
from nnrep.sweep.engine import sweep
from nnrep.sweep.settings import Setting, experiment_settings, with_fresh_seeds
from nnrep.sweep.store import RunStore
from nnrep.terminal import log, show_log, sweep_bar

SUMMARY, REPEATS, CLAIMS, COMMANDS = "summary.csv", "repeats.csv", "claims.csv", "commands.csv"
COMMAND_COLUMNS = ["date", "command", "runs", "wall_s", "workers"]


def reproduce(request: Request) -> int:
    """Reproduce figures, one after the other.

    Returns:
        Exit status: 0, 2 if settings could not be run, 130 if it was interrupted.

    Raises:
        UserError: a value or a folder cannot be used; nothing is run then.
    """
    show_log()
    plans = []
    for name in request.figures:
        log().info("%s: composing its settings", name)
        settings = experiment_settings(request.experiment(name), request.overrides)
        plans.append((FIGURES[name], settings, request.results / name))
    if not request.resume:
        for figure, _, folder in plans:
            _check_free(figure, folder)
    for figure, settings, folder in plans:
        status = _reproduce_one(figure, settings, folder, request)
        if status != EXIT_OK:
            return status
    return EXIT_OK


def _check_free(figure: Figure, folder: Path) -> None:
    """Nothing that is there may be lost: finished results will be moved aside, others ask what to do.

    Raises:
        UserError: the folder holds results that are not finished.
    """
    names = (RUNS, SUMMARY, REPEATS, CLAIMS, COMMANDS, REPORT, f"{figure.name}.png", f"{figure.name}.pdf")
    held = [name for name in names if (folder / name).exists()]
    if held and not _is_finished(folder):
        raise UserError(
            f"{folder}: holds unfinished results ({', '.join(held)}); add resume=true, or choose another "
            "results_dir"
        )


def _is_finished(folder: Path) -> bool:
    return (folder / RUNS).exists() and (folder / REPORT).exists()


def _move_aside(folder: Path) -> None:
    stamp = datetime.fromtimestamp((folder / REPORT).stat().st_mtime)
    aside = folder.with_name(f"{folder.name}_{stamp:%Y-%m-%d_%H-%M-%S}")
    if aside.exists():
        raise UserError(f"{aside}: is in the way of the results in {folder}; move one of them")
    folder.rename(aside)
    log().info("%s held finished results; they are in %s now", folder, aside)


def _reproduce_one(figure: Figure, settings: list[Setting], folder: Path, request: Request) -> int:
    """The grid, then the settings that are picked from it once more, then all that follows."""
    if not request.resume and _is_finished(folder):
        _move_aside(folder)
    store = RunStore(folder, _names(settings), keep_positions=figure.needs_positions)
    status = _fill(figure.name, settings, store, request)
    if status != EXIT_OK:
        return status
    store.write()
    picked = set(figure.repeated(summarise(read_table(store.path))))
    repeated = [with_fresh_seeds(setting) for setting in settings]
    repeats = RunStore(folder, _names(repeated), table=REPEATS)
    if picked:
        chosen = [setting for setting in repeated if setting.hash in picked]
        status = _fill(f"{figure.name}, best settings again", chosen, repeats, request)
    if status == EXIT_OK:
        repeats.write()
        write_results(figure, store, repeats)
    return status


def _names(settings: list[Setting]) -> list[str]:
    return [setting.run_id(seed) for setting in settings for seed in setting.seeds]


def _fill(name: str, settings: list[Setting], store: RunStore, request: Request) -> int:
    """Make the runs that a store lacks, and say how it went: an exit status."""
    wanted = _names(settings)
    before = len(store.done().intersection(wanted))
    log().info("%s: %d settings, %d runs, %d of them done", name, len(settings), len(wanted), before)
    began = time.monotonic()
    with Interruption() as interruption, sweep_bar(name, len(wanted), before) as bar:
        swept = sweep(settings, store, request.workers, bar.take, interruption.requested)
    left = len(set(wanted) - store.done())
    made = len(wanted) - before - left
    if made:
        _note_command(store.folder, request, made, time.monotonic() - began, swept.workers)
    if swept.interrupted:
        log().info("interrupted; %d of %d runs are left, resume=true goes on", left, len(wanted))
        return EXIT_INTERRUPTED
    for point, reason in swept.errors.items():
        log().error("nnrep: %s: %s", point, reason)
    if swept.errors:
        log().error("nnrep: %s: %d of %d runs cannot be made", name, left, len(wanted))
        return EXIT_USAGE
    return EXIT_OK


def _note_command(folder: Path, request: Request, made: int, wall_s: float, workers: int) -> None:
    """Add a row to the commands that have made the runs."""
    now = f"{datetime.now():%Y-%m-%d %H:%M}"
    values = (now, request.command, made, round(wall_s, 1), workers)
    row = dict(zip(COMMAND_COLUMNS, values, strict=True))
    noted = pd.concat([_commands(folder), pd.DataFrame([row])], ignore_index=True)
    write_table(folder / COMMANDS, noted)


def _commands(folder: Path) -> pd.DataFrame:
    """The commands that have made the runs; none if they were killed before they could note it."""
    path = folder / COMMANDS
    return read_table(path) if path.exists() else pd.DataFrame(columns=COMMAND_COLUMNS)


def write_results(figure: Figure, store: RunStore, repeats: RunStore) -> None:
    """Everything that follows from the runs of a figure."""
    folder = store.folder
    runs = read_table(store.path)
    summary = summarise(runs)
    write_table(folder / SUMMARY, summary)
    evidence = Evidence(runs, summary, read_table(repeats.path), store.positions)
    claims = claims_table(figure.claims(evidence))
    write_table(folder / CLAIMS, claims)
    save_picture(figure.draw(evidence), folder, figure.name)
    write_report(folder, figure, evidence, claims, _commands(folder))
    log().info("%s: see %s", figure.name, folder / REPORT)
