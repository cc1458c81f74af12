"""`nnrep modes`: the slow modes of a configuration, their pictures, and how robust they are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from omegaconf import DictConfig

from nnrep.choices.identity import without_effect
from nnrep.config.effects import given_without_effect
from nnrep.config.plan import Plan, resolve
from nnrep.config.schema import RunConfig, load_config
from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, UserError, require
from nnrep.host.background import LeftError, interruptible
from nnrep.host.cache import write_arrays
from nnrep.host.interruption import Interruption
from nnrep.host.runtime import configure_jax
from nnrep.host.terminal import ProgressBar, log, progress_bar
from nnrep.job import Job, loaded_system, prepared, stopping
from nnrep.minimization import Monitor, Stage, Stopping, lbfgs, minimize
from nnrep.minimization.stopping import Status
from nnrep.modes import ModesOf, SlowModes
from nnrep.modes.backbone import Backbone
from nnrep.modes.normal import in_float64
from nnrep.modes.request import ModesRequest, modes_of, noise_of
from nnrep.modes.rigid import rigid_share
from nnrep.modes.robustness import robustness_table
from nnrep.modes.settings import ModesConfig, count_of_modes
from nnrep.modes.slow import sampling_of
from nnrep.records.closing_table import show_modes
from nnrep.records.mode_shapes_picture import mode_shapes_picture
from nnrep.records.robustness_picture import robustness_picture
from nnrep.records.run_folder import (
    MODES,
    MODES_ARRAYS,
    MODES_PICTURE,
    ROBUSTNESS,
    ROBUSTNESS_PICTURE,
    SPECTRUM,
    RunFolder,
)
from nnrep.records.spectrum_picture import spectrum_picture
from nnrep.records.style import save
from nnrep.records.table import write_table
from nnrep.reparam import identity
from nnrep.systems import System

RIGID = 0.9  # share from which on a mode counts as a rigid motion
MOST_FRAME_BYTES = 500_000_000  # of the configurations kept while the energy is minimised
# A minimum is where the RMS gradient is below this, in kJ/mol/nm or, of dimensionless systems, whose energies
# are means over their pairs, in their own unit.
AT_REST, AT_REST_DIMENSIONLESS = 1e-3, 1e-8
MOST_MOVED, MOST_MOVED_DIMENSIONLESS = (
    0.02,
    0.1,
)  # of a coordinate in a step; nm, or the system's unit


def check_job(raw: DictConfig, folder_path: Path) -> Job:
    """The checked configuration, structure and folder, which is held for the job from here on.

    Raises:
        UserError: a value, the structure or the folder cannot be used; nothing is left in the folder then.
    """
    plan = load_modes_plan(raw)
    folder = RunFolder(folder_path)
    with ExitStack() as held:
        held.enter_context(folder.locked())
        plan, molecule = prepared(plan)
        _check_modes(plan)
        folder.refuse_results()
        return Job(plan, molecule, finished=False, held=held.pop_all())


def _check_modes(plan: Plan) -> None:
    config = plan.config
    normal = config.modes.of is ModesOf.hessian
    minimize_allowed = "false, or modes.of=hessian"
    require(normal or not config.analysis.minimize, "analysis.minimize", minimize_allowed, "true")
    assert plan.size is not None
    count = count_of_modes(config.reparam.wanted_modes, config.modes, plan.size)
    if count is not None:
        _check_drawn(config, count)


def load_modes_plan(raw: DictConfig) -> Plan:
    """The plan of a composed configuration, whose modes are to be shown.

    Raises:
        ConfigError: naming the key at fault, or one that was given a value without effect.
    """
    config = load_config(raw)
    require(config.minimizes, "baseline", "none, as nnrep modes has no other engines", config.baseline.name)
    plan = resolve(config)
    allowed = f"one, as nnrep modes shows those at the start of one: [{plan.seeds[0]}]"
    require(len(plan.seeds) == 1, "seeds", allowed, config.seeds)
    for error in given_without_effect(raw, plan.config, _unused(plan.config)).values():
        raise error
    return plan


def _unused(config: RunConfig) -> dict[str, str]:
    """The keys without effect, each with the reason; see `unused_keys`."""
    of, analysis = config.modes.of, config.analysis
    unused = {f"modes.{key}": reason for key, reason in without_effect(config.modes).items()}
    unused["modes.at"] = "nnrep modes shows those at the start"
    unused["report"] = "nnrep modes writes none"
    unused["resume"] = "nnrep modes has nothing to go on with"
    unused["record.every"] = "nnrep modes writes no trajectory"
    keys = (field.name for field in fields(config.reparam))
    unused |= {f"reparam.{key}": "nnrep modes makes no map" for key in keys if key not in ("name", "modes")}
    if of is not ModesOf.backbone or not analysis.robustness:
        unused["optimizer"] = "nothing is minimised for a robustness table"
        if not analysis.minimize:
            unused["max_steps"] = "nothing is minimised"
        reason = f"modes.of={of.value} has no robustness table"
        if not analysis.robustness:
            reason = "analysis.robustness=false makes no table"
        unused |= {f"analysis.{key}": reason for key in ("epsilons", "frames")}
    return unused


def _check_drawn(config: RunConfig, count: int) -> None:
    drawn = config.analysis.drawn
    if isinstance(drawn, list):
        require(max(drawn) <= count, "analysis.drawn", f"of modes from 1 to {count}", drawn)


def run_job(job: Job, folder_path: Path, report: bool = True) -> int:
    """Compute and show the slow modes of what `check_job` has checked, in the folder it was checked for.

    Args:
        job: what was checked.
        folder_path: the folder.
        report: print the first of them.

    Returns:
        Exit status: 0, or 130 if it was interrupted.

    Raises:
        UserError: the modes cannot be computed.
    """
    folder = RunFolder(folder_path)
    with folder.removed_if_empty(), job.held:
        return _run_in(folder, job, report)


def _run_in(folder: RunFolder, job: Job, report: bool) -> int:
    plan, molecule = job.plan, job.molecule
    analysis, modes = plan.config.analysis, plan.config.modes
    configure_jax(plan.config.precision.value)
    with Interruption() as interruption, progress_bar(plan.config.system.energy_unit) as bar:
        system = loaded_system(plan, molecule, bar, interruption.requested)
        with _at_minimum(system, plan, bar, interruption) as at:
            bar.describe("slow modes")
            assert plan.size is not None
            count = count_of_modes(plan.config.reparam.wanted_modes, modes, plan.size)
            request = ModesRequest(modes, count, plan.deciding)
            found, _ = stopping(partial(modes_of, at, request), interruption.requested)
            interruption.stop_if_requested()
        _check_drawn(plan.config, len(found.values))  # modes.epsilon has told now how many there are
        folder.open({**plan.recorded, "analysis": vars(analysis)}, molecule)
        unit = eigenvalue_unit(system, modes)
        table = _write_modes(folder.path, at, found)
        if plan.config.record.pictures:
            _draw_modes(folder.path, at, found, table, analysis.drawn, unit)
        if analysis.robustness and modes.of is ModesOf.backbone:
            _write_robustness(folder.path, system, plan, bar, interruption)
    if report:
        show_modes(table, str(folder.path))
    if analysis.robustness and modes.of is ModesOf.hessian:
        log().info("no robustness table: it compares modes of backbones, and these are of=hessian")
    return EXIT_INTERRUPTED if interruption.requested() else EXIT_OK


@contextmanager
def _at_minimum(system: System, plan: Plan, bar: ProgressBar, interruption: Interruption) -> Iterator[System]:
    """The system where its modes are taken: at its start or, in float64, at the minimum that L-BFGS finds."""
    if not plan.config.analysis.minimize:
        yield system
        return
    own = not (system.coupling_terms or system.local_terms)
    with in_float64(forgetting=own):
        exact = replace(system.in_double(), energy_sample=None)
        minimum = minimum_of(exact, plan.config.max_steps, bar, interruption)
        yield replace(exact, positions=jnp.asarray(minimum))


def minimum_of(system: System, max_steps: int, bar: ProgressBar, interruption: Interruption) -> np.ndarray:
    """A minimum (n, d) of a system's exact energy, by L-BFGS from its positions.

    Raises:
        UserError: the RMS gradient is not small enough after max_steps.
        KeyboardInterrupt: the minimisation was to stop.
    """
    with_units = bool(system.length_unit)
    rest = AT_REST if with_units else AT_REST_DIMENSIONLESS
    moved = MOST_MOVED if with_units else MOST_MOVED_DIMENSIONLESS
    stopping = Stopping(min_delta=0, patience=2**31 - 1, rms_force=rest)
    stage = Stage("minimum", identity(), lbfgs(moved), stopping, max_steps)
    monitor = Monitor(bar.update, interruption.requested)
    # At the very positions: systems that draw their starts have one of them there.
    still = replace(system, draw_start=None)
    result = minimize(still, stage, max_steps=max_steps, monitor=monitor)
    interruption.stop_if_requested()
    gradient, unit = result.gradient_rms[0], gradient_unit(system)
    if result.status[0] is not Status.converged or not gradient < 2 * rest:
        reason = f"the RMS gradient is {gradient:.3g} {unit} after {result.evaluations[0]} steps".strip()
        raise UserError(
            f"analysis.minimize: no minimum was reached: {reason}, and must be {rest:g}; choose more "
            "max_steps, or another start"
        )
    log().info(
        "minimum after %d steps of L-BFGS, RMS gradient %.2g %s", result.evaluations[0], gradient, unit
    )
    return system.from_file_frame(result.positions[0])


def _write_modes(folder: Path, system: System, modes: SlowModes) -> pd.DataFrame:
    """Write the arrays and the table of the modes; the table."""
    positions = np.asarray(system.positions, float)
    write_arrays(
        folder / MODES_ARRAYS,
        {
            "values": modes.values,
            "vectors": modes.vectors,
            "weights": modes.weights,
            "positions": system.in_file_frame(positions),
        },
    )
    table = modes_table(modes, positions, system.free)
    write_table(folder / MODES, table)
    return table


def _draw_modes(
    folder: Path,
    system: System,
    modes: SlowModes,
    table: pd.DataFrame,
    drawn: int | list[int],
    unit: str,
) -> None:
    """Draw the spectrum and the shapes of modes, of which there is the table."""
    values, vectors = np.asarray(modes.values, float), np.asarray(modes.vectors, float)
    positions = np.asarray(system.positions, float)
    flat = modes.of == ModesOf.hessian.value
    of = "the Hessian" if flat else "the Laplacian of the Hessian's backbone"
    title = f"{system.name}: lowest {len(values)} eigenvalues of {of}"
    rigid = np.asarray(table["rigid"] > RIGID)
    save(spectrum_picture(values, rigid, title, unit), folder / SPECTRUM)
    chosen = chosen_modes(table, drawn)
    save(mode_shapes_picture(system, positions, values, vectors, chosen, unit), folder / MODES_PICTURE)


def chosen_modes(table: pd.DataFrame, drawn: int | list[int]) -> list[int]:
    """The modes to draw, counted from 0: those that are listed, or the slowest that are not rigid."""
    if isinstance(drawn, list):
        return [mode - 1 for mode in drawn]
    moving = np.flatnonzero(table["rigid"] <= RIGID)
    return (moving if len(moving) else np.arange(len(table)))[:drawn].tolist()


def modes_table(modes: SlowModes, positions: np.ndarray, free: np.ndarray) -> pd.DataFrame:
    """A row a mode, of particles at positions (n, d), of which those in free (m,) may move.

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
        "rigid": rigid_share(vectors, positions, modes.of == ModesOf.hessian.value, free),
        "residual": np.asarray(modes.residuals, float),
        "solver": modes.solver,
    }
    return pd.DataFrame(columns)


