"""`nnrep modes`: the slow modes of a configuration, their pictures, and how robust they are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
from omegaconf import DictConfig

from nnrep.choices.identity import is_in, without_effect
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
from nnrep.minimization import Monitor, Stage, minimize
from nnrep.minimization.at_rest import at_rest, rest_of
from nnrep.minimization.stopping import Status
from nnrep.modes import ModesOf, SlowModes
from nnrep.modes.normal import in_float64
from nnrep.modes.request import ModesRequest, modes_of, noise_of
from nnrep.modes.robustness import robustness_table, spread_indices
from nnrep.modes.settings import count_of_modes
from nnrep.modes.slow import sampling_of
from nnrep.records.closing_table import show_modes
from nnrep.records.mode_shapes_picture import mode_shapes_picture
from nnrep.records.modes_table import RIGID, chosen_modes, eigenvalue_unit, gradient_unit, modes_table
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

MATRICES = {
    ModesOf.backbone.value: "the Laplacian of the Hessian's backbone",
    ModesOf.graph.value: "the Laplacian of the graph of couplings",
    ModesOf.hessian.value: "the Hessian",
}
MOST_FRAME_BYTES = 500_000_000  # of the configurations kept while the energy is minimised


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
    allowed = "paper, of whose fine stage the robustness table is made"
    require(config.schedule.takes_map, "schedule", allowed, config.schedule.name)
    plan = resolve(config)
    allowed = f"one, as nnrep modes shows those at the start of one: [{plan.seeds[0]}]"
    require(len(plan.seeds) == 1, "seeds", allowed, config.seeds)
    for error in given_without_effect(raw, plan.config, _unused(plan.config)).values():
        raise error
    return plan


def _unused(config: RunConfig) -> dict[str, str]:
    """The keys without effect, each with the reason; see `unused_keys`."""
    of, analysis = config.modes.of, config.analysis
    # Modes may be asked for beside a map that needs none.
    whole = without_effect(config)
    unused = {key: whole[key] for key in whole if not (is_in(key, "analysis") or is_in(key, "reparam"))}
    unused["schedule.coarse"] = "nnrep modes goes through no map"
    unused["schedule.restarts"] = "nnrep modes restarts nothing"
    unused["modes.at"] = "nnrep modes shows those at the start"
    unused["report"] = "nnrep modes writes none"
    unused["resume"] = "nnrep modes has nothing to go on with"
    unused["record.every"] = "nnrep modes writes no trajectory"
    keys = (field.name for field in fields(config.reparam))
    unused |= {f"reparam.{key}": "nnrep modes makes no map" for key in keys if key not in ("name", "modes")}
    if of is not ModesOf.backbone or not analysis.robustness:
        unused |= dict.fromkeys(("optimizer", "schedule"), "nothing is minimised for a robustness table")
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
        minimum = _minimum_of(exact, plan.config.max_steps, bar, interruption)
        yield replace(exact, positions=jnp.asarray(minimum))


def _minimum_of(system: System, max_steps: int, bar: ProgressBar, interruption: Interruption) -> np.ndarray:
    """A minimum (n, d) of a system's exact energy.

    Raises:
        UserError: it is not reached in max_steps.
        KeyboardInterrupt: the minimisation was to stop.
    """
    result = at_rest(system, max_steps, Monitor(bar.update, interruption.requested))
    interruption.stop_if_requested()
    rest, gradient, unit = rest_of(system), result.gradient_rms[0], gradient_unit(system)
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
    title = f"{system.name}: lowest {len(values)} eigenvalues of {MATRICES[modes.of]}"
    rigid = np.asarray(table["rigid"] > RIGID)
    save(spectrum_picture(values, rigid, title, unit), folder / SPECTRUM)
    chosen = chosen_modes(table, drawn)
    save(mode_shapes_picture(system, positions, values, vectors, chosen, unit), folder / MODES_PICTURE)


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
