"""Fitting a map to given positions before its minimisation begins, as the paper does for proteins."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from nnrep.minimization.loop import CHECKS_PER_CHUNK, Problem, no_measures, run_chunk, start_replica
from nnrep.minimization.optimizers.adam import adam
from nnrep.minimization.optimizers.optimizer import chain, clamp, no_clamp
from nnrep.minimization.optimizers.rates import exponential_decay
from nnrep.minimization.stopping import Status, Stopping
from nnrep.reparam.base import Params
from nnrep.reparam.fit import Fit


def fit_params(
    decode: Callable[[Params], Array],
    params: Params,
    positions: Array,
    settings: Fit,
    should_stop: Callable[[], bool] | None = None,
) -> Params:
    """Parameters with which `decode` comes as near to positions (n, d) as the settings allow.

    Zero steps give back the parameters as they are, and compile.

    Raises:
        KeyboardInterrupt: should_stop, asked every few hundred steps, is True: there is nothing to keep yet.
    """
    problem = Problem(Partial(_mean_squared_error, positions), decode, Partial(no_measures))
    # Clamp and decay that do nothing: the sums of a step then round as those of a stage's optimiser do.
    rate = exponential_decay(settings.learning_rate, 1.0, 1000)
    optimizer = chain(clamp(no_clamp()), adam(rate))
    stopping = Stopping(settings.min_delta, settings.patience, check_every=1, divergence=jnp.inf)
    start = start_replica(
        optimizer.build,
        optimizer.hyperparameters,
        stopping,
        params,
        positions,
        jnp.asarray(settings.max_steps),
        jnp.asarray(Status.running),
    )
    replicas = jax.tree.map(lambda leaf: leaf[None], start)
    keys = jax.random.key(0)[None]  # the error has nothing random
    checks = CHECKS_PER_CHUNK if settings.max_steps else 0
    while True:
        replicas, _ = run_chunk(
            problem, optimizer.build, optimizer.hyperparameters, stopping, replicas, keys, checks
        )
        if should_stop is not None and should_stop():
            raise KeyboardInterrupt
        if checks == 0 or int(replicas.status[0]) != Status.running:
            return jax.tree.map(lambda leaf: leaf[0], replicas.params)


def _mean_squared_error(target: Array, positions: Array, key: Array) -> Array:
    return jnp.mean((positions - target) ** 2)