def _write_robustness(
    folder: Path, system: System, plan: Plan, bar: ProgressBar, interruption: Interruption
) -> None:
    modes, epsilons = plan.config.modes, plan.config.analysis.epsilons
    path = _path(system, plan, bar, interruption)
    noise = noise_of(system, modes)
    sampling = sampling_of(system, modes.samples, noise, modes.seed, modes.backbone)
    tables: list[pd.DataFrame] = []
    try:
        rows = robustness_table(system, sampling, path, epsilons, modes.background)
        following = partial(next, rows, None)
        while (table := interruptible(following, interruption.requested)) is not None:
            tables.append(table)
            bar.count("robustness", len(tables), len(path) + 1)
            if interruption.requested():
                break
    except LeftError:
        log().info("robustness table ends early")
    except UserError as error:  # at one of the configurations; what came before is worth its files
        log().warning("robustness table ends early: %s", error)
    if not tables:
        return
    seen = pd.concat(tables, ignore_index=True)
    write_table(folder / ROBUSTNESS, seen)
    several = seen[seen["modes"] > 1]
    if len(several):
        if not plan.config.record.pictures:
            return
        picture = robustness_picture(several, f"{system.name}: are the slow modes kept?")
        save(picture, folder / ROBUSTNESS_PICTURE)
    elif len(seen):
        log().warning("analysis.epsilons: all leave but one mode, which says nothing; choose larger ones")
    else:
        log().warning("analysis.epsilons: each has too many modes of %d particles; choose smaller", system.n)


