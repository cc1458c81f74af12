"""A stage under way: all replicas of it, in batches that step side by side."""

import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.host.compilation import compilation_clock
from nnrep.minimization.batches import (
    any_running,
    decoded,
    initial_params,
    member,
    replica_keys,
    stack,
    start_replicas,
)
from nnrep.minimization.fit import fit_params
from nnrep.minimization.loop import Problem, Replica, Trace, run_chunk
from nnrep.minimization.stage import Stage
from nnrep.minimization.stopping import Status
from nnrep.minimization.times import Times
from nnrep.reparam.base import Anchored, Params


class Objective(NamedTuple):
    """What all stages minimise.

    Attributes:
        loss: (positions (n, d), key) -> scalar.
        measure: positions -> name -> scalar, recorded beside the loss.
    """

    loss: Callable[[Array, Array], Array]
    measure: Callable[[Array], dict[str, Array]]


class Starts(NamedTuple):
    """Where the replicas of a stage stand as it begins.

    Attributes:
        positions: (s, n, d).
        status: (s,) codes of `Status`; those that do not run stay as they are.
        done: (s,) of those that do not run, whether their positions in this stage are of no interest.
        steps: (s,) that they may take at most.
    """

    positions: Array
    status: Array
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
        self._problem = Problem(objective.loss, stage.reparam.decode, objective.measure)
        self._loss_keys = replica_keys(seeds, 2 + branch)
        keys = replica_keys(seeds, 1 + branch)
        # Replica by replica: a batch would round by the number of seeds.
        running = np.asarray(starts.status) == Status.running
        single = [
            self._initial(replica, keys[replica], starts, bool(running[replica]), times)
            for replica in range(self._count)
        ]
        params = stack(
            [self._fitted(replica, each, starts, times, should_stop) for replica, each in enumerate(single)]
        )
        outputs = [decoded(stage.reparam.decode, member(params, r)) for r in range(self._count)]
        self.set_whole(
            start_replicas(
                stage.optimizer.build,
                stage.optimizer.hyperparameters,
                stage.stopping,
                params,
                jnp.stack(outputs),
                jnp.asarray(starts.steps),
                starts.status,
            )
        )
        for group in range(len(groups)):
            self.run(group, 0)  # no steps: this compiles
        times.compile_s += time.perf_counter() - began - (times.prepared_s() - other_before)

    def run(self, group: int, checks: int) -> Trace:
        """Run a batch for so many checks, or until all its replicas have stopped."""
        stage = self.stage
        self.batches[group], trace = run_chunk(
            self._problem,
            stage.optimizer.build,
            stage.optimizer.hyperparameters,
            stage.stopping,
            self.batches[group],
            self._loss_keys[self._groups[group]],
            checks,
        )
        return jax.block_until_ready(trace)

    def running(self) -> list[int]:
        """The batches that have not stopped."""
        return [group for group, replicas in enumerate(self.batches) if any_running(replicas)]

    def values(self, name: str) -> np.ndarray:
        """A number of every replica (s,): step, status, lowest."""
        return np.concatenate([np.asarray(getattr(batch, name)) for batch in self.batches])

    def positions(self) -> np.ndarray:
        """Where all replicas are, (s, n, d)."""
        members = [member(batch.params, r) for batch in self.batches for r in range(len(batch.step))]
        return np.stack([decoded(self._problem.decode, params) for params in members])

    def positions_of(self, group: int, place: int) -> np.ndarray:
        """Where a replica of a batch is, (n, d)."""
        return np.asarray(decoded(self._problem.decode, member(self.batches[group].params, place)))

    def whole(self) -> Replica:
        """All replicas in one batch."""
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *self.batches)

    def set_whole(self, replicas: Replica) -> None:
        """Go on from other states of all replicas."""
        self.batches = [jax.tree.map(lambda leaf, g=group: leaf[g], replicas) for group in self._groups]

    def _initial(self, replica: int, key: Array, starts: Starts, running: bool, times: Times) -> Params:
        """The parameters with which a map starts; what it takes from the positions is timed as modes."""
        reparam, positions = self.stage.reparam, starts.positions[replica]
        if not running and starts.done[replica]:
            shapes = jax.eval_shape(reparam.init, key, positions)
            return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        with compilation_clock() as compilation:
            began = time.perf_counter()
            params = jax.block_until_ready(initial_params(reparam, key, positions))
            elapsed = time.perf_counter() - began
        if isinstance(params, Anchored):
            times.modes_s[replica] += max(0.0, elapsed - compilation.seconds())
        return params

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
        fit_params(decode, params, positions, fit._replace(max_steps=0))  # compiles
        began = time.perf_counter()
        params = jax.block_until_ready(fit_params(decode, params, positions, fit, should_stop))
        times.fit_s[replica] += time.perf_counter() - began
        return params
