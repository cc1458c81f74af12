"""What a folder holds of an earlier reproduction: moved aside, or gone on with."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from nnrep.errors import UserError
from nnrep.figures.figure import Figure
from nnrep.figures.report import REPORT
from nnrep.figures.result_files import files_of
from nnrep.host.lock import locked
from nnrep.host.runtime import describe_versions
from nnrep.host.terminal import log
from nnrep.records.run_folder import RUNS
from nnrep.structures.molecule import Molecule
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


def check_structures(store: RunStore, molecules: Mapping[str, Molecule]) -> None:
    """Raise `UserError` where runs that are held are of other coordinates under the same name."""
    for name, held in store.structures():
        molecule = molecules.get(name)
        if molecule is not None and molecule.hash != held:
            reason = f"has runs of another structure {name} than {molecule.source}, which is found now"
            raise UserError(f"{store.path}: {reason}; {ELSEWHERE}")
