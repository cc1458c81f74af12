"""The host's side of a minimisation: stages in order, one chunk of steps at a time."""

import time
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array
from jax.tree_util import Partial

from nnrep.minimization.optimizers import Optimizer
from nnrep.minimization.result import Result
from nnrep.minimization.stage import (
    CHECKS_PER_CHUNK,
    Problem,
    Replica,
    Trace,
    extent_of,
    run_chunk,
    start_replica,
)
from nnrep.minimization.stopping import Status, Stopping
from nnrep.reparam.base import Params, Reparametrization
from nnrep.reparam.identity import is_identity
from nnrep.systems.system import System

CHUNK_SECONDS = 0.25  # how often the host looks at the loop


class Stage(NamedTuple):
    """A map, how its inputs are moved, and until when."""

    name: str
    reparam: Reparametrization
    optimizer: Optimizer
    stopping: Stopping
    max_steps: int


class Progress(NamedTuple):
    """What a caller is told after every chunk.

    Attributes:
        stage: "coarse" or "fine".
        steps: steps of all replicas so far, all stages together.
        steps_limit: the most there can be.
        running: replicas of this stage that have not stopped.
        energy: lowest loss that a replica of this stage has seen.
    """

    stage: str
    steps: int
    steps_limit: int
    running: int
    energy: float


