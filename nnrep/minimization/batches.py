"""Batches of replicas: how many, and what is done to all of them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.host.compilation import QUICKLY
from nnrep.host.stored import stored
from nnrep.minimization.loop import Replica, start_replica
from nnrep.minimization.stopping import Status, Stopping
from nnrep.reparam.base import Params, Reparametrization

# Branches of a seed's key: its start draws from the first, every stage from two of its own.
FOR_MAP, FOR_LOSS = 1, 2


class Draws(NamedTuple):
    """Which random numbers a replica draws in a stage.

    Attributes:
        seed: of the replica.
        branch: of the stage and attempt.
    """

    seed: int
    branch: int


def any_running(replicas: Replica) -> bool:
    """Whether one of a batch has not stopped."""
    return bool(np.any(np.asarray(replicas.status) == Status.running))


def without_key(energy: Partial, positions: Array, key: Array) -> Array:
    """The loss of an energy that is not sampled."""
    return energy(positions)


@stored
def joined(batches: list[Any]) -> Any:
    """Several batches as one."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *batches)


@stored
def measured(measure: Partial, positions: Array) -> dict[str, Array]:
    """What is measured at positions (n, d)."""
    return measure(positions)


@stored
def initial_params(reparam: Reparametrization, seed: int, branch: int, positions: Array) -> Params:
    """The parameters with which a map starts at positions (n, d), for a seed; compiled."""
    return reparam.init(_key(seed, branch + FOR_MAP), positions)


@stored
def decoded(decode: Partial, batch: Any, replica: int) -> Array:
    """A map's `decode` of one replica of a batch of params, compiled."""
    return decode(jax.tree.map(lambda leaf: leaf[replica], batch))


@stored(static_argnames=("build",))
def started(
    build: Any,
    hyperparameters: Any,
    stopping: Stopping,
    decode: Partial,
    params: Params,
    draws: Draws,
    limit: int,
    status: int,
) -> tuple[Replica, Array]:
    """A batch of one replica at step 0, and the key (1,) of its losses.

    Args:
        build, hyperparameters: of the optimiser.
        stopping: rules.
        decode: of the map.
        params: with which it starts.
        draws: of which random numbers.
        limit: steps it may take.
        status: of the replica.
    """
    positions = decode(params)
    replica = start_replica(build, hyperparameters, stopping, params, positions, limit, status)
    key = _key(draws.seed, draws.branch + FOR_LOSS)
    return jax.tree.map(lambda leaf: leaf[None], replica), key[None]


@stored(static_argnames=("build",), compiler_options=QUICKLY)
def started_at(
    build: Any,
    hyperparameters: Any,
    stopping: Stopping,
    reparam: Reparametrization,
    positions: Array,
    draws: Draws,
    limit: int,
    status: int,
) -> tuple[Replica, Array]:
    """The same from positions (n, d), by one program with the map's `init`."""
    params = initial_params(reparam, *draws, positions)
    return started(build, hyperparameters, stopping, reparam.decode, params, draws, limit, status)


def _key(seed: Array | int, branch: Array | int) -> Array:
    return jax.random.fold_in(jax.random.key(seed), branch)
