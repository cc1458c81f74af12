"""A baseline from its configuration: one seed after the other, and `Result` from what OpenMM leaves."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array
from jax.tree_util import Partial

from nnrep.baselines.settings import BaselineConfig
from nnrep.baselines.simulation import STAGE, Frame, SeedMonitor, Trajectory
from nnrep.energies.arrays import on_device
from nnrep.errors import UserError, require
from nnrep.minimization.checkpoint import load_checkpoint, save_checkpoint
from nnrep.minimization.monitor import Monitor
from nnrep.minimization.result import Frames, Result
from nnrep.minimization.stopping import Status
from nnrep.structures.force_field import Continuum
from nnrep.structures.molecule import Molecule
from nnrep.structures.simulation import Held
from nnrep.systems.system import System

COLUMNS = ["step", "time_s", "energy", "gradient_norm", "openmm_energy"]  # and the system's measures


class Ended(NamedTuple):
    """A trajectory as it is reported and kept: its end, and the numbers of every frame.

    Attributes:
        status: how it ended.
        path: (frames, n, 3) in nm, from the start to the last finite configuration.
        rows: (frames, columns) of the history.
        compile_s: seconds until OpenMM was ready.
    """

    status: Status
    path: np.ndarray
    rows: np.ndarray
    compile_s: float

    @property
    def positions(self) -> np.ndarray:
        """The last configuration (n, 3) in nm."""
        return self.path[-1]

    @property
    def steps(self) -> int:
        """Steps until the end."""
        return int(self.rows[-1, COLUMNS.index("step")])

    @property
    def minimize_s(self) -> float:
        """Seconds that OpenMM has worked."""
        return float(self.rows[-1, COLUMNS.index("time_s")])


def run_baseline(
    system: System,
    molecule: Molecule,
    config: BaselineConfig,
    *,
    seeds: tuple[int, ...],
    monitor: Monitor | None = None,
    continuum: Continuum | None = None,
) -> Result:
    """Minimise or simulate with OpenMM from the starts of a system.

    Args:
        system: gives the start of each seed, and the energy and measures that are reported.
        molecule: what is minimised or simulated.
        config: which baseline, and how.
        seeds: one replica a seed.
        monitor: called and asked at every row of the history; its checkpoint keeps the finished seeds.
        continuum: the system's solvent, in which OpenMM computes as well; None for vacuum.

    Returns:
        The result, its one stage being "openmm"; the history has OpenMM's potential energy, with that of
        the water where there is any, as `openmm_energy`, and the start as step 0. Times hold OpenMM's work
        alone.

    Raises:
        ConfigError: system and molecule differ in their numbers of atoms.
        UserError: the checkpoint cannot be read, or is of another run.
    """
    require(system.positions.shape == (molecule.n, 3), "system", f"of {molecule.n} atoms", system.n)
    monitor = monitor or Monitor()
    checkpoint = monitor.checkpoint
    identity = f"{config!r} {seeds} {system.positions.shape} {continuum}"
    ended = [] if checkpoint is None else _restored(checkpoint, identity)
    earlier_s = sum(one.compile_s + one.minimize_s for one in ended)
    starts = [np.asarray(system.start(seed), float) for seed in seeds]
    by_seed = SeedMonitor(monitor.on_progress, monitor.should_stop, len(seeds), config.most_steps)
    held = Held(system.frozen, system.restraints)
    for one in ended:
        by_seed.end_seed(one.steps)
    while len(ended) < len(seeds) and not by_seed.stopped:
        place = len(ended)
        trajectory = config.trajectory(molecule, seeds[place], starts[place], held, by_seed, continuum)
        ended.append(_measured(system, trajectory))
        by_seed.end_seed(ended[-1].steps)
        if checkpoint is not None:
            finished = [one for one in ended if one.status is not Status.interrupted]
            save_checkpoint(checkpoint, _snapshot(finished, identity))
    ended += [_measured(system, _not_begun(start)) for start in starts[len(ended) :]]
    return _result(system, seeds, starts, ended, earlier_s, monitor.record_every)


def _not_begun(start: np.ndarray) -> Trajectory:
    return Trajectory(Status.interrupted, [Frame(0, 0.0, start, np.nan)], 0.0)


def _measured(system: System, trajectory: Trajectory) -> Ended:
    """Evaluate the system's own energy, and its measures, at every frame."""
    rows = []
    for frame in trajectory.frames:
        energy, norm, measures = _evaluated(system, frame.positions)
        own = [frame.step, frame.time_s, float(energy), float(norm), frame.energy]
        rows.append(own + [float(value) for value in measures.values()])
    finite = np.isfinite(rows[-1][COLUMNS.index("energy")])
    status = trajectory.status if finite else Status.diverged
    path = np.stack([frame.positions for frame in trajectory.frames])
    return Ended(status, path, np.asarray(rows, float), trajectory.compile_s)


