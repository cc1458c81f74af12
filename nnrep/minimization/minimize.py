"""`minimize`: a system through a map, coarse then fine, for several seeds."""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax
import numpy as np
import optax

from nnrep.errors import ConfigError, UserError, is_integer, require
from nnrep.minimization.checkpoint import load_checkpoint, save_checkpoint
from nnrep.minimization.ends import Restarts
from nnrep.minimization.fit import Fit
from nnrep.minimization.optimizers import Optimizer, adam, as_optimizer
from nnrep.minimization.progress import Progress
from nnrep.minimization.result import Result
from nnrep.minimization.run import Run
from nnrep.minimization.stages import Stage
from nnrep.minimization.stopping import Stopping
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.identity import identity, is_identity
from nnrep.systems.measures import MIN_CONTACT_FRACTION, has_failed
from nnrep.systems.system import System

CHECKPOINT_SECONDS = 10.0  # how much work a killed run loses
MAX_REPLICAS = 100_000
MOST_RESTARTS = 100


def minimize(
    system: System,
    reparam: Reparametrization | None = None,
    *,
    optimizer: Optimizer | optax.GradientTransformation | None = None,
    coarse_optimizer: Optimizer | optax.GradientTransformation | None = None,
    stopping: Stopping | None = None,
    coarse_stopping: Stopping | None = None,
    seeds: int | Sequence[int] = 1,
    max_steps: int = 60_000,
    coarse_steps: int | None = None,
    fit: Fit | None = None,
    stages: Sequence[Stage] | None = None,
    restarts: int = 0,
    min_contact_fraction: float = MIN_CONTACT_FRACTION,
    record_every: int | None = None,
    batch_size: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    checkpoint: Path | None = None,
) -> Result:
    """Minimise a system's energy over the inputs of a map, then with free positions; or in any stages.

    The coarse stage minimises energy(decode(Z)) over Z until it stops; the fine stage starts from
    decode(Z), over the positions themselves, with a fresh optimiser. Without a map there is only the
    fine stage. Each replica stops and changes stage by its own counter, and its outcome does not depend
    on its neighbours.

    Args:
        system: what is minimised.
        reparam: the map; None is `identity`.
        optimizer: of the fine stage; None is `adam()`.
        coarse_optimizer: of the coarse stage; None takes `optimizer`.
        stopping: rule of the fine stage; None is `Stopping()`.
        coarse_stopping: rule of the coarse stage; None takes `stopping`.
        seeds: one replica a seed; an integer k means 0..k-1.
        max_steps: most steps of a replica, both stages together.
        coarse_steps: most steps of the coarse stage; None is half of `max_steps`.
        fit: fit the map to the start before the coarse stage; None leaves it as its `init` makes it.
        stages: in the place of all arguments from `reparam` to here but `seeds` and `max_steps`: maps with
            their optimisers, steps and rules, each starting from where the one before ended.
        restarts: how often a replica that has failed (see `has_failed`) is begun anew from another start, as
            long as it has steps left; the lowest of its ends is kept. Of systems that draw their starts.
        min_contact_fraction: share of satisfied contacts below which it has failed.
        record_every: keep a frame every so many steps of a stage, a multiple of both `check_every`.
        batch_size: replicas that step side by side; None is `default_batch_size`, 1 on a CPU.
        on_progress: called after every chunk of steps.
        should_stop: asked after every chunk; True ends the run as interrupted.
        checkpoint: file that keeps the state of the run while it is unfinished; if it exists, the run goes
            on from it. Whoever named it removes it.

    Raises:
        ConfigError: an argument out of range.
        UserError: the checkpoint cannot be read, or is of another run.
    """
    seeds = seed_list(seeds)
    require(0 <= max_steps < 2**31, "max_steps", "from 0 to 2^31 - 1", max_steps)
    require(batch_size is None or batch_size >= 1, "batch_size", "at least 1", batch_size)
    limited = coarse_steps is None or 0 <= coarse_steps < 2**31
    require(limited, "coarse_steps", "from 0 to 2^31 - 1", coarse_steps)
    if stages is None:
        fine = Stage("fine", identity(), as_optimizer(optimizer or adam()), stopping or Stopping(), max_steps)
        reparam = identity() if reparam is None else reparam
        coarse = Stage(
            "coarse",
            reparam,
            as_optimizer(coarse_optimizer) if coarse_optimizer else fine.optimizer,
            coarse_stopping or fine.stopping,
            max_steps // 2 if coarse_steps is None else coarse_steps,
            fit,
        )
        _check_stage(coarse, system)
        _check_stage(fine, system)
        stages = (fine,) if is_identity(reparam) else (coarse, fine)
    else:
        given = (reparam, optimizer, coarse_optimizer, stopping, coarse_stopping, coarse_steps, fit)
        alone = all(argument is None for argument in given)
        require(alone, "stages", "given without reparam, optimizer, stopping, coarse_steps and fit", "both")
        require(len(stages) > 0, "stages", "a list of at least one Stage", stages)
        stages = tuple(stage._replace(optimizer=as_optimizer(stage.optimizer)) for stage in stages)
        for stage in stages:
            _check_stage(stage, system)
    for stage in stages:
        check_record_every(record_every, stage.stopping.check_every)
    check_restarts(restarts, min_contact_fraction)
    drawn = restarts == 0 or (system.draw_start is not None and system.contacts is not None)
    require(drawn, "restarts", "0, as the system draws no starts or names no contacts to fail at", restarts)
    again = Restarts(restarts, partial(has_failed, system, min_contact_fraction=min_contact_fraction))
    run = Run(system, stages, seeds, max_steps, batch_size, record_every, should_stop, again)
    if checkpoint is not None and checkpoint.exists():
        snapshot = load_checkpoint(checkpoint)
        try:
            run.restore(snapshot)
        except (UserError, KeyError) as error:
            raise UserError(f"{checkpoint}: {error}; remove it to start anew") from error
    interrupted = False
    last_saved = -math.inf  # the first chunk leaves a checkpoint at once
    while not interrupted and run.advance():
        if on_progress is not None:
            on_progress(run.progress())
        interrupted = should_stop is not None and should_stop()
        if checkpoint is not None and (interrupted or time.perf_counter() > last_saved + CHECKPOINT_SECONDS):
            save_checkpoint(checkpoint, run.snapshot())
            last_saved = time.perf_counter()
    return run.result()


