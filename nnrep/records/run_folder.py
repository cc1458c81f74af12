"""A run's folder: whose it is, and the files in it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnrep.choices.identity import flat
from nnrep.errors import UserError
from nnrep.host.cache import write_arrays, write_whole
from nnrep.host.lock import locked
from nnrep.host.terminal import log
from nnrep.minimization import Result, Status
from nnrep.records.table import check_runs, differing_columns, read_columns, read_table, write_table
from nnrep.structures.molecule import Molecule
from nnrep.systems import System

if TYPE_CHECKING:
    import pandas as pd

CONFIG, RUNS, HISTORY, POSITIONS = "config.yaml", "runs.csv", "history.csv", "positions.npz"
CHECKPOINT, ENERGY, LAYOUT = "checkpoint.npz", "energy.png", "layout.png"


def _with_pdf(*pictures: str) -> tuple[str, ...]:
    """Names of pictures, and of the PDF beside each."""
    return (*pictures, *(f"{Path(name).stem}.pdf" for name in pictures))


RUN_FILES = (CONFIG, RUNS, HISTORY, POSITIONS, CHECKPOINT, *_with_pdf(ENERGY, LAYOUT))
# Of a protein: the prepared structure, the final ones of each seed, and what was kept on the way.
NATIVE, FINAL, TRAJECTORY = "native.pdb", "final-{seed}.pdb", "trajectory-{seed}"
# Of `nnrep modes`.
MODES, MODES_ARRAYS, SPECTRUM, MODES_PICTURE = "modes.csv", "modes.npz", "spectrum.png", "modes.png"
ROBUSTNESS, ROBUSTNESS_PICTURE = "robustness.csv", "robustness.png"
MODES_FILES = (MODES, MODES_ARRAYS, ROBUSTNESS, *_with_pdf(SPECTRUM, MODES_PICTURE, ROBUSTNESS_PICTURE))
# Of `nnrep explore`.
EXPLORATION, MINIMA, QUENCHES, EXCHANGE = "exploration.csv", "minima.csv", "quenches.csv", "exchange.csv"
FUNNEL, SEARCH = "funnel.png", "search.png"
MINIMUM, NATIVE_MINIMUM = "minimum-{rank}.pdb", "native-minimised.pdb"
EXPLORATION_FILES = (EXPLORATION, MINIMA, QUENCHES, EXCHANGE, NATIVE_MINIMUM, *_with_pdf(FUNNEL, SEARCH))
SEED_FILES = (
    *(NATIVE, FINAL.format(seed="*"), f"{TRAJECTORY.format(seed='*')}.*"),
    MINIMUM.format(rank="*"),
)


def read_config(path: Path) -> Any:
    """The plain values of a configuration file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is touched yet."""
        self.path = path

    @property
    def checkpoint(self) -> Path:
        """Where the state of the unfinished run is kept."""
        return self.path / CHECKPOINT

    def locked(self) -> AbstractContextManager[None]:
        """The folder held for one command, see `nnrep.host.lock`."""
        return locked(self.path, "choose another hydra.run.dir")

    def holds_finished(self, wanted: dict[str, Any], molecule: Molecule | None, resume: bool) -> bool:
        """Whether the folder holds this very run, finished; False if the run may start or go on in it.

        Nothing is written. Our config.yaml with no more than native.pdb beside it is no result: a run that
        could not start left them.

        Raises:
            UserError: the folder holds results that would be overwritten.
        """
        others = (*MODES_FILES, *EXPLORATION_FILES)
        return self._holds_own(wanted, molecule, resume, others) and self._holds_ended()

    def _holds_ended(self) -> bool:
        """Whether all seeds in the table have ended; those of a run whose checkpoint is gone begin anew."""
        path = self.path / RUNS
        if not path.exists() or self.checkpoint.exists():
            return False
        return Status.interrupted.name not in set(read_table(path).get("status", ()))

    def _holds_own(
        self, wanted: dict[str, Any], molecule: Molecule | None, resume: bool, others: Sequence[str]
    ) -> bool:
        """Whether the folder holds something of this very run, finished or not.

        Raises:
            UserError: it holds results that would be overwritten, such as one of the files of others.
        """
        held = self._held()
        if not held:
            self._check_own_config()
            return False
        if not resume or any(name in others for name in held):
            raise UserError(
                f"{self.path}: holds the results of a run ({', '.join(sorted(held))}); choose another "
                "hydra.run.dir, or continue an unfinished run with resume=true"
            )
        self._check_same(wanted)
        self._check_same_structure(molecule)
        return True

    def refuse_results(self) -> None:
        """Raise `UserError` if the folder holds results, of whatever kind, or someone else's config.yaml."""
        held = self._held()
        if held:
            raise UserError(
                f"{self.path}: holds results ({', '.join(sorted(held))}); choose another hydra.run.dir"
            )
        self._check_own_config()

    def _held(self) -> list[str]:
        names = (*RUN_FILES, *MODES_FILES, *EXPLORATION_FILES)
        held = [name for name in names if name != CONFIG and (self.path / name).exists()]
        held += [path.name for pattern in SEED_FILES for path in self.path.glob(pattern)]
        could_not_start = held == [NATIVE] and (self.path / CONFIG).exists()
        return [] if could_not_start else held

    @contextmanager
    def removed_if_empty(self) -> Iterator[None]:
        """Where what is done inside fails, leave no empty folder behind; Hydra has made one."""
        try:
            yield
        except BaseException:
            if self.path.is_dir() and not any(self.path.iterdir()):
                self.path.rmdir()
            raise

    def open(self, wanted: dict[str, Any], molecule: Molecule | None) -> None:
        """Make the folder this run's own."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / CONFIG, OmegaConf.to_yaml(OmegaConf.create(wanted)).encode())
        if molecule is not None:
            write_whole(self.path / NATIVE, molecule.pdb.encode())

    def _check_same(self, wanted: dict[str, Any]) -> None:
        path = self.path / CONFIG
        advice = "give the run's own configuration or choose another hydra.run.dir"
        try:
            was = read_config(path)
        except UserError as error:
            raise UserError(f"{path}: cannot be read, so this run cannot be resumed; {advice}") from error
        before, now = flat(was), flat(wanted)
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                raise UserError(
                    f"{self.path}: cannot resume, {key or path.name} was {before.get(key)} and is "
                    f"{now.get(key)}; {advice}"
                )

    def _check_own_config(self) -> None:
        path = self.path / CONFIG
        if not path.exists():
            return
        try:
            held = read_config(path)
        except UserError:
            held = None
        if not isinstance(held, dict) or not {"system", "reparam", "schedule"} <= held.keys():
            raise UserError(f"{path}: is no configuration of nnrep's; choose another hydra.run.dir")

    def _check_same_structure(self, molecule: Molecule | None) -> None:
        path = self.path / NATIVE
        if molecule is None:
            return
        if not path.exists() or path.read_text(encoding="utf-8") != molecule.pdb:
            raise UserError(
                f"{path}: is not the structure that {molecule.source} gives now, so this run cannot be "
                "resumed; choose another hydra.run.dir"
            )

    def runs(self, seeds: int) -> "pd.DataFrame":
        """The table of a finished run.

        Raises:
            UserError: it is not whole.
        """
        path = self.path / RUNS
        rows = read_table(path)
        if any(differing_columns(rows.columns)) or len(rows) != seeds:
            raise UserError(f"{path}: not the table of a run of {seeds} seeds; choose another hydra.run.dir")
        check_runs(path, rows)
        return rows

    def history(self) -> "pd.DataFrame":
        """How a finished run went.

        Raises:
            UserError: the table is not that.
        """
        return read_columns(self.path / HISTORY, "history of a run", ("seed", "step"), ("stage",))

    def write(
        self, system: System, result: Result, rows: "pd.DataFrame", finished: bool, pictures: bool = True
    ) -> None:
        """Write every file of the run, pictures if they are wanted; a finished one needs no checkpoint."""
        # OpenMM takes a second to load: a run begins without it.
        from nnrep.records.trajectory import write_trajectories

        arrays: dict[str, Any] = {
            "seeds": np.asarray(result.seeds),
            "start": result.positions_start,
            "final": result.positions,
        }
        if result.positions_coarse is not None:
            arrays["coarse"] = result.positions_coarse
        if result.frames is not None:
            arrays |= {"frame_seeds": result.frames.seed, "frame_steps": result.frames.step}
        write_arrays(self.path / POSITIONS, arrays)
        write_table(self.path / HISTORY, result.history)
        if pictures:
            from nnrep.records.pictures import write_pictures  # so does Matplotlib

            write_pictures(self.path / ENERGY, self.path / LAYOUT, system, result)
        if system.molecule is not None:
            for seed, final in zip(result.seeds, result.positions, strict=True):
                self.write_structure(FINAL.format(seed=seed), system.molecule, final)
        if result.frames is not None:
            write_trajectories(self.path, TRAJECTORY, system, result.frames)
        write_table(self.path / RUNS, rows)
        if finished:
            self.checkpoint.unlink(missing_ok=True)

    def write_structure(self, name: str, molecule: Molecule, positions: np.ndarray) -> None:
        """Write positions (n, 3) in nm to a PDB file of this name; those that none can hold are left out."""
        from nnrep.structures.write import write_pdb

        try:
            write_pdb(self.path / name, molecule.topology, positions)
        except UserError as error:  # flown apart; the rest of the run is still worth its files
            log().warning("%s; the positions are in %s alone", error, POSITIONS)
