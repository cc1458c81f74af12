"""What a folder holds of an earlier reproduction: moved aside, or gone on with."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from nnrep.errors import UserError
from nnrep.figures.command_log import read_commands
from nnrep.figures.figure import Figure
from nnrep.figures.provenance import describe_machine, git_commit, known_values
from nnrep.figures.report import REPORT
from nnrep.figures.result_files import COMMANDS, files_of
from nnrep.host.lock import locked
from nnrep.host.runtime import describe_versions
from nnrep.host.terminal import log
from nnrep.records.run_folder import RUNS
from nnrep.structures.molecule import Molecule
from nnrep.sweep.engines.engine import EngineSettings
from nnrep.sweep.engines.local import may_have_accelerator, workers_that_fit
from nnrep.sweep.store import RunStore

ELSEWHERE = "choose another results_dir"


def holds_finished(folder: Path, figure: Figure) -> bool:
    """Whether a folder holds finished results of a figure.

    Raises:
        UserError: it holds results that are not finished.
    """
    held = [name for name in files_of(figure) if (folder / name).exists()]
    if held and not {RUNS, REPORT} <= set(held):
        reason = f"holds unfinished results ({', '.join(held)}); add resume=true, or {ELSEWHERE}"
        raise UserError(f"{folder}: {reason}")
    return bool(held)


def move_aside(folder: Path) -> None:
    """Give finished results a name with their date, so that nothing is lost."""
    stamp = datetime.fromtimestamp((folder / REPORT).stat().st_mtime)
    aside = folder.with_name(f"{folder.name}_{stamp:%Y-%m-%d_%H-%M-%S}")
    if aside.exists():
        raise UserError(f"{aside}: is in the way of the results in {folder}; move one of them")
    with locked(folder, ELSEWHERE):
        folder.rename(aside)
    log().info("%s held finished results; they are in %s now", folder, aside)


def warn_of_versions(store: RunStore) -> None:
    """Say so where runs of other versions will stand beside new ones."""
    others = store.versions() - {describe_versions()}
    if others:
        log().warning(
            "%s: has runs of %s; new ones are of %s", store.path, " and ".join(others), describe_versions()
        )


def workers_to_be(engine: EngineSettings, threads: int | None) -> int | None:
    """How many workers a command will have, where there are runs enough; None where that is not known yet."""
    if engine.devices is None and engine.on_this_machine and may_have_accelerator():
        return None  # one at a time uses it
    asked = engine.devices or engine.workers
    return workers_that_fit(threads) if asked is None and engine.on_this_machine else asked


def warn_of_other_commands(folder: Path, workers: int | None) -> None:
    """Say so where runs of another machine, number of workers or commit will stand beside new ones.

    Args:
        folder: of a figure's results.
        workers: of the new runs; None if it is not known.
    """
    held = read_commands(folder)
    if held.empty:
        return
    count = None if workers is None else f"{workers:g}"
    for name, now in (("machine", describe_machine()), ("workers", count), ("commit", git_commit() or None)):
        others = [value for value in known_values(held[name]) if value != now]
        if others and now is not None:
            after = "" if name == "commit" else "; then claims on wall time are not tested"
            warning = f"has runs with {name} {' and '.join(others)}; new ones are with {now}{after}"
            log().warning("%s: %s", folder / COMMANDS, warning)


def check_structures(store: RunStore, molecules: Mapping[str, Molecule]) -> None:
    """Raise `UserError` where runs that are held are of other coordinates under the same name."""
    for name, held in store.structures():
        molecule = molecules.get(name)
        if molecule is not None and molecule.hash != held:
            reason = f"has runs of another structure {name} than {molecule.source}, which is found now"
            raise UserError(f"{store.path}: {reason}; {ELSEWHERE}")