def check_record_every(
    every: int | None, check_every: int, key: str = "record_every", check_key: str = "check_every"
) -> None:
    """Raise `ConfigError` unless frames fall on checks; the keys are what the two are called."""
    wanted = f"a multiple of {check_key} = {check_every}, or null"
    counted = every is None or (is_integer(every) and every >= 1 and every % check_every == 0)
    require(counted, key, wanted, every)


def seed_list(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """The seeds 0..k-1 of an integer k, or those of a list.

    Raises:
        ConfigError: no seeds, a repeated one, or one out of range.
    """
    allowed = f"an integer from 1 to {MAX_REPLICAS}, or a list of distinct integers from 0 to 2^31 - 1"
    if isinstance(seeds, np.ndarray):
        seeds = seeds.tolist()
    if not isinstance(seeds, Sequence) or isinstance(seeds, str):
        require(is_integer(seeds) and 1 <= seeds <= MAX_REPLICAS, "seeds", allowed, seeds)
        return tuple(range(int(seeds)))
    chosen = tuple(seeds)
    in_range = all(is_integer(seed) and 0 <= seed < 2**31 for seed in chosen)
    distinct = len(set(chosen)) == len(chosen)
    require(0 < len(chosen) <= MAX_REPLICAS and in_range and distinct, "seeds", allowed, list(seeds))
    return tuple(map(int, chosen))


def check_restarts(restarts: int, min_contact_fraction: float) -> None:
    """Raise `ConfigError` for numbers of `minimize` that are out of range."""
    require(
        is_integer(restarts) and 0 <= restarts <= MOST_RESTARTS,
        "restarts",
        f"from 0 to {MOST_RESTARTS}",
        restarts,
    )
    share = 0 <= min_contact_fraction <= 1
    require(share, "min_contact_fraction", "from 0 to 1", min_contact_fraction)


def _check_stage(stage: Stage, system: System) -> None:
    _check_map(stage.reparam, system)
    stage.stopping.check()
    if stage.fit is not None:
        stage.fit.check()
    limited = is_integer(stage.max_steps) and 0 <= stage.max_steps < 2**31
    require(limited, "max_steps", "from 0 to 2^31 - 1", stage.max_steps)


def _check_map(reparam: Reparametrization, system: System) -> None:
    require(isinstance(reparam, Reparametrization), "reparam", "of nnrep.reparam", repr(reparam))
    expected = f"a map to positions of shape {system.positions.shape}"
    try:
        params = jax.eval_shape(reparam.init, jax.random.key(0), system.positions)
        shape = jax.eval_shape(reparam.decode, params).shape
    except TypeError as error:
        raise ConfigError("reparam", f"must be {expected}, but cannot take them") from error
    require(shape == system.positions.shape, "reparam", expected, shape)
