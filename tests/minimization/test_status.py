"""How a run is said to have ended: only where it is so."""

import jax.numpy as jnp
import numpy as np
import pytest

import nnrep
from nnrep import Stage, Status, Stopping, minimize
from nnrep.reparam import identity

NEVER = 10**6


def slide(max_steps=10_000, **stages):
    """From 0 to the minimum at 1, whose force 2 * 0.8^k falls by a fifth a step; stages by their rules."""

    def energy(x):
        return jnp.sum((x - 1) ** 2)

    system = nnrep.System(energy=energy, positions=np.zeros((1, 1)))
    made = [
        Stage(name, identity(), nnrep.sgd(0.1), Stopping(min_delta=0, check_every=5, **rules), steps)
        for name, (steps, rules) in stages.items()
    ]
    return minimize(system, made, max_steps=max_steps).status[0]


FIXED = {"patience": NEVER}


@pytest.mark.parametrize(
    ("stages", "max_steps", "expected"),
    [
        ({"a": (500, {"patience": 3})}, 10_000, Status.stalled),
        ({"a": (500, {"patience": 3, "rms_force": 1e-3})}, 10_000, Status.converged),
        ({"a": (20, {"patience": 3, "rms_force": 1e-3})}, 10_000, Status.step_limit),
        ({"a": (20, {"patience": 3})}, 10_000, Status.step_limit),
        ({"a": (20, FIXED)}, 10_000, Status.finished),
        ({"a": (20, FIXED)}, 21, Status.finished),
        ({"a": (20, FIXED)}, 20, Status.step_limit),
        ({"a": (20, FIXED), "b": (20, FIXED)}, 10_000, Status.finished),
        ({"a": (20, FIXED), "b": (20, FIXED)}, 39, Status.step_limit),
        ({"a": (20, FIXED), "b": (20, FIXED)}, 20, Status.step_limit),
        ({"a": (None, FIXED)}, 100, Status.step_limit),
        ({"a": (500, {"patience": 3}), "b": (20, FIXED)}, 10_000, Status.finished),
        # The first stage stalls, at rest as far as the second one asks, or not.
        ({"a": (500, {"patience": 3}), "b": (20, {**FIXED, "rms_force": 1e-3})}, 10_000, Status.converged),
    ],
)
def test_a_run_ends_as_it_is_said_to(stages, max_steps, expected):
    assert slide(max_steps, **stages) is expected


def test_a_stage_that_settles_as_the_steps_end_has_not_stalled_for_the_next():
    stalled_at = next(
        steps for steps in range(1, 500) if slide(steps, a=(500, {"patience": 3})) is Status.stalled
    )
    stages = {"a": (500, {"patience": 3}), "b": (20, FIXED)}
    assert slide(stalled_at, **stages) is Status.step_limit


def test_a_rule_of_ones_own_is_a_criterion_of_rest():
    ends = {"patience": NEVER, "rules": (lambda seen: seen.loss < 1e-3,)}
    assert slide(a=(500, ends)) is Status.converged
    assert slide(a=(5, ends)) is Status.step_limit


def test_an_earlier_checkpoints_codes_mean_what_they_meant():
    names = ["running", "converged", "step_limit", "diverged", "interrupted"]
    assert [Status(code).name for code in range(5)] == names
