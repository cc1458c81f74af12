"""Fitting a map to given positions before its minimisation begins, as the paper does for proteins."""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.minimization.batches import Draws, started
from nnrep.minimization.loop import CHECKS_PER_CHUNK, CHUNK_SECONDS, Problem, no_measures, run_chunk
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
    particles: np.ndarray | None = None,
) -> Params | None:
    """Parameters with which `decode` comes as near to positions (n, d) as the settings allow; None
    where the fit was to stop.

    Zero steps give back the parameters as they are, and compile.

    Args:
        decode: of the map.
        params: with which it starts.
        positions: the target.
        settings: when the fit ends.
        should_stop: asked some times a second; True ends the fit.
        particles: (n,) 1 for each particle that is fitted, 0 for others; None where all are.
    """
    error = Partial(_mean_squared_error, positions, particles)
    problem = Problem(error, decode, Partial(no_measures), len(positions))
    # Clamp and decay that do nothing: the sums of a step then round as those of a stage's optimiser do.
    rate = exponential_decay(settings.learning_rate, 1.0, 1000)
    optimizer = chain(clamp(no_clamp()), adam(rate))
    stopping = Stopping(settings.min_delta, settings.patience, check_every=1, divergence=jnp.inf)
    build, hyperparameters = optimizer
    # The error has nothing random.
    steps, status = settings.max_steps, Status.running.value
    replicas, keys = started(build, hyperparameters, stopping, decode, params, Draws(0, 0), steps, status)
    checks = min(1, settings.max_steps)
    while True:
        began = time.perf_counter()
        replicas, _ = jax.block_until_ready(
            run_chunk(problem, build, hyperparameters, stopping, replicas, keys, checks, 1)
        )
        if should_stop is not None and should_stop():
            return None
        growth = CHUNK_SECONDS / max(time.perf_counter() - began, 1e-6)
        checks = int(np.clip(checks * min(growth, 8), min(1, checks), CHECKS_PER_CHUNK))
        if checks == 0 or int(np.asarray(replicas.status)[0]) != Status.running:
            return jax.tree.map(lambda leaf: np.asarray(leaf)[0], replicas.params)


def _mean_squared_error(target: Array, particles: Array | None, positions: Array, key: Array) -> Array:
    return jnp.mean(jnp.average((positions - target) ** 2, axis=0, weights=particles))
