"""One run: config -> System -> SlowModes -> Reparametrization -> minimize -> tables and pictures."""

import time
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from omegaconf import DictConfig

from nnrep import reparam
from nnrep.config import CGConfig, GNNConfig, Graph, RunConfig, as_plain, config_hash, load_config
from nnrep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from nnrep.interruption import Interruption
from nnrep.minimization import Result, Status, minimize
from nnrep.minimization.minimize import seed_list
from nnrep.modes import SlowModes, slow_modes
from nnrep.records.run_folder import RunFolder
from nnrep.records.table import RUN_COLUMNS
from nnrep.runtime import configure_jax, describe_device, describe_versions
from nnrep.systems import System
from nnrep.systems.measures import satisfied_fraction
from nnrep.systems.registry import system_from_config
from nnrep.terminal import log, progress_bar, show_table


def check_job(raw: DictConfig, folder_path: Path) -> tuple[RunConfig, bool]:
    """The checked configuration, and whether its folder holds this very run, finished. Writes nothing.

    Raises:
        UserError: a value or the folder cannot be used.
    """
    config = load_config(raw)
    return config, RunFolder(folder_path).holds_finished(as_plain(config), config.resume)


def run_job(raw: DictConfig, folder_path: Path) -> int:
    """Run one configuration into a folder.

    Returns:
        Exit status: 0, 1 if a replica diverged, 130 if the run was interrupted.

    Raises:
        UserError: a value or the folder cannot be used; nothing is written then.
    """
    began = time.perf_counter()
    config, finished_before = check_job(raw, folder_path)
    folder = RunFolder(folder_path)
    if finished_before:
        rows = folder.runs(len(seed_list(config.seeds)))
        log().info("%s is complete; nothing to resume", folder.path)
        show_table(rows, str(folder.path))
        return _exit_status(rows)
    configure_jax(config.precision.value)
    folder.open(as_plain(config))
    with Interruption() as interruption, progress_bar() as bar:
        system = system_from_config(config.system)
        bar.describe("slow modes")
        modes, modes_s = _modes(system, config)
        interruption.stop_if_requested()
        bar.describe("compiling")
        result = minimize(
            system,
            _reparam(system, modes, config),
            optimizer=config.optimizer.build(config.schedule.fine.learning_rate),
            coarse_optimizer=config.optimizer.build(config.schedule.coarse.learning_rate),
            stopping=config.schedule.fine.stopping(),
            coarse_stopping=config.schedule.coarse.stopping(),
            seeds=config.seeds,
            max_steps=config.max_steps,
            coarse_steps=config.schedule.coarse.max_steps,
            on_progress=bar.update,
            should_stop=interruption.requested,
            checkpoint=folder.checkpoint,
        )
        rows = run_rows(system, modes, result, config, modes_s, time.perf_counter() - began)
        bar.describe("writing")
        unfinished = Status.interrupted in result.status
        folder.write(system, result, rows, finished=not unfinished)
    show_table(rows, str(folder.path))
    if unfinished:
        log().info("interrupted; go on with hydra.run.dir=%s resume=true", folder.path)
    return EXIT_INTERRUPTED if interruption.requested() else _exit_status(rows)


def _exit_status(rows: pd.DataFrame) -> int:
    return EXIT_FAILED if (rows["status"] == Status.diverged.name).any() else EXIT_OK


def _modes(system: System, config: RunConfig) -> tuple[SlowModes | None, float]:
    """The slow modes that the map needs, if it needs any, and the seconds they took."""
    wants_modes = isinstance(config.reparam, CGConfig) or (
        isinstance(config.reparam, GNNConfig) and config.reparam.graph is Graph.slow_modes
    )
    if not wants_modes:
        return None, 0.0
    began = time.perf_counter()
    modes = slow_modes(
        system,
        config.mode_count,
        epsilon=config.modes.epsilon,
        seed=config.modes.seed,
        samples=config.modes.samples,
        background=config.modes.background,
    )
    jax.block_until_ready(modes)
    return modes, time.perf_counter() - began


def _reparam(system: System, modes: SlowModes | None, config: RunConfig) -> reparam.Reparametrization:
    chosen = config.reparam
    if isinstance(chosen, CGConfig) and modes is not None:
        return reparam.linear(modes)
    if isinstance(chosen, GNNConfig):
        return reparam.graph(
            modes or reparam.edge_graph(system.edges, system.n),
            chosen.hidden,
            chosen.layers,
            residual=chosen.residual,
            activation=chosen.activation,
            strength=chosen.strength,
        )
    return reparam.identity()


def run_rows(
    system: System,
    modes: SlowModes | None,
    result: Result,
    config: RunConfig,
    modes_s: float,
    total_s: float,
) -> pd.DataFrame:
    """The table of a run, a row a seed.

    Modes, compilation and the rest of the total serve all seeds: each row has its equal share, so that
    the column sums are what the clock showed, in all processes that worked on the run.
    """
    count = len(result.seeds)
    hash_of_config = config_hash(config)
    own = result.time_compile_s + result.time_minimize_s + modes_s / count
    rest = max(0.0, total_s + result.time_earlier_s - own.sum()) / count
    coarse = config.schedule.coarse.learning_rate if result.positions_coarse is not None else np.nan
    rows = pd.DataFrame(
        {
            "run_id": [f"{hash_of_config}-{seed}" for seed in result.seeds],
            "system": config.system.name,
            "potential": config.system.potential.value,
            "n": system.n,
            "reparam": config.reparam.name,
            "modes": 0 if modes is None else modes.values.size,
            "optimizer": config.optimizer.name,
            "learning_rate": config.schedule.fine.learning_rate,
            "learning_rate_coarse": coarse,
            "seed": result.seeds,
            "status": [status.name for status in result.status],
            "energy": result.energy,
            "energy_start": result.energy_start,
            "energy_coarse": result.energy_coarse,
            "energy_bound": np.nan if system.energy_bound is None else system.energy_bound,
            "bond_fraction": [satisfied_fraction(system.bonds, x) for x in result.positions],
            "contact_fraction": [satisfied_fraction(system.contacts, x) for x in result.positions],
            "gradient_rms": result.gradient_rms,
            "steps_coarse": result.steps_coarse,
            "steps_fine": result.steps_fine,
            "evaluations": result.evaluations,
            "time_modes_s": modes_s / count,
            "time_fit_s": 0.0,
            "time_compile_s": result.time_compile_s,
            "time_minimize_s": result.time_minimize_s,
            "time_total_s": own + rest,
            "precision": config.precision.value,
            "device": describe_device(),
            "versions": describe_versions(),
            "config_hash": hash_of_config,
        }
    )
    return rows[RUN_COLUMNS]