class Run:
    """A minimisation under way; `minimize` drives it."""

    def __init__(
        self,
        system: System,
        stages: tuple[Stage, ...],
        seeds: tuple[int, ...],
        max_steps: int,
        batch_size: int | None,
    ) -> None:
        """Compile the first stage and stand at its start; arguments as those of `minimize`."""
        self.system, self.stages, self.seeds = system, stages, seeds
        self.max_steps, self.batch_size = max_steps, batch_size
        self.loss = system.energy_sample or Partial(_without_key, system.energy)
        self.positions_coarse: np.ndarray | None = None
        self.steps_before = np.zeros(len(seeds), int)  # of finished stages
        self.history: list[pd.DataFrame] = []
        self.compile_s = 0.0
        self.minimize_s = np.zeros(len(seeds))
        self.checks = 1
        self.stage_index: int
        self.problem: Problem
        self.loss_keys: Array
        self.replicas: Replica
        starts = jnp.stack([system.start(seed) for seed in seeds])
        began = time.perf_counter()
        jax.block_until_ready(_evaluate(system.energy, starts, 0))  # of no replica: this compiles
        self.compile_s += time.perf_counter() - began
        self._begin_stage(0, starts, jnp.full(len(seeds), Status.running), extent=None)
        self.positions_start = self._positions()
        self.energy_start, _ = self._exact(self.positions_start)

    def advance(self) -> bool:
        """Run one chunk, or go to the next stage; False when there is nothing left to do."""
        if not np.any(np.asarray(self.replicas.status) == Status.running):
            if self._in_last_stage():
                return False
            self._next_stage()
            return True
        began = time.perf_counter()
        before = np.asarray(self.replicas.step)
        trace = self._run_chunk(self.checks)
        elapsed = time.perf_counter() - began
        self._record(trace, before, elapsed)
        growth = min(CHUNK_SECONDS / max(elapsed, 1e-6), 8)
        self.checks = int(np.clip(self.checks * growth, 1, CHECKS_PER_CHUNK))
        return True

    def progress(self) -> Progress:
        """Where the run stands."""
        return Progress(
            stage=self.stages[self.stage_index].name,
            steps=int((self.steps_before + np.asarray(self.replicas.step)).sum()),
            steps_limit=self.max_steps * len(self.seeds),
            running=int(np.sum(np.asarray(self.replicas.status) == Status.running)),
            energy=float(np.min(self.replicas.best)),
        )

    def result(self) -> Result:
        """The outcome; replicas that have not come to their end are interrupted."""
        steps = np.asarray(self.replicas.step)
        coarse_only = not self._in_last_stage()
        positions = self._positions()
        energy, gradient_rms = self._exact(positions)
        # The coarse stage's end: of an interrupted one, where it stands.
        coarse = positions if coarse_only else self.positions_coarse
        count = len(self.seeds)
        return Result(
            seeds=self.seeds,
            status=tuple(self._outcome(Status(int(code))) for code in self.replicas.status),
            positions=positions,
            positions_coarse=coarse,
            positions_start=self.positions_start,
            energy=energy,
            energy_coarse=np.full(count, np.nan) if coarse is None else self._exact(coarse)[0],
            energy_start=self.energy_start,
            gradient_rms=gradient_rms,
            steps_coarse=steps if coarse_only else self.steps_before,
            steps_fine=np.zeros_like(steps) if coarse_only else steps,
            evaluations=self.steps_before + steps,
            history=self._history(),
            time_compile_s=np.full(count, self.compile_s / count),
            time_minimize_s=self.minimize_s,
        )

    def snapshot(self) -> dict[str, Any]:
        """All that changes while the run goes on: numbers, arrays and lists of arrays."""
        return {
            "stage_index": self.stage_index,
            "replicas": jax.tree.leaves(self.replicas),
            "positions_coarse": [] if self.positions_coarse is None else [self.positions_coarse],
            "steps_before": self.steps_before,
            "compile_s": self.compile_s,
            "minimize_s": self.minimize_s,
            "history": [np.asarray(self._history()[name].tolist()) for name in HISTORY_COLUMNS],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot of a run with the same arguments."""
        if int(snapshot["stage_index"]) > self.stage_index:
            self._next_stage()
        leaves = [jnp.asarray(leaf) for leaf in snapshot["replicas"]]
        self.replicas = jax.tree.unflatten(jax.tree.structure(self.replicas), leaves)
        self.positions_coarse = next(iter(snapshot["positions_coarse"]), None)
        self.steps_before = snapshot["steps_before"]
        self.compile_s += float(snapshot["compile_s"])
        self.minimize_s = snapshot["minimize_s"]
        self.history = [pd.DataFrame(dict(zip(HISTORY_COLUMNS, snapshot["history"], strict=True)))]

    def _begin_stage(self, index: int, positions: Array, status: Array, extent: Array | None) -> None:
        """A fresh optimiser on the map of a stage, from positions (s, n, d)."""
        began = time.perf_counter()
        self.stage_index = index
        stage = self.stages[index]
        self.problem = Problem(self.loss, stage.reparam.decode)
        self.loss_keys = self._keys(2 + 2 * index)
        params, outputs = _init_params(stage.reparam, self._keys(1 + 2 * index), positions)
        if extent is None:
            extent = jax.vmap(extent_of)(outputs)
            extent = jnp.where(extent > 0, extent, 1)
        self.replicas = _start_replicas(
            stage.optimizer.build,
            stage.optimizer.hyperparameters,
            params,
            jnp.asarray(np.minimum(stage.max_steps, self.max_steps - self.steps_before)),
            extent,
            status,
        )
        self._run_chunk(0)  # no steps: this compiles
        self.compile_s += time.perf_counter() - began

    def _next_stage(self) -> None:
        positions = self._positions()
        self.positions_coarse = positions
        self.steps_before = self.steps_before + np.asarray(self.replicas.step)
        status = jnp.where(self.replicas.status == Status.diverged, Status.diverged, Status.running)
        self._begin_stage(self.stage_index + 1, jnp.asarray(positions), status, self.replicas.extent)

    def _run_chunk(self, checks: int) -> Trace:
        stage = self.stages[self.stage_index]
        self.replicas, trace = run_chunk(
            self.problem,
            stage.optimizer.build,
            stage.optimizer.hyperparameters,
            stage.stopping,
            self.replicas,
            self.loss_keys,
            checks,
            self.batch_size or default_batch_size(stage.reparam, len(self.seeds)),
        )
        return jax.block_until_ready(trace)

    def _record(self, trace: Trace, before: np.ndarray, elapsed: float) -> None:
        """Add a chunk's checks to the history; each replica is charged by its steps."""
        taken = np.asarray(self.replicas.step) - before
        seconds_per_step = elapsed / max(1, taken.sum())
        steps, losses, norms = (np.asarray(values) for values in trace)
        replica, check = np.nonzero(steps >= 0)
        step = steps[replica, check]
        columns = (
            np.asarray(self.seeds)[replica],
            np.full(len(step), self.stages[self.stage_index].name),
            self.steps_before[replica] + step,
            self.minimize_s[replica] + (step - before[replica]) * seconds_per_step,
            losses[replica, check],
            norms[replica, check],
        )
        self.history.append(pd.DataFrame(dict(zip(HISTORY_COLUMNS, columns, strict=True))))
        self.minimize_s = self.minimize_s + taken * seconds_per_step

    def _history(self) -> pd.DataFrame:
        if not self.history:
            return pd.DataFrame(columns=HISTORY_COLUMNS)
        rows = pd.concat(self.history)
        order = rows["seed"].map({seed: place for place, seed in enumerate(self.seeds)})
        return rows.iloc[np.lexsort((rows["step"], order))].reset_index(drop=True)

    def _outcome(self, status: Status) -> Status:
        ended = status is not Status.running and self._in_last_stage()
        return status if ended or status is Status.diverged else Status.interrupted

    def _in_last_stage(self) -> bool:
        return self.stage_index + 1 == len(self.stages)

    def _positions(self) -> np.ndarray:
        return np.asarray(_decode_all(self.problem.decode, self.replicas.params))

    def _exact(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, gradient_rms = _evaluate(self.system.energy, jnp.asarray(positions), len(positions))
        return np.asarray(energy), np.asarray(gradient_rms)

    def _keys(self, branch: int) -> Array:
        return jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), branch))(
            jnp.asarray(self.seeds)
        )


