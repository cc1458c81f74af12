"""`minimize`: a system through a map, then with free positions, or in any stages; for several seeds."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from nnrep.errors import AsCode, ConfigError, UserError, is_integer, require, require_kind
from nnrep.host.stored import stored
from nnrep.minimization.attempts import Restarts
from nnrep.minimization.batches import initial_params
from nnrep.minimization.checkpoint import load_checkpoint, save_checkpoint
from nnrep.minimization.monitor import Monitor, check_record_every
from nnrep.minimization.optimizers.optimizer import Optimizer, as_optimizer
from nnrep.minimization.result import Result
from nnrep.minimization.room import require_room
from nnrep.minimization.run import Run
from nnrep.minimization.sharing import sharing_programs
from nnrep.minimization.stage import Stage, two_stages
from nnrep.reparam.base import Params, Reparametrization, moved_of
from nnrep.systems.frozen import pinned_output
from nnrep.systems.system import System, as_partial

CHECKPOINT_SECONDS = 10.0  # how much work a killed run loses
MAX_REPLICAS = 100_000


def minimize(
    system: System,
    map_or_stages: Reparametrization | Stage | Sequence[Stage] | None = None,
    *,
    optimizer: Optimizer | optax.GradientTransformation | None = None,
    seeds: int | Sequence[int] = 1,
    max_steps: int = 60_000,
    restarts: Restarts | None = None,
    batch_size: int | None = None,
    monitor: Monitor | None = None,
) -> Result:
    """Minimise a system's energy over the inputs of a map, then with free positions; or in any stages.

    A stage minimises energy(decode(Z)) over Z until it stops; the next one starts from decode(Z) with a fresh
    optimiser. Each replica stops and changes stage by its own counter, and its outcome does not depend on its
    neighbours. Nor does it depend on the number of devices, to the last digit on CPUs; on others, matrix
    products round by the number of replicas on a device.

    Args:
        system: what is minimised.
        map_or_stages: a map, for the paper's two stages (see `two_stages`); one or several stages, each
            starting from where the one before ended; None for the positions themselves.
        optimizer: of both stages of a map; None is `adam()`. Stages have optimisers of their own.
        seeds: one replica a seed; an integer k means 0..k-1.
        max_steps: most steps of a replica, all stages together.
        restarts: restart replicas that have failed, as long as they have steps left.
        batch_size: replicas that step side by side, on all devices in equal parts if there is one for each;
            None is `default_batch_size`, on a CPU 1 on each device.
        monitor: how the run is followed, recorded, stopped and resumed.

    Raises:
        ConfigError: an argument out of range.
        UserError: it would not fit into memory; the checkpoint cannot be read, or is of another run.
    """
    require_kind(system, System, "system", "a nnrep.System")
    seeds = seed_list(seeds)
    check_max_steps(max_steps)
    counted = batch_size is None or (is_integer(batch_size) and batch_size >= 1)
    require(counted, "batch_size", "at least 1, or None", AsCode(batch_size))
    restarts = Restarts() if restarts is None else restarts
    require_kind(restarts, Restarts, "restarts", "a nnrep.Restarts, such as nnrep.Restarts(3)")
    monitor = Monitor() if monitor is None else monitor
    require_kind(monitor, Monitor, "monitor", "a nnrep.Monitor")
    monitor.check()
    stages = checked_stages(system, _stages_of(map_or_stages, optimizer))
    for stage in stages:
        check_record_every(monitor.record_every, stage.stopping.check_every)
    restarts.check()
    require_room(system, stages, len(seeds), max_steps, monitor.record_every)
    drawn = restarts.most == 0 or (system.draw_start is not None and system.contacts is not None)
    allowed = "0, as the system draws no starts or names no contacts to fail at"
    require(drawn, "restarts", allowed, restarts.most)
    run = Run(system, stages, seeds, max_steps, restarts=restarts, batch_size=batch_size, monitor=monitor)
    if monitor.checkpoint is not None and monitor.checkpoint.exists():
        _resume(run, monitor.checkpoint)
    interrupted = run.broken_off
    last_saved = -math.inf  # the first chunk leaves a checkpoint at once
    while not interrupted and run.advance():
        if monitor.on_progress is not None:
            monitor.on_progress(run.progress())
        interrupted = run.broken_off or (monitor.should_stop is not None and monitor.should_stop())
        due = interrupted or time.perf_counter() > last_saved + CHECKPOINT_SECONDS
        if monitor.checkpoint is not None and due and not run.broken_off:
            save_checkpoint(monitor.checkpoint, run.snapshot())
            last_saved = time.perf_counter()
    return run.result()


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
    distinct = in_range and len(set(chosen)) == len(chosen)
    require(0 < len(chosen) <= MAX_REPLICAS and distinct, "seeds", allowed, AsCode(list(seeds)))
    return tuple(map(int, chosen))


def check_max_steps(max_steps: int) -> None:
    """Raise `ConfigError` unless it is a number of steps."""
    counted = is_integer(max_steps) and 0 <= max_steps < 2**31
    require(counted, "max_steps", "from 0 to 2^31 - 1", AsCode(max_steps))


def stage_list(given: Stage | Sequence[Stage], key: str, allowed: str) -> tuple[Stage, ...]:
    """One or several stages as a tuple.

    Raises:
        ConfigError: naming the key, and what is allowed: anything else is given, or nothing.
    """
    # A Stage is a sequence itself, being a tuple.
    stages = cast(Sequence[Stage], (given,) if isinstance(given, Stage) else given)
    listed = isinstance(stages, Sequence) and len(stages) > 0
    usable = listed and all(isinstance(stage, Stage) for stage in stages)
    require(usable, key, allowed, AsCode(given))
    return tuple(stages)


def _stages_of(
    given: Reparametrization | Stage | Sequence[Stage] | None,
    optimizer: Optimizer | optax.GradientTransformation | None,
) -> Sequence[Stage]:
    if given is None or isinstance(given, Reparametrization):
        return two_stages(given, optimizer=optimizer)
    allowed = "a Reparametrization, a Stage or a list of at least one Stage"
    stages = stage_list(given, "map_or_stages", allowed)
    require(optimizer is None, "optimizer", "left out, as stages have their own", optimizer)
    return stages


def checked_stages(system: System, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages with functions and optimisers that JAX can take; each map is traced once.

    Raises:
        ConfigError: a number out of range, or a map that does not give the system's positions.
    """
    for stage in stages:
        stage.check()
    maps: dict[int, Reparametrization] = {}
    checked = []
    stages = [stage._replace(optimizer=as_optimizer(stage.optimizer)) for stage in stages]
    for stage in sharing_programs(stages):
        if id(stage.reparam) not in maps:
            maps[id(stage.reparam)] = _checked_map(stage.reparam, system)
        checked.append(
            stage._replace(
                reparam=maps[id(stage.reparam)],
                stopping=stage.stopping.as_pytree(),
            )
        )
    return tuple(checked)


