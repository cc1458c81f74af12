"""Batches of replicas: how many, and what is done to all of them."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.minimization.loop import Replica, start_replica
from nnrep.minimization.stopping import Status, Stopping
from nnrep.reparam.base import Params, Reparametrization


def default_batch_size(replicas: int) -> int:
    """Replicas that step side by side.

    On a CPU one at a time: a batch of maps would be up to 1.7 times as fast while all its replicas
    run, but waits for its last one, is slower by half without a map, and rounds its matrix products
    by the number of replicas in it. Alone, a seed's numbers are the same to the last bit whatever
    else is run. Other devices need the batch to be busy.
    """
    return 1 if jax.default_backend() == "cpu" else replicas


def any_running(replicas: Replica) -> bool:
    """Whether one of a batch has not stopped."""
    return bool(np.any(np.asarray(replicas.status) == Status.running))


def without_key(energy: Partial, positions: Array, key: Array) -> Array:
    """The loss of an energy that is not sampled."""
    return energy(positions)


def stack(replicas: list[Any]) -> Any:
    """One batch of pytrees of one shape."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *replicas)


def member(batch: Any, replica: int) -> Any:
    """One replica of a batch."""
    return jax.tree.map(lambda leaf: leaf[replica], batch)


def replica_keys(seeds: tuple[int, ...], branch: int) -> Array:
    """A key (s,) for each seed; starts, maps and losses draw from branches of their own."""
    return jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), branch))(jnp.asarray(seeds))


@jax.jit
def initial_params(reparam: Reparametrization, key: Array, positions: Array) -> Params:
    """A map's `init`, compiled."""
    return reparam.init(key, positions)


@jax.jit
def decoded(decode: Partial, params: Params) -> Array:
    """A map's `decode`, compiled."""
    return decode(params)


@partial(jax.jit, static_argnames="build")
def start_replicas(build: Any, hyperparameters: Any, stopping: Stopping, *states: Any) -> Replica:
    """A batch at step 0; states as the further arguments of `start_replica`, with a leading axis."""
    return jax.vmap(lambda *state: start_replica(build, hyperparameters, stopping, *state))(*states)
