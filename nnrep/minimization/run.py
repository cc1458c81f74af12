"""The host's side of a minimisation: stages in order, one chunk of steps at a time."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array
from jax.tree_util import Partial

from nnrep.errors import UserError
from nnrep.minimization.exact import evaluate
from nnrep.minimization.fit import Fit, fit_params
from nnrep.minimization.optimizers import Optimizer
from nnrep.minimization.recorder import Recorder
from nnrep.minimization.result import Result
from nnrep.minimization.stage import (
    CHECKS_PER_CHUNK,
    Problem,
    Replica,
    Trace,
    extent_of,
    no_measures,
    run_chunk,
    start_replica,
)
from nnrep.minimization.stopping import Status, Stopping
from nnrep.reparam.base import Params, Reparametrization
from nnrep.systems.system import System

CHUNK_SECONDS = 0.25  # how often the host looks at the loop


class Stage(NamedTuple):
    """A map, how its inputs are moved, and until when."""

    name: str
    reparam: Reparametrization
    optimizer: Optimizer
    stopping: Stopping
    max_steps: int
    fit: Fit | None = None


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
        record_every: int | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Compile the first stage and stand at its start; arguments as those of `minimize`."""
        self.system, self.stages, self.seeds = system, stages, seeds
        self.max_steps, self.batch_size, self.should_stop = max_steps, batch_size, should_stop
        self.loss = system.energy_sample or Partial(_without_key, system.energy)
        self.measure = system.measure or Partial(no_measures)
        self.columns = [*HISTORY_COLUMNS, *jax.eval_shape(self.measure, system.positions)]
        self.recorder = Recorder(record_every)
        size = batch_size or default_batch_size(len(seeds))
        self.groups = [slice(start, start + size) for start in range(0, len(seeds), size)]
        self.positions_coarse: np.ndarray | None = None
        self.steps_before = np.zeros(len(seeds), int)  # of finished stages
        self.history: list[pd.DataFrame] = []
        self.compile_s = 0.0
        self.fit_s = np.zeros(len(seeds))
        self.minimize_s = np.zeros(len(seeds))
        self.earlier_s = 0.0  # of these, spent before an interruption
        self.checks = 1
        self.stage_index: int
        self.problem: Problem
        self.loss_keys: Array
        self.replicas: list[Replica]  # one batch a group
        starts = jnp.stack([system.start(seed) for seed in seeds])
        began = time.perf_counter()
        jax.block_until_ready(evaluate(system.energy, starts, 0))  # of no replica: this compiles
        self.compile_s += time.perf_counter() - began
        self._begin_stage(0, starts, jnp.full(len(seeds), Status.running))
        self.positions_start = self._positions()
        self.energy_start, _ = self._exact(self.positions_start)
        for seed, positions in zip(seeds, self.positions_start, strict=True):
            self.recorder.keep(seed, 0, positions)

    def advance(self) -> bool:
        """Run one chunk of one group, or go to the next stage; False when there is nothing left to do."""
        running = [g for g, replicas in enumerate(self.replicas) if _any_running(replicas)]
        if not running:
            if self._in_last_stage():
                return False
            self._next_stage()
            return True
        group = running[0]
        began = time.perf_counter()
        before = np.asarray(self.replicas[group].step)
        every = self.stages[self.stage_index].stopping.check_every
        trace = self._run_chunk(group, min(self.checks, self.recorder.checks_ahead(before, every)))
        elapsed = time.perf_counter() - began
        self._record(group, trace, before, elapsed)
        self._keep_frames(group, before)
        growth = min(CHUNK_SECONDS / max(elapsed, 1e-6), 8)
        self.checks = int(np.clip(self.checks * growth, 1, CHECKS_PER_CHUNK))
        return True

    def progress(self) -> Progress:
        """Where the run stands."""
        replicas = self._whole()
        return Progress(
            stage=self.stages[self.stage_index].name,
            steps=int((self.steps_before + np.asarray(replicas.step)).sum()),
            steps_limit=self.max_steps * len(self.seeds),
            running=int(np.sum(np.asarray(replicas.status) == Status.running)),
            energy=float(np.min(replicas.best)),
        )

    def result(self) -> Result:
        """The outcome; replicas that have not come to their end are interrupted."""
        replicas = self._whole()
        steps = np.asarray(replicas.step)
        coarse_only = not self._in_last_stage()
        positions = self._positions()
        energy, gradient_rms = self._exact(positions)
        # The coarse stage's end: of an interrupted one, where it stands.
        coarse = positions if coarse_only else self.positions_coarse
        count = len(self.seeds)
        return Result(
            seeds=self.seeds,
            status=tuple(map(self._outcome, replicas.status, energy)),
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
            frames=self.recorder.frames(self.seeds),
            time_fit_s=self.fit_s,
            time_compile_s=np.full(count, self.compile_s / count),
            time_minimize_s=self.minimize_s,
            time_earlier_s=self.earlier_s,
        )

    def snapshot(self) -> dict[str, Any]:
        """All that changes while the run goes on, and what it must fit: arrays and lists of arrays."""
        history = self._history()
        return {
            "seeds": np.asarray(self.seeds),
            "stage_index": np.asarray(self.stage_index),
            "replicas": jax.tree.leaves(self._whole()),
            "positions_coarse": [] if self.positions_coarse is None else [self.positions_coarse],
            "steps_before": self.steps_before,
            "compile_s": np.asarray(self.compile_s),
            "fit_s": self.fit_s,
            "minimize_s": self.minimize_s,
            "history": [_as_array(history[name]) for name in self.columns],
            **self.recorder.snapshot(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot of a run with the same arguments.

        Raises:
            UserError: the snapshot is of a run with other seeds, sizes or stages.
        """
        index = int(snapshot["stage_index"])
        if index == self.stage_index + 1 < len(self.stages):
            self._next_stage()
        mine, structure = jax.tree.flatten(self._whole())
        theirs = [jnp.asarray(leaf) for leaf in snapshot["replicas"]]
        same_seeds = snapshot["seeds"].tolist() == list(self.seeds)
        same_leaves = [(x.shape, x.dtype) for x in mine] == [(x.shape, x.dtype) for x in theirs]
        if index != self.stage_index or not same_seeds or not same_leaves:
            raise UserError("the checkpoint is of another run: its seeds, sizes or stages differ")
        self._set_whole(jax.tree.unflatten(structure, theirs))
        self.positions_coarse = next(iter(snapshot["positions_coarse"]), None)
        self.steps_before = snapshot["steps_before"]
        spent = (snapshot[name].sum() for name in ("compile_s", "fit_s", "minimize_s"))
        self.earlier_s = float(sum(spent))
        self.compile_s += float(snapshot["compile_s"])
        self.fit_s += snapshot["fit_s"]
        self.minimize_s = snapshot["minimize_s"]
        self.history = [pd.DataFrame(dict(zip(self.columns, snapshot["history"], strict=True)))]
        self.recorder.restore(snapshot)

    def _begin_stage(self, index: int, positions: Array, status: Array) -> None:
        """A fresh optimiser on the map of a stage, from positions (s, n, d)."""
        began = time.perf_counter()
        self.stage_index = index
        stage = self.stages[index]
        self.problem = Problem(self.loss, stage.reparam.decode, self.measure)
        self.loss_keys = self._keys(2 + 2 * index)
        init_keys = self._keys(1 + 2 * index)
        # Replica by replica: a batch would round by the number of seeds.
        singles = [_init(stage.reparam, *start) for start in zip(init_keys, positions, strict=True)]
        fit_before = self.fit_s.sum()
        starts = enumerate(zip(singles, positions, strict=True))
        params = _stack([self._fitted(stage, replica, start) for replica, start in starts])
        outputs = [_decode(stage.reparam.decode, self._member(params, r)) for r in self._range()]
        self._set_whole(
            _start_replicas(
                stage.optimizer.build,
                stage.optimizer.hyperparameters,
                params,
                jnp.asarray(np.minimum(stage.max_steps, self.max_steps - self.steps_before)),
                jnp.stack([extent_of(output) for output in outputs]),
                status,
            )
        )
        for group in range(len(self.groups)):
            self._run_chunk(group, 0)  # no steps: this compiles
        self.compile_s += time.perf_counter() - began - (self.fit_s.sum() - fit_before)

    def _next_stage(self) -> None:
        positions, replicas = self._positions(), self._whole()
        self.positions_coarse = positions
        self.steps_before = self.steps_before + np.asarray(replicas.step)
        status = jnp.where(replicas.status == Status.diverged, Status.diverged, Status.running)
        self._begin_stage(self.stage_index + 1, jnp.asarray(positions), status)

    def _run_chunk(self, group: int, checks: int) -> Trace:
        stage = self.stages[self.stage_index]
        self.replicas[group], trace = run_chunk(
            self.problem,
            stage.optimizer.build,
            stage.optimizer.hyperparameters,
            stage.stopping,
            self.replicas[group],
            self.loss_keys[self.groups[group]],
            checks,
        )
        return jax.block_until_ready(trace)

    def _record(self, group: int, trace: Trace, before: np.ndarray, elapsed: float) -> None:
        """Add a chunk's checks to the history; each replica of the batch is charged by its steps."""
        taken = np.asarray(self.replicas[group].step) - before
        seconds_per_step = elapsed / max(1, taken.sum())
        members = np.arange(len(self.seeds))[self.groups[group]]
        steps = np.asarray(trace.step)
        place, check = np.nonzero(steps >= 0)
        step, member = steps[place, check], members[place]
        seen = [trace.loss, trace.gradient_norm, *trace.measures.values()]
        columns = (
            np.asarray(self.seeds)[member],
            np.full(len(step), self.stages[self.stage_index].name),
            self.steps_before[member] + step,
            self.minimize_s[member] + (step - before[place]) * seconds_per_step,
            *(np.asarray(values)[place, check] for values in seen),
        )
        self.history.append(pd.DataFrame(dict(zip(self.columns, columns, strict=True))))
        self.minimize_s[members] += taken * seconds_per_step

    def _fitted(self, stage: Stage, replica: int, start: tuple[Params, Array]) -> Params:
        """The parameters of a replica, fitted to its positions if the stage says so."""
        params, positions = start
        if stage.fit is None:
            return params
        fit_params(stage.reparam.decode, params, positions, stage.fit._replace(max_steps=0))  # compiles
        began = time.perf_counter()
        fitted = fit_params(stage.reparam.decode, params, positions, stage.fit, self.should_stop)
        params = jax.block_until_ready(fitted)
        self.fit_s[replica] += time.perf_counter() - began
        return params

    def _keep_frames(self, group: int, before: np.ndarray) -> None:
        """Keep the frames that a chunk has reached: at every so many steps, and where a replica ended."""
        members = np.arange(len(self.seeds))[self.groups[group]]
        after, ended = np.asarray(self.replicas[group].step), self.replicas[group].status != Status.running
        for place in map(int, np.flatnonzero(after > before)):
            if self.recorder.is_due(after[place]) or (self.recorder.every and ended[place]):
                params = self._member(self.replicas[group].params, place)
                step = int(self.steps_before[members[place]] + after[place])
                positions = np.asarray(_decode(self.problem.decode, params))
                self.recorder.keep(self.seeds[members[place]], step, positions)

    def _history(self) -> pd.DataFrame:
        if not self.history:
            return pd.DataFrame(columns=self.columns)
        rows = pd.concat(self.history)
        order = rows["seed"].map({seed: place for place, seed in enumerate(self.seeds)})
        return rows.iloc[np.lexsort((rows["step"], order))].reset_index(drop=True)

    def _outcome(self, code: Array, energy: float) -> Status:
        status = Status(int(code))
        if status is Status.diverged or not np.isfinite(energy):
            return Status.diverged
        ended = status is not Status.running and self._in_last_stage()
        return status if ended else Status.interrupted

    def _in_last_stage(self) -> bool:
        return self.stage_index + 1 == len(self.stages)

    def _whole(self) -> Replica:
        """All groups in one batch."""
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *self.replicas)

    def _set_whole(self, replicas: Replica) -> None:
        self.replicas = [jax.tree.map(lambda leaf, g=group: leaf[g], replicas) for group in self.groups]

    def _positions(self) -> np.ndarray:
        params = self._whole().params
        return np.stack([_decode(self.problem.decode, self._member(params, r)) for r in self._range()])

    def _range(self) -> range:
        return range(len(self.seeds))

    @staticmethod
    def _member(batch: Any, replica: int) -> Any:
        return jax.tree.map(lambda leaf: leaf[replica], batch)

    def _exact(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, gradient_rms = evaluate(self.system.energy, jnp.asarray(positions), len(positions))
        return np.asarray(energy), np.asarray(gradient_rms)

    def _keys(self, branch: int) -> Array:
        return jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), branch))(
            jnp.asarray(self.seeds)
        )


