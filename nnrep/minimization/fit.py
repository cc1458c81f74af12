"""Fitting a map to given positions before its minimisation begins, as the paper does for proteins."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from nnrep.errors import require
from nnrep.minimization.optimizers import adam
from nnrep.minimization.stage import CHECKS_PER_CHUNK, Problem, no_measures, run_chunk, start_replica
from nnrep.minimization.stopping import Status, Stopping
from nnrep.reparam.base import Params


class Fit(NamedTuple):
    """How a map's parameters are fitted to the start: Adam on the mean squared error of its output.

    Attributes:
        max_steps: most steps.
        learning_rate: of Adam.
        patience: steps in a row without an improvement of more than min_delta, after which it ends.
        min_delta: in squared units of length.
    """

    max_steps: int = 1000
    learning_rate: float = 1e-3
    patience: int = 20
    min_delta: float = 1e-6

    def check(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the number out of range.
        """
        require(0 <= self.max_steps < 2**31, "max_steps", "from 0 to 2^31 - 1", self.max_steps)
        require(0 < self.learning_rate < jnp.inf, "learning_rate", "positive", self.learning_rate)
        require(1 <= self.patience < 2**31, "patience", "from 1 to 2^31 - 1", self.patience)
        require(0 <= self.min_delta < jnp.inf, "min_delta", "zero or positive", self.min_delta)


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
    optimizer = adam(settings.learning_rate)
    stopping = Stopping(settings.min_delta, settings.patience, check_every=1, divergence=jnp.inf)
    start = start_replica(
        optimizer.build,
        optimizer.hyperparameters,
        params,
        jnp.asarray(settings.max_steps),
        jnp.ones(()),
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