def _frames(system: System, seeds: tuple[int, ...], ended: list[Ended], every: int | None) -> Frames | None:
    """Every so many steps and the last of each seed."""
    if every is None:
        return None
    steps = [one.rows[:, COLUMNS.index("step")].astype(int) for one in ended]
    chosen = [np.flatnonzero((own % every == 0) | (own == own[-1])) for own in steps]
    return Frames(
        np.concatenate([np.full(len(kept), seed) for kept, seed in zip(chosen, seeds, strict=True)]),
        np.concatenate([own[kept] for own, kept in zip(steps, chosen, strict=True)]),
        system.in_file_frame(
            np.concatenate([one.path[kept] for one, kept in zip(ended, chosen, strict=True)])
        ),
    )


def _evaluated(system: System, positions: np.ndarray) -> tuple[Array, Array, dict[str, Array]]:
    """In double precision, where the system has its energy in it."""
    if system.exact is None:
        return _evaluate(system.energy, system.measure, on_device(positions))
    with jax.enable_x64(True):
        return _evaluate(system.exact_energy, system.measure, on_device(positions))


@jax.jit
def _evaluate(
    energy: Partial, measure: Partial | None, positions: Array
) -> tuple[Array, Array, dict[str, Array]]:
    """Energy, norm of its gradient, and measures."""
    value, gradient = jax.value_and_grad(energy)(positions)
    return value, jnp.sqrt(jnp.sum(gradient**2)), {} if measure is None else measure(positions)


def _result(
    system: System,
    seeds: tuple[int, ...],
    starts: list[np.ndarray],
    ended: list[Ended],
    earlier_s: float,
    record_every: int | None,
) -> Result:
    columns = [*COLUMNS, *_evaluated(system, np.asarray(system.positions, float))[2]]
    tables = [pd.DataFrame(one.rows, columns=columns) for one in ended]
    for seed, table in zip(seeds, tables, strict=True):
        table.insert(0, "seed", seed)
        table.insert(1, "stage", STAGE)
        table["step"] = table["step"].astype(int)
    first, last = (pd.concat([table.iloc[[row]] for table in tables]) for row in (0, -1))
    steps = last["step"].to_numpy()
    return Result(
        seeds=seeds,
        status=tuple(one.status for one in ended),
        positions=system.in_file_frame(np.stack([one.positions for one in ended])),
        positions_coarse=None,
        positions_start=system.in_file_frame(np.stack(starts)),
        energy=last["energy"].to_numpy(),
        energy_coarse=np.full(len(seeds), np.nan),
        energy_start=first["energy"].to_numpy(),
        gradient_rms=last["gradient_norm"].to_numpy() / np.sqrt(3 * system.n_free),
        restarts=np.zeros_like(steps),
        time_modes_s=np.zeros(len(steps)),
        steps_coarse=np.zeros_like(steps),
        steps_fine=steps,
        evaluations=steps,
        history=pd.concat(tables, ignore_index=True),
        time_fit_s=np.zeros(len(seeds)),
        time_compile_s=np.array([one.compile_s for one in ended]),
        time_minimize_s=last["time_s"].to_numpy(),
        time_earlier_s=earlier_s,
        name=system.name,
        energy_unit=system.energy_unit,
        length_unit=system.length_unit,
        stages=(STAGE,),
        frames=_frames(system, seeds, ended, record_every),
    )


def _snapshot(ended: list[Ended], identity: str) -> dict[str, Any]:
    return {
        "identity": np.asarray(identity),
        "status": np.asarray([int(one.status) for one in ended], int),
        "path": [one.path for one in ended],
        "rows": [one.rows for one in ended],
        "compile_s": np.asarray([one.compile_s for one in ended], float),
    }


def _restored(checkpoint: Path, identity: str) -> list[Ended]:
    """The seeds that an interrupted run has finished.

    Raises:
        UserError: the checkpoint cannot be read, or is of another run.
    """
    if not checkpoint.exists():
        return []
    snapshot = load_checkpoint(checkpoint)
    if str(snapshot.get("identity")) != identity:
        raise UserError(f"{checkpoint}: the checkpoint is of another run; remove it to start again")
    status = [Status(int(code)) for code in snapshot["status"]]
    compile_s = snapshot["compile_s"].tolist()
    return [Ended(*one) for one in zip(status, snapshot["path"], snapshot["rows"], compile_s, strict=True)]
