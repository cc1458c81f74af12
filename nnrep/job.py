"""One run: config -> System -> SlowModes -> Reparametrization -> minimize -> tables and pictures."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from omegaconf import DictConfig

from nnrep.baselines import run_baseline
from nnrep.config.schema import RunConfig, as_plain, load_config
from nnrep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from nnrep.host.interruption import Interruption
from nnrep.host.runtime import configure_jax
from nnrep.host.terminal import ProgressBar, log, progress_bar, show_table
from nnrep.minimization import Result, Stage, Status, minimize
from nnrep.minimization.minimize import seed_list
from nnrep.minimization.progress import Progress
from nnrep.modes.request import FoundModes
from nnrep.records.rows import run_rows
from nnrep.records.run_folder import RunFolder
from nnrep.reparam import Reparametrization
from nnrep.reparam.build import found_maps
from nnrep.structures.molecule import Molecule
from nnrep.systems import System
from nnrep.systems.registry import molecule_of, system_from_config


class Checked(NamedTuple):
    """A run that may begin.

    Attributes:
        config: its configuration.
        molecule: the structure that it names, prepared; None for a system without one.
        finished: whether its folder holds this very run, finished.
    """

    config: RunConfig
    molecule: Molecule | None
    finished: bool


def check_job(raw: DictConfig, folder_path: Path) -> Checked:
    """The checked configuration, structure and folder. Nothing is written outside of the user's cache.

    Raises:
        UserError: a value, the structure or the folder cannot be used.
    """
    config = load_config(raw)
    config.needs_modes  # noqa: B018 (checks the map)
    molecule = prepared_molecule(config)
    folder = RunFolder(folder_path)
    return Checked(config, molecule, folder.holds_finished(as_plain(config), molecule, config.resume))


def prepared_molecule(config: RunConfig) -> Molecule | None:
    """The structure that a configuration names, which has as many modes as it wants.

    Raises:
        UserError: the structure, or the number of modes, cannot be used.
    """
    molecule = molecule_of(config.system, config.paths.structures)
    if molecule is not None:
        config.check_mode_counts(molecule.n, 3, molecule.residues)
    return molecule


def loaded_system(
    config: RunConfig, molecule: Molecule | None, bar: ProgressBar, should_stop: Callable[[], bool]
) -> System:
    """The system, at the start of the first seed; a start that is simulated shows progress.

    Raises:
        KeyboardInterrupt: the simulation was to stop.
    """

    def unfolding(done: int, total: int) -> None:
        bar.count("unfolding", done, total)
        if should_stop():
            raise KeyboardInterrupt

    return system_from_config(config.system, molecule, seed_list(config.seeds)[0], on_progress=unfolding)


def run_job(raw: DictConfig, folder_path: Path) -> int:
    """Run one configuration into a folder.

    Returns:
        Exit status: 0, 1 if a replica diverged, 130 if the run was interrupted.

    Raises:
        UserError: a value or the folder cannot be used; nothing is written then.
    """
    began = time.perf_counter()
    config, molecule, finished_before = check_job(raw, folder_path)
    folder = RunFolder(folder_path)
    if finished_before:
        rows = folder.runs(len(seed_list(config.seeds)))
        log().info("%s is complete; nothing to resume", folder.path)
        show_table(rows, str(folder.path))
        return _exit_status(rows)
    configure_jax(config.precision.value)
    with Interruption() as interruption, progress_bar() as bar:
        with folder.removed_if_empty():
            system = loaded_system(config, molecule, bar, interruption.requested)
            bar.describe("slow modes")
            found = found_maps(system, config)
            interruption.stop_if_requested()
        folder.open(as_plain(config), molecule)
        watch = Watch(bar.update, interruption.requested, folder.checkpoint)
        bar.describe("compiling")
        result = minimized(config, system, found, watch)
        rows = run_rows(system, found, result, config, time.perf_counter() - began)
        bar.describe("writing")
        unfinished = Status.interrupted in result.status
        folder.write(system, result, rows, finished=not unfinished)
    show_table(rows, str(folder.path))
    if unfinished:
        log().info("interrupted; go on with hydra.run.dir=%s resume=true", folder.path)
    return EXIT_INTERRUPTED if interruption.requested() else _exit_status(rows)


class Watch(NamedTuple):
    """What the two kinds of minimisation are given to be followed, stopped and resumed."""

    on_progress: Callable[[Progress], None] | None
    should_stop: Callable[[], bool]
    checkpoint: Path | None


def minimized(config: RunConfig, system: System, found: FoundModes, watch: Watch) -> Result:
    """The outcome of a configuration, by nnrep or a baseline."""
    if config.minimizes:
        return _minimize(system, found.maps, config, watch)
    return _baseline(system, config, watch)


def _minimize(system: System, maps: tuple[Reparametrization, ...], config: RunConfig, watch: Watch) -> Result:
    stages = [
        Stage(
            stage.name,
            made,
            stage.optimizer,
            stage.stopping,
            stage.max_steps,
            stage.fit.build() if stage.fit else None,
        )
        for stage, made in zip(config.stages, maps, strict=True)
    ]
    return minimize(
        system,
        stages=stages,
        restarts=config.schedule.restarts,
        min_contact_fraction=config.schedule.min_contact_fraction,
        seeds=config.seeds,
        max_steps=config.max_steps,
        record_every=config.record.every,
        **watch._asdict(),
    )


def _baseline(system: System, config: RunConfig, watch: Watch) -> Result:
    assert system.molecule is not None
    return run_baseline(
        system,
        system.molecule,
        config.baseline,
        seeds=seed_list(config.seeds),
        record_every=config.record.every,
        **watch._asdict(),
    )


def _exit_status(rows: pd.DataFrame) -> int:
    return EXIT_FAILED if (rows["status"] == Status.diverged.name).any() else EXIT_OK
