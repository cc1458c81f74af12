"""The host's side of a minimisation: stages in order, one chunk of steps at a time."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.errors import UserError
from nnrep.host.compilation import compilation_clock
from nnrep.minimization.batches import (
    any_running,
    decoded,
    default_batch_size,
    initial_params,
    member,
    replica_keys,
    stack,
    start_replicas,
    without_key,
)
from nnrep.minimization.ends import NO_RESTARTS, Ends, Restarts
from nnrep.minimization.exact import evaluate
from nnrep.minimization.fit import fit_params
from nnrep.minimization.history import History
from nnrep.minimization.progress import Progress
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
)
from nnrep.minimization.stages import Stage
from nnrep.minimization.stopping import Status
from nnrep.reparam.base import Anchored, Params
from nnrep.systems.system import System

CHUNK_SECONDS = 0.25  # how often the host looks at the loop


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
        restarts: Restarts = NO_RESTARTS,
    ) -> None:
        """Compile the first stage and stand at its start; arguments as those of `minimize`."""
        self.system, self.stages, self.seeds = system, stages, seeds
        self.max_steps, self.batch_size, self.should_stop = max_steps, batch_size, should_stop
        self.loss = system.energy_sample or Partial(without_key, system.energy)
        self.measure = system.measure or Partial(no_measures)
        self.history = History(list(jax.eval_shape(self.measure, system.positions)), seeds)
        self.recorder = Recorder(record_every)
        size = batch_size or default_batch_size(len(seeds))
        self.groups = [slice(start, start + size) for start in range(0, len(seeds), size)]
        self.positions_coarse: np.ndarray | None = None
        self.steps_before = np.zeros(len(seeds), int)  # of finished stages
        self.steps_coarse = np.zeros(len(seeds), int)  # of these, of stages but the last
        self.restarts, self.attempt = restarts, 0
        self.restarted = np.zeros(len(seeds), int)
        self.judged = np.zeros(len(seeds), bool)  # whether an end has been looked at for failure
        self.ends = Ends.none_yet(len(seeds), system.positions)
        self.compile_s = 0.0
        self.fit_s = np.zeros(len(seeds))
        self.modes_s = np.zeros(len(seeds))
        self.minimize_s = np.zeros(len(seeds))
        self.earlier_s = 0.0  # of these, before an interruption
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
        running = [g for g, replicas in enumerate(self.replicas) if any_running(replicas)]
        if not running:
            self._end(~self.ends.ended if self._in_last_stage() else self._done_early())
            if self.ends.ended.all():
                return self._next_attempt()
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
        return Progress(
            stage=self.stages[self.stage_index].name,
            steps=int((self.steps_before + self._seen("step")).sum()),
            steps_limit=self.max_steps * len(self.seeds),
            running=int(np.sum(self._seen("status") == Status.running)),
            energy=float(np.min(self._seen("best"))),
        )

    def result(self) -> Result:
        """The outcome; replicas that have not come to their end are interrupted."""
        steps = self._seen("step")
        coarse_only = not self._in_last_stage()
        ended = self.ends.ended
        _, positions, energy, gradient_rms, outcome, before = self.ends
        if not ended.all():
            _, positions, energy, gradient_rms, outcome, before = (
                np.where(ended.reshape(-1, *[1] * (there.ndim - 1)), kept, there)
                for kept, there in zip(self.ends, self._standing(), strict=True)
            )
        coarse = None if len(self.stages) == 1 else before
        count = len(self.seeds)
        last_steps = self.steps_before - self.steps_coarse
        return Result(
            seeds=self.seeds,
            status=tuple(map(self._outcome, outcome, energy, ended)),
            positions=positions,
            positions_coarse=coarse,
            positions_start=self.positions_start,
            energy=energy,
            energy_coarse=np.full(count, np.nan) if coarse is None else self._exact(coarse)[0],
            energy_start=self.energy_start,
            gradient_rms=gradient_rms,
            steps_coarse=self.steps_coarse + (steps if coarse_only else 0),
            steps_fine=last_steps + (0 if coarse_only else steps),
            evaluations=self.steps_before + steps,
            history=self.history.table(),
            frames=self.recorder.frames(self.seeds),
            restarts=self.restarted,
            time_modes_s=self.modes_s,
            time_fit_s=self.fit_s,
            time_compile_s=np.full(count, self.compile_s / count),
            time_minimize_s=self.minimize_s,
            time_earlier_s=self.earlier_s,
        )

    def snapshot(self) -> dict[str, Any]:
        """All that changes while the run goes on, and what it must fit: arrays and lists of arrays."""
        return {
            "seeds": np.asarray(self.seeds),
            "stage_index": np.asarray(self.stage_index),
            "attempt": np.asarray(self.attempt),
            "ends": list(self.ends),
            "steps_coarse": self.steps_coarse,
            "restarted": self.restarted,
            "judged": self.judged,
            "modes_s": self.modes_s,
            "replicas": jax.tree.leaves(self._whole()),
            "positions_coarse": [] if self.positions_coarse is None else [self.positions_coarse],
            "steps_before": self.steps_before,
            "compile_s": np.asarray(self.compile_s),
            "fit_s": self.fit_s,
            "minimize_s": self.minimize_s,
            "history": self.history.snapshot(),
            **self.recorder.snapshot(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot of a run with the same arguments.

        Raises:
            UserError: the snapshot is of a run with other seeds, sizes or stages.
        """
        index, self.attempt = int(snapshot["stage_index"]), int(snapshot["attempt"])
        if 0 < index < len(self.stages) or self.attempt:
            # Of the shapes of that stage; what it holds is the snapshot's.
            self._begin_stage(index, jnp.asarray(self._positions()), jnp.asarray(self._seen("status")))
        mine, structure = jax.tree.flatten(self._whole())
        theirs = [jnp.asarray(leaf) for leaf in snapshot["replicas"]]
        same_seeds = snapshot["seeds"].tolist() == list(self.seeds)
        same_leaves = [(x.shape, x.dtype) for x in mine] == [(x.shape, x.dtype) for x in theirs]
        if index != self.stage_index or not same_seeds or not same_leaves:
            raise UserError("the checkpoint is of another run: its seeds, sizes or stages differ")
        self._set_whole(jax.tree.unflatten(structure, theirs))
        self.positions_coarse = next(iter(snapshot["positions_coarse"]), None)
        self.steps_before, self.steps_coarse = snapshot["steps_before"], snapshot["steps_coarse"]
        self.restarted, self.ends = snapshot["restarted"], Ends(*snapshot["ends"])
        self.judged = snapshot["judged"]
        spent = (snapshot[name].sum() for name in ("compile_s", "fit_s", "modes_s", "minimize_s"))
        self.earlier_s = float(sum(spent))
        self.compile_s += float(snapshot["compile_s"])
        self.fit_s += snapshot["fit_s"]
        self.modes_s += snapshot["modes_s"]
        self.minimize_s = snapshot["minimize_s"]
        self.history.restore(snapshot["history"])
        self.recorder.restore(snapshot)

    def _begin_stage(self, index: int, positions: Array, status: Array) -> None:
        """A fresh optimiser on the map of a stage, from positions (s, n, d)."""
        began = time.perf_counter()
        self.stage_index = index
        stage = self.stages[index]
        self.problem = Problem(self.loss, stage.reparam.decode, self.measure)
        branch = 2 * (index + self.attempt * len(self.stages))
        self.loss_keys = replica_keys(self.seeds, 2 + branch)
        init_keys = replica_keys(self.seeds, 1 + branch)
        other_before = self.fit_s.sum() + self.modes_s.sum()
        # Replica by replica: a batch would round by the number of seeds.
        starts = zip(init_keys, positions, strict=True)
        running = np.asarray(status) == Status.running
        singles = [
            self._initial(stage, replica, start, running[replica]) for replica, start in enumerate(starts)
        ]
        fitted = enumerate(zip(singles, positions, strict=True))
        params = stack([self._fitted(stage, replica, start) for replica, start in fitted])
        outputs = [decoded(stage.reparam.decode, member(params, r)) for r in range(len(self.seeds))]
        self._set_whole(
            start_replicas(
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
        other = self.fit_s.sum() + self.modes_s.sum() - other_before
        self.compile_s += time.perf_counter() - began - other

    def _next_stage(self) -> None:
        positions, status, steps = self._positions(), self._seen("status"), self._seen("step")
        self.positions_coarse = positions
        self.steps_before, self.steps_coarse = self.steps_before + steps, self.steps_coarse + steps
        status = np.where(self.ends.ended, status, Status.running)
        self._begin_stage(self.stage_index + 1, jnp.asarray(positions), jnp.asarray(status))

    def _done_early(self) -> np.ndarray:
        """Which replicas (s,) no stage that is left would move: diverged, or at rest by all their rules."""
        status, active = self._seen("status"), ~self.ends.ended
        diverged, converged = (active & (status == code) for code in (Status.diverged, Status.converged))
        wanted = min(stage.stopping.rms_force for stage in self.stages[self.stage_index + 1 :])
        if wanted == 0 or not converged.any():
            return diverged
        return diverged | (converged & (self._exact(self._positions())[1] < wanted))

    def _end(self, which: np.ndarray) -> None:
        """Keep where some replicas (s,) are as their ends."""
        if which.any():
            self.ends = self.ends.with_ends(which, self._standing())

    def _standing(self) -> Ends:
        """Where all replicas are; before the last stage, that is where the stage before it ends, too."""
        positions = self._positions()
        coarse = self.positions_coarse if self._in_last_stage() else positions
        coarse = np.full_like(positions, np.nan) if coarse is None else coarse
        none = np.zeros(len(positions), bool)
        return Ends(none, positions, *self._exact(positions), self._seen("status"), coarse)

    def _next_attempt(self) -> bool:
        """Begin anew what has failed, or return False."""
        used = self.steps_before + self._seen("step")
        # A second look at a finished run finds nothing to do.
        again = (used < self.max_steps) & (self.attempt < self.restarts.most) & ~self.judged
        self.judged = np.ones_like(again)
        for replica in np.flatnonzero(again):
            diverged = self.ends.status[replica] == Status.diverged
            again[replica] = diverged or self.restarts.failed(self.ends.positions[replica])
        if not again.any():
            return False
        self.attempt += 1
        self.restarted = self.restarted + again
        self.ends, self.judged = self.ends._replace(ended=~again), ~again
        self.steps_coarse = self.steps_coarse + (0 if self._in_last_stage() else used - self.steps_before)
        self.steps_before = used
        starts = [
            self.system.start(seed, self.attempt) if anew else jnp.asarray(end)
            for seed, anew, end in zip(self.seeds, again, self.ends.positions, strict=True)
        ]
        self._begin_stage(0, jnp.stack(starts), jnp.where(again, Status.running, Status.converged))
        return True

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
        self.history.add(columns)
        self.minimize_s[members] += taken * seconds_per_step

    def _initial(self, stage: Stage, replica: int, start: tuple[Array, Array], running: bool) -> Params:
        """The parameters with which a map starts; what it takes from the positions is timed as modes."""
        if not running and self.ends.ended[replica]:  # nobody will ask where it is
            shapes = jax.eval_shape(stage.reparam.init, *start)
            return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        with compilation_clock() as compilation:
            began = time.perf_counter()
            params = jax.block_until_ready(initial_params(stage.reparam, *start))
            elapsed = time.perf_counter() - began
        if isinstance(params, Anchored):
            self.modes_s[replica] += max(0.0, elapsed - compilation.seconds())
        return params

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
                params = member(self.replicas[group].params, place)
                step = int(self.steps_before[members[place]] + after[place])
                positions = np.asarray(decoded(self.problem.decode, params))
                self.recorder.keep(self.seeds[members[place]], step, positions)

    def _outcome(self, code: int, energy: float, ended: bool) -> Status:
        status = Status(int(code))
        if status is Status.diverged or not np.isfinite(energy):
            return Status.diverged
        ended = ended or (status is not Status.running and self._in_last_stage())
        return status if ended else Status.interrupted

    def _in_last_stage(self) -> bool:
        return self.stage_index + 1 == len(self.stages)

    def _whole(self) -> Replica:
        """All groups in one batch."""
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *self.replicas)

    def _set_whole(self, replicas: Replica) -> None:
        self.replicas = [jax.tree.map(lambda leaf, g=group: leaf[g], replicas) for group in self.groups]

    def _positions(self) -> np.ndarray:
        members = [member(group.params, r) for group in self.replicas for r in range(len(group.step))]
        return np.stack([decoded(self.problem.decode, params) for params in members])

    def _seen(self, name: str) -> np.ndarray:
        """A number of every replica: step, status, best."""
        return np.concatenate([np.asarray(getattr(group, name)) for group in self.replicas])

    def _exact(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, gradient_rms = evaluate(self.system.energy, jnp.asarray(positions), len(positions))
        return np.asarray(energy), np.asarray(gradient_rms)
