"""One run: config -> System -> SlowModes -> Reparametrization -> minimize -> tables and pictures."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from omegaconf import DictConfig

from nnrep import reparam
from nnrep.baselines import run_baseline
from nnrep.config import RunConfig, as_plain, load_config
from nnrep.config_groups import CGConfig, GNNConfig
from nnrep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, require
from nnrep.interruption import Interruption
from nnrep.minimization import Result, Status, minimize
from nnrep.minimization.minimize import seed_list
from nnrep.minimization.run import Progress
from nnrep.modes import SlowModes
from nnrep.modes_of_config import NO_MODES, FoundModes, modes_of
from nnrep.records.rows import run_rows
from nnrep.records.run_folder import RunFolder
from nnrep.runtime import configure_jax
from nnrep.structures.molecule import Molecule
from nnrep.systems import System
from nnrep.systems.registry import molecule_of, system_from_config
from nnrep.terminal import ProgressBar, log, progress_bar, show_table


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
        config.mode_count(molecule.n, 3, molecule.residues)
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
            found = found_modes(system, config)
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


def found_modes(system: System, config: RunConfig) -> FoundModes:
    """The slow modes that the map of a run needs, if it needs any."""
    if not config.needs_modes:
        return NO_MODES
    found = modes_of(system, config)
    assert found.modes is not None
    few = isinstance(config.reparam, CGConfig) and found.modes.values.size < 2
    require(not few, "modes.epsilon", "so large that at least 2 modes are left for reparam=cg", "1 mode")
    return found


class Watch(NamedTuple):
    """What the two kinds of minimisation are given to be followed, stopped and resumed."""

    on_progress: Callable[[Progress], None] | None
    should_stop: Callable[[], bool]
    checkpoint: Path | None


def minimized(config: RunConfig, system: System, found: FoundModes, watch: Watch) -> Result:
    """The outcome of a configuration, by nnrep or a baseline."""
    if config.minimizes:
        return _minimize(system, found.modes, config, watch)
    return _baseline(system, config, watch)


def _minimize(system: System, modes: SlowModes | None, config: RunConfig, watch: Watch) -> Result:
    return minimize(
        system,
        _reparam(system, modes, config),
        optimizer=config.optimizer.build(config.schedule.fine.learning_rate),
        coarse_optimizer=config.optimizer.build(config.schedule.coarse.learning_rate),
        stopping=config.schedule.fine.stopping(),
        coarse_stopping=config.schedule.coarse.stopping(),
        seeds=config.seeds,
        max_steps=config.max_steps,
        coarse_steps=config.schedule.coarse.max_steps,
        fit=config.reparam.fit.build() if isinstance(config.reparam, GNNConfig) else None,
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


def _reparam(system: System, modes: SlowModes | None, config: RunConfig) -> reparam.Reparametrization:
    chosen = config.reparam
    if isinstance(chosen, CGConfig) and modes is not None:
        return reparam.linear(modes)
    if isinstance(chosen, GNNConfig):
        return reparam.graph(
            modes or reparam.edge_graph(system.edges, system.n, chosen.self_weight),
            chosen.hidden,
            chosen.layers,
            residual=chosen.residual,
            activation=chosen.activation,
            strength=chosen.strength,
            features=system.node_features if chosen.features else None,
        )
    return reparam.identity()