HISTORY_COLUMNS = ["seed", "stage", "step", "time_s", "energy", "gradient_norm"]


def _as_array(column: pd.Series) -> np.ndarray:
    """A column of numbers as it is, or of strings in NumPy's own type."""
    values = column.to_numpy()
    return values if np.issubdtype(values.dtype, np.number) else np.asarray(column.tolist())


def default_batch_size(replicas: int) -> int:
    """Replicas that step side by side.

    On a CPU one at a time: a batch of maps would be up to 1.7 times as fast while all its replicas
    run, but waits for its last one, is slower by half without a map, and rounds its matrix products
    by the number of replicas in it. Alone, a seed's numbers are the same to the last bit whatever
    else is run. Other devices need the batch to be busy.
    """
    return 1 if jax.default_backend() == "cpu" else replicas


def _any_running(replicas: Replica) -> bool:
    return bool(np.any(np.asarray(replicas.status) == Status.running))


def _without_key(energy: Partial, positions: Array, key: Array) -> Array:
    return energy(positions)


def _stack(replicas: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *replicas)


@jax.jit
def _init(reparam: Reparametrization, key: Array, positions: Array) -> Params:
    return reparam.init(key, positions)


@jax.jit
def _decode(decode: Partial, params: Params) -> Array:
    return decode(params)


@partial(jax.jit, static_argnames="build")
def _start_replicas(build: Any, hyperparameters: Any, *states: Any) -> Replica:
    return jax.vmap(lambda *state: start_replica(build, hyperparameters, *state))(*states)
