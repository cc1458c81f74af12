"""`nnrep modes`: the slow modes of a configuration, their pictures, and how robust they are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from omegaconf import DictConfig

from nnrep.config.schema import RunConfig, as_plain, load_config
from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, UserError, require
from nnrep.host.cache import write_arrays
from nnrep.host.interruption import Interruption
from nnrep.host.runtime import configure_jax
from nnrep.host.terminal import ProgressBar, log, progress_bar, show_modes
from nnrep.job import Checked, loaded_system, prepared_molecule
from nnrep.minimization import minimize
from nnrep.minimization.minimize import seed_list
from nnrep.modes import Of, SlowModes
from nnrep.modes.request import modes_of, noise_of
from nnrep.modes.rigid import rigid_share
from nnrep.modes.robustness import robustness_table
from nnrep.modes.slow import sampling_of
from nnrep.records.mode_pictures import draw_modes, draw_robustness, draw_spectrum
from nnrep.records.run_folder import (
    MODES,
    MODES_ARRAYS,
    MODES_PICTURE,
    ROBUSTNESS,
    ROBUSTNESS_PICTURE,
    SPECTRUM,
    RunFolder,
)
from nnrep.records.table import write_table
from nnrep.structures.molecule import Molecule
from nnrep.systems import System

RIGID = 0.9  # share from which on a mode counts as a rigid motion
MOST_FRAME_BYTES = 500_000_000  # of the configurations kept while the energy is minimised


def check_job(raw: DictConfig, folder_path: Path) -> Checked:
    """The checked configuration, structure and folder. Nothing is written outside of the user's cache.

    Raises:
        UserError: a value, the structure or the folder cannot be used.
    """
    config = load_config(raw)
    molecule = prepared_molecule(config)
    normal = config.modes.of is Of.hessian
    require(normal or not config.look.minimize, "look.minimize", "false, or modes.of=hessian", "true")
    _check_drawn(config, molecule)
    RunFolder(folder_path).refuse_results()
    return Checked(config, molecule, finished=False)


def _check_drawn(config: RunConfig, molecule: Molecule | None) -> None:
    drawn = config.look.drawn
    size = (config.system.n, config.system.dim, 0) if molecule is None else (molecule.n, 3, molecule.residues)
    count = config.mode_count(*size)
    if isinstance(drawn, list) and count is not None:
        require(max(drawn) <= count, "look.drawn", f"of modes from 1 to {count}", drawn)


def run_job(raw: DictConfig, folder_path: Path) -> int:
    """Compute and show the slow modes of one configuration.

    Returns:
        Exit status: 0, or 130 if it was interrupted.

    Raises:
        UserError: a value or the folder cannot be used, or the modes cannot be computed.
    """
    config, molecule, _ = check_job(raw, folder_path)
    folder = RunFolder(folder_path)
    configure_jax(config.precision.value)
    with Interruption() as interruption, progress_bar() as bar:
        with folder.removed_if_empty():
            system = loaded_system(config, molecule, bar, interruption.requested)
            if config.look.minimize:
                end = _path(system, config, bar, interruption).popitem()[1]
                system = replace(system, positions=jnp.asarray(end))
                interruption.stop_if_requested()
            bar.describe("slow modes")
            found = modes_of(system, config)
            interruption.stop_if_requested()
        folder.open({**as_plain(config), "look": vars(config.look)}, molecule)
        assert found.modes is not None
        table = _write_modes(folder_path, system, found.modes, config)
        if config.look.robustness and config.modes.of is Of.backbone:
            _write_robustness(folder_path, system, config, bar, interruption)
    show_modes(table, str(folder_path))
    if config.look.robustness and config.modes.of is Of.hessian:
        log().info("no robustness table: it compares modes of backbones, and these are of=hessian")
    return EXIT_INTERRUPTED if interruption.requested() else EXIT_OK


def _write_modes(folder: Path, system: System, modes: SlowModes, config: RunConfig) -> pd.DataFrame:
    """Write the files of the modes; the table of them."""
    values, vectors = np.asarray(modes.values, float), np.asarray(modes.vectors, float)
    positions = np.asarray(system.positions, float)
    write_arrays(
        folder / MODES_ARRAYS,
        {
            "values": modes.values,
            "vectors": modes.vectors,
            "weights": modes.weights,
            "positions": system.positions,
        },
    )
    table = modes_table(modes, positions)
    write_table(folder / MODES, table)
    flat = modes.of == Of.hessian.value
    of = "the Hessian" if flat else "the Laplacian of the Hessian's backbone"
    title = f"{system.name}: lowest {len(values)} eigenvalues of {of}"
    draw_spectrum(folder / SPECTRUM, values, np.asarray(table["rigid"] > RIGID), title)
    chosen = chosen_modes(table, config.look.drawn)
    draw_modes(folder / MODES_PICTURE, system, positions, values, vectors, flat, chosen)
    return table


def chosen_modes(table: pd.DataFrame, drawn: int | list[int]) -> list[int]:
    """The modes to draw, counted from 0: those that are listed, or the slowest that are not rigid."""
    if isinstance(drawn, list):
        return [mode - 1 for mode in drawn if mode <= len(table)] or [0]
    moving = np.flatnonzero(table["rigid"] <= RIGID)
    return (moving if len(moving) else np.arange(len(table)))[:drawn].tolist()


def modes_table(modes: SlowModes, positions: np.ndarray) -> pd.DataFrame:
    """A row a mode.

    Columns: mode, counted from 1; eigenvalue; weight; participation, the share of the coordinates that take
    part (1/n to 1); rigid, see `rigid_share`; residual; solver.
    """
    assert modes.residuals is not None
    vectors = np.asarray(modes.vectors, float)
    columns: dict[str, Any] = {
        "mode": np.arange(1, vectors.shape[1] + 1),
        "eigenvalue": np.asarray(modes.values, float),
        "weight": np.asarray(modes.weights, float),
        "participation": 1 / (len(vectors) * np.sum(vectors**4, axis=0)),
        "rigid": rigid_share(vectors, positions, modes.of == Of.hessian.value),
        "residual": np.asarray(modes.residuals, float),
        "solver": modes.solver,
    }
    return pd.DataFrame(columns)


def _write_robustness(
    folder: Path, system: System, config: RunConfig, bar: ProgressBar, interruption: Interruption
) -> None:
    asked = config.modes
    path = _path(system, config, bar, interruption)
    sampling = sampling_of(system, asked.samples, noise_of(system, config), asked.seed, asked.backbone)
    tables: list[pd.DataFrame] = []
    try:
        for table in robustness_table(system, sampling, path, config.look.epsilons, asked.background):
            tables.append(table)
            bar.count("robustness", len(tables), len(path) + 1)
            if interruption.requested():
                break
    except UserError as error:  # at one of the configurations; what came before is worth its files
        log().warning("robustness table ends early: %s", error)
    if not tables:
        return
    rows = pd.concat(tables, ignore_index=True)
    write_table(folder / ROBUSTNESS, rows)
    several = rows[rows["modes"] > 1]
    if len(several):
        draw_robustness(folder / ROBUSTNESS_PICTURE, several, f"{system.name}: are the slow modes kept?")
    elif len(rows):
        log().warning("look.epsilons: all leave but one mode, which says nothing; choose larger ones")
    else:
        log().warning("look.epsilons: each has too many modes of %d particles; choose smaller", system.n)


def _path(
    system: System, config: RunConfig, bar: ProgressBar, interruption: Interruption
) -> dict[int, np.ndarray]:
    """Configurations along a minimisation without a map, by step: the start, the end, some between."""
    last = config.stages[-1]
    every = last.stopping.check_every
    frames = MOST_FRAME_BYTES // system.positions.nbytes
    every *= max(1, -(-config.max_steps // every) // max(1, frames))
    result = minimize(
        system,
        optimizer=last.optimizer,
        stopping=last.stopping,
        seeds=seed_list(config.seeds)[:1],
        max_steps=config.max_steps,
        record_every=every,
        on_progress=bar.update,
        should_stop=interruption.requested,
    )
    assert result.frames is not None
    status, gradient = result.status[0], result.gradient_rms[0]
    log().info("minimisation: %s, RMS gradient %.3g %s", status.name, gradient, gradient_unit(system))
    steps = np.append(result.frames.step, result.steps_fine[0])
    positions = [*result.frames.positions, result.positions[0]]
    return {int(steps[index]): positions[index] for index in spread_indices(len(steps), config.look.frames)}


def gradient_unit(system: System) -> str:
    """What a gradient is measured in; empty for dimensionless systems."""
    return f"{system.energy_unit}/{system.length_unit}" if system.length_unit else ""


def spread_indices(count: int, wanted: int) -> list[int]:
    """Indices below a count, ascending: the first, the last, and others at growing distances between."""
    others = np.geomspace(max(1, count - 1), 1, wanted - 1).round().astype(int)
    return sorted({0, *others.tolist()} & set(range(count)))