HISTORY_COLUMNS = ["seed", "stage", "step", "time_s", "energy", "gradient_norm"]


def default_batch_size(reparam: Reparametrization, replicas: int) -> int:
    """Replicas that step side by side.

    On a CPU a step without a map is short of memory bandwidth rather than of parallel work, and the
    random shifts of a batch would turn into gathers: one at a time is twice as fast. The matrix
    products of a map gain from a batch, and so does everything on a GPU.
    """
    if is_identity(reparam) and jax.default_backend() == "cpu":
        return 1
    return replicas


def _without_key(energy: Partial, positions: Array, key: Array) -> Array:
    return energy(positions)


@jax.jit
def _init_params(reparam: Reparametrization, keys: Array, positions: Array) -> tuple[Params, Array]:
    params = jax.vmap(reparam.init)(keys, positions)
    return params, jax.vmap(reparam.decode)(params)


@partial(jax.jit, static_argnames="build")
def _start_replicas(build: Any, hyperparameters: Any, *states: Any) -> Replica:
    return jax.vmap(lambda *state: start_replica(build, hyperparameters, *state))(*states)


@jax.jit
def _decode_all(decode: Partial, params: Params) -> Array:
    return jax.lax.map(decode, params)


@jax.jit
def _evaluate(energy: Partial, positions: Array, count: int) -> tuple[Array, Array]:
    """Exact energies (s,) and RMS gradient components (s,) of the first `count` of positions (s, n, d)."""

    def evaluate(replica: Array, values: tuple[Array, Array]) -> tuple[Array, Array]:
        energies, gradients = values
        value, gradient = jax.value_and_grad(energy)(positions[replica])
        rms = jnp.sqrt(jnp.mean(gradient**2))
        return energies.at[replica].set(value), gradients.at[replica].set(rms)

    nothing = jnp.full(len(positions), jnp.nan, positions.dtype)
    return jax.lax.fori_loop(0, count, evaluate, (nothing, nothing))
