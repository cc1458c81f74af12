"""A stage under way: all replicas of it, in batches that step side by side."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
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
from nnrep.minimization.groups import Groups
from nnrep.minimization.loop import Problem, Replica, Trace, run_chunk
from nnrep.minimization.optimizers.optimizer import lowest_of
from nnrep.minimization.spread import everywhere, part_of, spread
from nnrep.minimization.stage import Stage
from nnrep.minimization.stopping import Status
from nnrep.minimization.times import Times
from nnrep.reparam.base import Anchored, Params, moved_of, with_moved

T = TypeVar("T")


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
        broken_off: whether a fit was to stop before its end. The stage then stands where it was to begin, and
            cannot run.
    """

    def __init__(
        self,
        stage: Stage,
        objective: Objective,
        seeds: tuple[int, ...],
        groups: Groups,
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
            groups: which replicas share a batch, and on how many devices.
            branch: of the random numbers of this stage and attempt.
            starts: where the replicas stand.
            times: charged for modes, fit and compilation.
            should_stop: True breaks off a fit, and all that are to come.
        """
        began, other_before = time.perf_counter(), times.prepared_s()
        self.stage, self._groups = stage, groups
        problem = Problem(
            objective.loss, stage.reparam.decode, objective.measure, objective.n, objective.epoch
        )
        given = problem, stage.optimizer.hyperparameters, stage.stopping
        self._problem, self._hyperparameters, self._stopping = everywhere(given, groups.devices)
        self._particles, self.broken_off = objective.particles, False
        # Replica by replica: a batch would round by the number of seeds.
        replicas = [
            self._started(replica, Draws(seed, branch), starts, times, should_stop)
            for replica, seed in enumerate(seeds)
        ]
        pairs = self._batched(replicas)
        self._batches, self._loss_keys = [replica for replica, _ in pairs], [key for _, key in pairs]
        del replicas, pairs  # what maps hold is large, and the loop makes its own copy
        self._begun_at = starts.positions if self.broken_off else None
        for group in () if self.broken_off else range(len(groups.members)):
            self.keep(group, *self.run(group, 0))  # no steps: this compiles
        times.compile_s += time.perf_counter() - began - (times.prepared_s() - other_before)

    def run(self, group: int, checks: int) -> tuple[Replica, Trace]:
        """Where a batch is after so many checks, or when all its replicas have stopped, and what was seen."""
        after = run_chunk(
            self._problem,
            self.stage.optimizer.build,
            self._hyperparameters,
            self._stopping,
            self._batches[group],
            self._loss_keys[group],
            checks,
            self._groups.devices,
        )
        return jax.block_until_ready(after)

    def keep(self, group: int, replicas: Replica, trace: Trace) -> Trace:
        """Go on from there; what was seen of the replicas of the batch."""
        self._batches[group] = replicas
        size = self._groups.sizes[group]
        return jax.tree.map(lambda leaf: np.asarray(leaf)[:size], trace)

    def running(self) -> list[int]:
        """The batches that have not stopped."""
        return [group for group, replicas in enumerate(self._batches) if any_running(replicas)]

    def values_of(self, group: int, name: str) -> np.ndarray:
        """A number of every replica of a batch: step, limit, status, lowest."""
        return np.asarray(getattr(self._batches[group], name))[: self._groups.sizes[group]]

    def values(self, name: str) -> np.ndarray:
        """A number of every replica (s,)."""
        return np.concatenate([self.values_of(group, name) for group in range(len(self._batches))])

    def positions(self) -> np.ndarray:
        """Where all replicas would end now, (s, n, d): a search for the lowest point ends there."""
        if self._begun_at is not None:
            return self._begun_at
        params = [_lowest_params(batch) for batch in self._batches]
        sizes = enumerate(self._groups.sizes)
        return np.stack(
            [self._decoded(group, place, params[group]) for group, size in sizes for place in range(size)]
        )

    def positions_of(self, group: int, place: int) -> np.ndarray:
        """Where a replica of a batch is, (n, d)."""
        return self._decoded(group, place, self._batches[group].params)

    def _decoded(self, group: int, place: int, batch: Params) -> np.ndarray:
        """Positions (n, d) of a replica, by the params of its batch."""
        if self._groups.devices > 1:
            device, place = divmod(place, self._groups.size_of_part(group))
            batch = part_of(batch, device)
        return np.asarray(decoded(self.stage.reparam.decode, batch, place))

    def whole(self) -> Replica:
        """All replicas in one batch, as NumPy arrays."""

        def one(*leaves: Any) -> np.ndarray:
            sized = zip(leaves, self._groups.sizes, strict=True)
            return np.concatenate([np.asarray(leaf)[:size] for leaf, size in sized])

        replicas: Replica = jax.tree.map(one, *self._batches)
        return replicas

    def set_whole(self, replicas: Replica) -> None:
        """Go on from other states of all replicas, given as NumPy arrays, whatever came of fits."""
        self.broken_off, self._begun_at = False, None
        count = self._groups.replicas
        singles = [jax.tree.map(lambda leaf, at=at: leaf[at : at + 1], replicas) for at in range(count)]
        self._batches = jax.device_put(self._batched(singles))

    def _batched(self, singles: list[T]) -> list[T]:
        """Batches of one replica each, as those of the groups, each over its devices."""
        return [self._batch(singles[members]) for members in self._groups.members]

    def _batch(self, singles: list[T]) -> T:
        devices = self._groups.devices
        if devices == 1:
            return _joined(singles)
        # Copies of the last replica that have stopped, so that all devices have equal parts.
        padded = singles + [_stopped(singles[-1])] * (-len(singles) % devices)
        each = len(padded) // devices
        return spread([_joined(padded[at : at + each]) for at in range(0, len(padded), each)])

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
            fitted = None if self.broken_off else self._fitted(replica, params, starts, times, should_stop)
            self.broken_off = fitted is None
            params = params if fitted is None else fitted
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
    ) -> Params | None:
        """The parameters of a replica, fitted to its positions; None where the fit was to stop."""
        decode, fit, positions = self.stage.reparam.decode, self.stage.fit, starts.positions[replica]
        assert fit is not None
        compiling = fit._replace(max_steps=0)
        fit_params(decode, params, positions, compiling, particles=self._particles)
        began = time.perf_counter()
        params = fit_params(decode, params, positions, fit, should_stop, self._particles)
        times.fit_s[replica] += time.perf_counter() - began
        return params


def _stopped(tree: T) -> T:
    """A tree in which replicas are stopped."""

    def one(each: Any) -> Any:
        if not isinstance(each, Replica):
            return each
        status: Any = np.full_like(np.asarray(each.status), Status.converged)  # no program is compiled for it
        return each._replace(status=status)

    stopped: T = jax.tree.map(one, tree, is_leaf=lambda each: isinstance(each, Replica))
    return stopped


def _joined(batches: list[Any]) -> Any:
    return batches[0] if len(batches) == 1 else joined(batches)


def _lowest_params(batch: Replica) -> Params:
    """The params of a batch; of replicas under way, the lowest that their optimiser remembers."""
    lowest, running = lowest_of(batch.optimizer_state), np.asarray(batch.status) == Status.running
    if lowest is None or not running.any():
        return batch.params
    if running.all():  # as at the start: no program is compiled for it
        return with_moved(batch.params, lowest.params)

    def of_each(low: Array, here: Array) -> Array:
        return jnp.where(running.reshape(-1, *[1] * (low.ndim - 1)), low, here)

    return with_moved(batch.params, jax.tree.map(of_each, lowest.params, moved_of(batch.params)))