def _checked_map(reparam: Reparametrization, system: System) -> Reparametrization:
    """The map with functions that JAX can take as arguments; any two plain ones will do."""
    require(
        isinstance(reparam, Reparametrization),
        "reparam",
        "a nnrep.reparam.Reparametrization",
        AsCode(reparam),
    )
    for name, function in reparam._asdict().items():
        require(callable(function), f"reparam.{name}", "a function", AsCode(function))
    reparam = Reparametrization(as_partial(reparam.init), as_partial(reparam.decode))
    shape = system.positions.shape
    try:
        made = _mapped.shapes(reparam, system.positions)
    except jax.errors.JAXTypeError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError("reparam", f"must be written with jax.numpy, but: {reason}") from error
    except TypeError as error:
        reason = str(error).splitlines()[0]
        wanted = f"init(key, positions) and decode(params) for positions of shape {shape}"
        raise ConfigError("reparam", f"must be two functions {wanted}, but: {reason}") from error
    params, positions = made
    kinds = {leaf.dtype for leaf in jax.tree.leaves(moved_of(params))}
    movable = all(jnp.issubdtype(kind, jnp.inexact) for kind in kinds)
    allowed = "a map whose init gives floating-point numbers, as they are moved"
    require(movable, "reparam", allowed, ", ".join(sorted(map(str, kinds))))
    given = getattr(positions, "shape", type(positions).__name__)
    require(given == shape, "reparam", f"a map to positions of shape {shape}", given)
    return reparam._replace(decode=pinned_output(reparam.decode, system.pins))


@stored
def _mapped(reparam: Reparametrization, positions: Array) -> tuple[Params, Array]:
    """Params of a map that begins at positions (n, d), and where it is; only shapes are ever asked for."""
    params = initial_params(reparam, 0, 0, positions)
    return params, reparam.decode(params)


def _resume(run: Run, checkpoint: Path) -> None:
    snapshot = load_checkpoint(checkpoint)
    try:
        run.restore(snapshot)
    except UserError as error:
        raise UserError(f"{checkpoint}: {error}; remove it to start again") from error
    except KeyError as error:
        reason = "is no checkpoint of this version; remove it to start again"
        raise UserError(f"{checkpoint}: {reason}") from error