def _path(system: System, plan: Plan, bar: ProgressBar, interruption: Interruption) -> dict[int, np.ndarray]:
    """Configurations along a minimisation without a map, by step: the start, the end, some between."""
    last = plan.stages[-1]
    every = last.stopping.check_every
    frames = MOST_FRAME_BYTES // system.positions.nbytes
    every *= max(1, -(-plan.config.max_steps // every) // max(1, frames))
    result = minimize(
        system,
        Stage("free", identity(), last.optimizer, last.stopping, plan.config.max_steps),
        seeds=plan.seeds[:1],
        max_steps=plan.config.max_steps,
        monitor=Monitor(bar.update, interruption.requested, record_every=every),
    )
    assert result.frames is not None
    status, gradient = result.status[0], result.gradient_rms[0]
    log().info("minimisation: %s, RMS gradient %.3g %s", status.name, gradient, gradient_unit(system))
    steps = np.append(result.frames.step, result.steps_fine[0])
    positions = [*map(system.from_file_frame, [*result.frames.positions, result.positions[0]])]
    return {
        int(steps[index]): positions[index]
        for index in spread_indices(len(steps), plan.config.analysis.frames)
    }


def gradient_unit(system: System) -> str:
    """What a gradient is measured in; empty for dimensionless systems."""
    return f"{system.energy_unit}/{system.length_unit}" if system.length_unit else ""


def eigenvalue_unit(system: System, modes: ModesConfig) -> str:
    """What the eigenvalues of modes are measured in; empty for dimensionless ones."""
    if modes.of is ModesOf.graph or not system.length_unit:
        return ""
    of_hessian = f"{system.energy_unit}/{system.length_unit}²"
    squared = modes.of is ModesOf.backbone and modes.backbone is Backbone.sum_square
    return f"({of_hessian})²" if squared else of_hessian


def spread_indices(count: int, wanted: int) -> list[int]:
    """Indices below a count, ascending: the first, the last, and others at growing distances between."""
    others = np.geomspace(max(1, count - 1), 1, wanted - 1).round().astype(int)
    return sorted({0, *others.tolist()} & set(range(count)))
