"""What the replicas, histories and frames of a minimisation take, before they are made."""

import math

import jax

from nnrep.host.memory import most_that_fit, require_memory
from nnrep.minimization.batches import initial_params, measured
from nnrep.minimization.exact import evaluation_bytes
from nnrep.minimization.history import COLUMNS, measure_names
from nnrep.minimization.loop import CHECKS_PER_CHUNK
from nnrep.minimization.stage import Stage
from nnrep.reparam.base import moved_of
from nnrep.systems.system import System, as_partial

POSITIONS = 8  # of a replica: start, end, best, between stages, each in single or double precision
COPIES = 3  # of what is kept on the way: as it came, in one piece, in order


def require_room(
    system: System, stages: tuple[Stage, ...], seeds: int, max_steps: int, record_every: int | None
) -> None:
    """Refuse a minimisation that would not fit into memory, were it to take all its steps.

    Args:
        system: what is minimised.
        stages: all of them.
        seeds: number of replicas.
        max_steps: most steps of a replica.
        record_every: steps from frame to frame; None keeps none.

    Raises:
        UserError: naming what would not fit.
    """
    checks = max_steps // min(stage.stopping.check_every for stage in stages) + len(stages)
    numbers = _numbers_of_check(system)
    replica = 8 * POSITIONS * system.positions.size + _most_state_bytes(stages, system)
    history = COPIES * 8 * numbers * checks
    if history > replica:  # which no smaller system would change
        require_memory(
            history, "max_steps", f"a history of {checks} checks", "fewer, or a larger check_every"
        )
    each = replica + history
    what = f"{seeds} replica{'s' * (seeds > 1)} of {system.n} particles, with map and history,"
    most = most_that_fit(each)
    key, instead = ("seeds", f"at most {most}") if most else ("system", "a smaller system or map")
    require_memory(seeds * each, key, what, instead)
    if record_every is None:
        return
    frame = COPIES * system.n * system.positions.shape[1] * system.positions.dtype.itemsize
    frames = seeds * (max_steps // record_every + len(stages))
    often = math.ceil(seeds * max_steps / max(1, most_that_fit(frame)))
    what = f"up to {frames} frames of {system.n} particles"
    require_memory(frame * frames, "record.every", what, f"at least {often}, or less max_steps")


def device_bytes(system: System, stages: tuple[Stage, ...]) -> float:
    """Bytes that a replica takes on a device, an estimate: its state, and twice what an energy takes.

    The energy is that of the table, in double precision if there is one; a map takes less as a rule.
    """
    trace = 8 * CHECKS_PER_CHUNK * _numbers_of_check(system)
    state = 8 * POSITIONS * system.positions.size + _most_state_bytes(stages, system)
    return state + trace + 2 * evaluation_bytes(system)


def _numbers_of_check(system: System) -> int:
    """Of a row of the history."""
    measures = measured.shapes(as_partial(system.measure), system.positions) if system.measure else {}
    return len(COLUMNS) + len(measure_names(measures))


def _most_state_bytes(stages: tuple[Stage, ...], system: System) -> int:
    """Of the stages; one that is repeated is looked at once."""
    distinct = {(id(stage.reparam.init), stage.optimizer.build): stage for stage in stages}
    return max(_state_bytes(stage, system) for stage in distinct.values())


def _state_bytes(stage: Stage, system: System) -> int:
    """Of a replica in a stage: params before and after a chunk, their gradient and next values, and the
    optimiser's state, twice."""
    params = initial_params.shapes(stage.reparam, 0, 0, system.positions)
    build, hyperparameters = stage.optimizer
    state = jax.eval_shape(lambda moved: build(hyperparameters).init(moved), moved_of(params))
    return 2 * _bytes(params) + 2 * _bytes(moved_of(params)) + 2 * _bytes(state)


def _bytes(tree: object) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
