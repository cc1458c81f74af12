"""One stage of a minimisation, compiled: a loop of checks around a loop of steps, for every replica."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from nnrep.host.stored import stored
from nnrep.minimization.optimizers.optimizer import lowest_of
from nnrep.minimization.spread import over_devices
from nnrep.minimization.stopping import Check, Status, Step, Stopping
from nnrep.reparam.base import Params, moved_of, with_moved

CHECKS_PER_CHUNK = 256  # at most; what the host sees of the loop at a time
CHUNK_SECONDS = 0.25  # that it should take; it ends at a check


class Problem(NamedTuple):
    """What a stage minimises; a pytree whose arrays are traced.

    Attributes:
        loss: (positions (n, d), key) -> scalar.
        decode: params -> positions (n, d).
        measure: positions -> name -> scalar, followed beside the loss.
        particles: () how many of the n may move; frozen ones and dummies are the others.
        epoch: () for how many steps the loss keeps its key.
    """

    loss: Callable[[Array, Array], Array]
    decode: Callable[[Params], Array]
    measure: Callable[[Array], dict[str, Array]]
    particles: Array | int
    epoch: Array | int = 1


class Replica(NamedTuple):
    """The state of one replica, or of several along a leading axis of every array.

    Attributes:
        params: of the map, as of the last check at which all was finite.
        optimizer_state: its state.
        step: () steps taken.
        limit: () steps it may take.
        lowest: () lowest loss at a check so far.
        rules: what the stopping rules remember.
        status: () a `Status`.
    """

    params: Params
    optimizer_state: Any
    step: Array
    limit: Array
    lowest: Array
    rules: tuple[Any, ...]
    status: Array


class Trace(NamedTuple):
    """What a chunk saw at its checks: arrays (checks,), with step -1 where it made none."""

    step: Array
    loss: Array
    gradient_norm: Array
    measures: dict[str, Array]


def start_replica(
    build: Callable[[Any], optax.GradientTransformation],
    hyperparameters: Any,
    stopping: Stopping,
    params: Params,
    positions: Array,
    limit: Array | int,
    status: Array | int,
) -> Replica:
    """A replica at step 0, with a fresh optimiser, whose params decode to positions (n, d)."""
    return Replica(
        params=params,
        optimizer_state=build(hyperparameters).init(moved_of(params)),
        step=jnp.zeros((), int),
        limit=jnp.asarray(limit, int),
        lowest=jnp.asarray(jnp.inf, jnp.result_type(float)),
        rules=stopping.start(positions),
        # Every type is explicit: run_chunk must be given what it gives back, or it compiles twice.
        status=jnp.where((status == Status.running) & (limit <= 0), Status.step_limit, status).astype(int),
    )


@stored(static_argnames=("build", "devices"))
def run_chunk(
    problem: Problem,
    build: Callable[[Any], optax.GradientTransformation],
    hyperparameters: Any,
    stopping: Stopping,
    replicas: Replica,
    keys: Array,
    checks: Array,
    devices: int,
) -> tuple[Replica, Trace]:
    """Run a batch of replicas side by side, each for so many checks or until it stops.

    On several devices each runs its part of the batch by the program of one device, and waits for no other:
    the numbers are those of a batch of that part's size.

    Args:
        problem: what is minimised.
        build: the optimiser, from its hyperparameters.
        hyperparameters: of the optimiser.
        stopping: the stopping rule.
        replicas: states, with a leading axis of replicas.
        keys: (replicas,) keys of the losses.
        checks: () at most `CHECKS_PER_CHUNK`.
        devices: over which the batch is spread, in equal parts; see `spread`.

    Returns:
        The states, and what the checks saw, (replicas, CHECKS_PER_CHUNK).
    """

    def run_part(given: tuple, replicas: Replica, keys: Array) -> tuple[Replica, Trace]:
        problem, hyperparameters, stopping, checks = given

        def run(replica: Replica, key: Array) -> tuple[Replica, Trace]:
            optimizer = optax.with_extra_args_support(build(hyperparameters))
            return _run_replica(problem, optimizer, stopping, replica, key, checks)

        if len(keys) > 1:
            return jax.vmap(run)(replicas, keys)
        # vmap would turn the slices at random shifts into gathers, which one replica need not pay for.
        alone, trace = run(jax.tree.map(lambda leaf: leaf[0], replicas), keys[0])
        return jax.tree.map(lambda leaf: leaf[None], (alone, trace))

    run_parts = over_devices(run_part, devices, (False, True, True))
    parts: tuple[Replica, Trace] = run_parts((problem, hyperparameters, stopping, checks), replicas, keys)
    return parts


def _run_replica(
    problem: Problem,
    optimizer: optax.GradientTransformationExtraArgs,
    stopping: Stopping,
    replica: Replica,
    key: Array,
    checks: Array,
) -> tuple[Replica, Trace]:
    def unfinished(carry: tuple[Array, Replica, Trace]) -> Array:
        check, replica, _ = carry
        return (check < checks) & (replica.status == Status.running)

    def advance(carry: tuple[Array, Replica, Trace]) -> tuple[Array, Replica, Trace]:
        check, replica, trace = carry
        replica, seen = _run_to_check(problem, optimizer, stopping, replica, key)
        trace = jax.tree.map(lambda values, value: values.at[check].set(value), trace, seen)
        return check + 1, replica, trace

    nothing = jnp.full(CHECKS_PER_CHUNK, jnp.nan)
    names = jax.eval_shape(lambda: problem.measure(problem.decode(replica.params)))
    trace = Trace(jnp.full(CHECKS_PER_CHUNK, -1), nothing, nothing, dict.fromkeys(names, nothing))
    _, replica, trace = jax.lax.while_loop(unfinished, advance, (jnp.zeros((), int), replica, trace))
    return replica, trace


def _run_to_check(
    problem: Problem,
    optimizer: optax.GradientTransformationExtraArgs,
    stopping: Stopping,
    replica: Replica,
    key: Array,
) -> tuple[Replica, Trace]:
    """Steps up to the next check, and the check."""

    def decode(moved: Params) -> Array:
        return problem.decode(with_moved(replica.params, moved))

    def under_way(carry: tuple) -> Array:
        step, at_rest, *_ = carry
        return (step < last) & ~at_rest

    def take_step(carry: tuple) -> tuple:
        step, _, moved, optimizer_state, _ = carry
        step_key = jax.random.fold_in(key, step // problem.epoch)
        positions, pull = jax.vjp(decode, moved)
        loss, slope = jax.value_and_grad(problem.loss)(positions, step_key)
        (gradient,) = pull(slope)
        at_rest = stopping.at_step(Step(step, positions, loss, slope, problem.particles))

        def value_fn(moved: Params, key: Array) -> Array:
            """The loss of this step, whatever the key, which is that of all that an optimiser draws."""
            return problem.loss(decode(moved), step_key)

        # Line searches want the loss as well, searches a key; other optimisers are blind to them.
        more = {"value": loss, "grad": gradient, "value_fn": value_fn, "key": key}
        updates, optimizer_state = optimizer.update(gradient, optimizer_state, moved, **more)
        # What is at rest stays where its force was seen.
        onward = optax.apply_updates(moved, updates)
        moved = jax.tree.map(lambda still, new: jnp.where(at_rest, still, new), moved, onward)
        return step + 1, at_rest, moved, optimizer_state, gradient

    last = jnp.minimum(replica.step + stopping.check_every, replica.limit)
    before = moved_of(replica.params)
    start = (replica.step, jnp.zeros((), bool), before, replica.optimizer_state, before)
    step, at_rest, moved, optimizer_state, gradient = jax.lax.while_loop(under_way, take_step, start)
    gradient_norm = optax.tree.norm(gradient)
    positions = decode(moved)
    loss = problem.loss(positions, jax.random.fold_in(key, step // problem.epoch))
    if (lowest := lowest_of(optimizer_state)) is None:
        tried_in_vain = jnp.zeros((), bool)
        is_finite = _all_finite((moved, positions, loss, gradient_norm))
    else:
        # An optimiser that goes back from a trial point without an energy stands where it goes back to.
        tried_in_vain = ~_all_finite((moved, positions, loss)) & jnp.isfinite(lowest.value)
        loss = jnp.where(tried_in_vain, lowest.value.astype(loss.dtype), loss)
        positions = jnp.where(tried_in_vain, decode(lowest.params), positions)
        is_finite = _all_finite((positions, loss))
    rules, status = stopping.at_check(replica.rules, Check(step, positions, loss, gradient_norm, is_finite))
    diverged = status == Status.diverged
    status = jnp.select(
        [
            diverged,
            at_rest | (status == Status.converged),
            status == Status.stalled,
            step >= replica.limit,
        ],
        [Status.diverged, Status.converged, Status.stalled, Status.step_limit],
        status,
    )
    kept = jax.tree.map(lambda old, new: jnp.where(diverged, old, new), before, moved)
    if lowest is not None:
        back = (status != Status.running) & ~at_rest & ((lowest.value < loss) | tried_in_vain)
        kept = jax.tree.map(lambda low, here: jnp.where(back, low, here), lowest.params, kept)
        loss = jnp.where(back, lowest.value.astype(loss.dtype), loss)
        positions = jnp.where(back, decode(kept), positions)
    replica = Replica(
        params=with_moved(replica.params, kept),
        optimizer_state=optimizer_state,
        step=step,
        limit=replica.limit,
        lowest=jnp.fmin(loss, replica.lowest),
        rules=rules,
        status=status.astype(replica.status.dtype),
    )
    return replica, Trace(step, loss, gradient_norm, problem.measure(positions))


def no_measures(positions: Array) -> dict[str, Array]:
    """The measures of what has none."""
    return {}


def _all_finite(tree: Any) -> Array:
    return jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]).all()
