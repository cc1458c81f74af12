"""A stage under way: all replicas of it, in batches that step side by side."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from nnrep.host.compilation import compilation_clock
from nnrep.minimization.batches import (
    Draws,
    any_running,
    decoded,
    initial_params,
    joined,
    started,
    started_at,
)
from nnrep.minimization.fit import fit_params
from nnrep.minimization.loop import Problem, Replica, Trace, run_chunk
from nnrep.minimization.optimizers.optimizer import lowest_of
from nnrep.minimization.stage import Stage
from nnrep.minimization.stopping import Status
from nnrep.minimization.times import Times
from nnrep.reparam.base import Anchored, Params, moved_of, with_moved


class Objective(NamedTuple):
    """What all stages minimise.

    Attributes:
        loss: (positions (n, d), key) -> scalar.
        measure: positions -> name -> scalar, recorded beside the loss.
        n: number of particles that may move.
        particles: which of the positions are theirs, see `System.particles`.
        epoch: for how many steps the loss keeps its key, see `System.sample_epoch`.
    """

    loss: Callable[[Array, Array], Array]
    measure: Callable[[Array], dict[str, Array]]
    n: int
    particles: np.ndarray | None
    epoch: int = 1


class Starts(NamedTuple):
    """Where the replicas of a stage stand as it begins.

    Attributes:
        positions: (s, n, d).
        status: (s,) codes of `Status`; those that do not run stay as they are.
        done: (s,) of those that do not run, whether their positions in this stage are of no interest.
        steps: (s,) that they may take at most.
    """

    positions: np.ndarray
    status: np.ndarray
    done: np.ndarray
    steps: np.ndarray


class StageRun:
    """A stage under way.

    Attributes:
        stage: which.
        batches: its replicas.
    """

    def __init__(
        self,
        stage: Stage,
        objective: Objective,
        seeds: tuple[int, ...],
        groups: list[slice],
        branch: int,
        starts: Starts,
        times: Times,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Compile the stage, and stand at its start with a fresh optimiser.

        Args:
            stage: which.
            objective: what is minimised.
            seeds: of the replicas.
            groups: which replicas share a batch.
            branch: of the random numbers of this stage and attempt.
            starts: where the replicas stand.
            times: charged for modes, fit and compilation.
            should_stop: True ends a fit by `KeyboardInterrupt`.
        """
        began, other_before = time.perf_counter(), times.prepared_s()
        self.stage, self._groups, self._count = stage, groups, len(seeds)
        self._problem = Problem(
            objective.loss, stage.reparam.decode, objective.measure, objective.n, objective.epoch
        )
        self._particles = objective.particles
        # Replica by replica: a batch would round by the number of seeds.
        replicas = [
            self._started(replica, Draws(seed, branch), starts, times, should_stop)
            for replica, seed in enumerate(seeds)
        ]
        pairs = [_joined(replicas[group]) for group in groups]
        self.batches: list[Replica] = [batch for batch, _ in pairs]
        self._loss_keys: list[Array] = [key for _, key in pairs]
        for group in range(len(groups)):
            self.keep(group, *self.run(group, 0))  # no steps: this compiles
        times.compile_s += time.perf_counter() - began - (times.prepared_s() - other_before)

    def run(self, group: int, checks: int) -> tuple[Replica, Trace]:
        """Where a batch is after so many checks, or when all its replicas have stopped, and what was seen."""
        stage = self.stage
        after = run_chunk(
            self._problem,
            stage.optimizer.build,
            stage.optimizer.hyperparameters,
            stage.stopping,
            self.batches[group],
            self._loss_keys[group],
            checks,
        )
        return jax.block_until_ready(after)

    def keep(self, group: int, replicas: Replica, trace: Trace) -> Trace:
        """Go on from there."""
        self.batches[group] = replicas
        return trace

    def running(self) -> list[int]:
        """The batches that have not stopped."""
        return [group for group, replicas in enumerate(self.batches) if any_running(replicas)]

    def values(self, name: str) -> np.ndarray:
        """A number of every replica (s,): step, status, lowest."""
        return np.concatenate([np.asarray(getattr(batch, name)) for batch in self.batches])

    def positions(self) -> np.ndarray:
        """Where all replicas would end now, (s, n, d): a search for the lowest point ends there."""
        return np.stack(
            [
                self._decoded(group, place, lowest_of(batch.optimizer_state, moved_of(batch.params)))
                for group, batch in enumerate(self.batches)
                for place in range(len(batch.step))
            ]
        )

    def positions_of(self, group: int, place: int) -> np.ndarray:
        """Where a replica of a batch is, (n, d)."""
        return self._decoded(group, place, moved_of(self.batches[group].params))

    def _decoded(self, group: int, place: int, moved: Params) -> np.ndarray:
        params = with_moved(self.batches[group].params, moved)
        return np.asarray(decoded(self._problem.decode, params, place))

    def whole(self) -> Replica:
        """All replicas in one batch."""
        return _joined(self.batches)

    def set_whole(self, replicas: Replica) -> None:
        """Go on from other states of all replicas, given as NumPy arrays."""
        parts = [jax.tree.map(lambda leaf, g=group: leaf[g], replicas) for group in self._groups]
        self.batches = jax.device_put(parts)

    def _started(
        self,
        replica: int,
        draws: Draws,
        starts: Starts,
        times: Times,
        should_stop: Callable[[], bool] | None,
    ) -> tuple[Replica, Array]:
        """A batch of one replica at the start of the stage, and the key of its losses."""
        stage, positions = self.stage, starts.positions[replica]
        optimizer, ends = (stage.optimizer.build, stage.optimizer.hyperparameters), stage.stopping
        more = (draws, starts.steps[replica], starts.status[replica])
        needed = starts.status[replica] == Status.running or not starts.done[replica]
        if needed and stage.fit is None:
            return self._timed(replica, times, started_at, *optimizer, ends, stage.reparam, positions, *more)
        if needed:
            params = initial_params(stage.reparam, *draws, positions)
            params = self._fitted(replica, params, starts, times, should_stop)
        else:
            shapes = initial_params.shapes(stage.reparam, *draws, positions)
            params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
        return started(*optimizer, ends, stage.reparam.decode, params, *more)

    def _timed(self, replica: int, times: Times, start: Callable, *arguments: Any) -> tuple[Replica, Array]:
        """The start of a map; what it takes from the positions is timed as modes."""
        with compilation_clock() as compilation:
            began = time.perf_counter()
            batch, key = jax.block_until_ready(start(*arguments))
            elapsed = time.perf_counter() - began
        if isinstance(batch.params, Anchored):
            times.modes_s[replica] += max(0.0, elapsed - compilation.seconds())
        return batch, key

    def _fitted(
        self,
        replica: int,
        params: Params,
        starts: Starts,
        times: Times,
        should_stop: Callable[[], bool] | None,
    ) -> Params:
        """The parameters of a replica, fitted to its positions if the stage says so."""
        decode, fit, positions = self.stage.reparam.decode, self.stage.fit, starts.positions[replica]
        if fit is None:
            return params
        compiling = fit._replace(max_steps=0)
        fit_params(decode, params, positions, compiling, particles=self._particles)
        began = time.perf_counter()
        params = fit_params(decode, params, positions, fit, should_stop, self._particles)
        times.fit_s[replica] += time.perf_counter() - began
        return params


def _joined(batches: list[Any]) -> Any:
    return batches[0] if len(batches) == 1 else joined(batches)
