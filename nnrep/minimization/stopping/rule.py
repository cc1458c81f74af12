"""`Rule`: one reason to end a stage, asked inside the compiled loop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from nnrep.minimization.stopping.status import Status


class Step(NamedTuple):
    """What a rule sees of a step, before it is taken.

    Attributes:
        step: () steps of the stage so far.
        positions: (n, d).
        loss: () there.
        slope: (n, d) derivative of the loss with respect to the positions: minus the forces.
        particles: () how many of the n may move; frozen ones and dummies, the others, have no forces.
    """

    step: Array
    positions: Array
    loss: Array
    slope: Array
    particles: Array | int


class Check(NamedTuple):
    """What a rule sees every `check_every` steps.

    Attributes:
        step: () steps of the stage so far.
        positions: (n, d).
        loss: () there.
        gradient_norm: () of the last step's gradient, with respect to what is moved.
        is_finite: () whether all numbers are, those that are moved as well.
    """

    step: Array
    positions: Array
    loss: Array
    gradient_norm: Array
    is_finite: Array


class Rule:
    """One reason to end a stage.

    Subclasses are frozen dataclasses registered with JAX; their numbers are traced. A rule that needs no
    memory may as well be a plain function: `Check` -> () bool, whether the replica has converged.
    """

    def check(self) -> None:
        """Raise `ConfigError` for a number out of range."""

    def start(self, positions: Array) -> Any:
        """What the rule remembers, a pytree of arrays, at the positions (n, d) where a stage starts."""
        return ()

    def at_step(self, seen: Step) -> Array:
        """() whether the stage ends before this very step, as converged."""
        return jnp.zeros((), bool)

    def at_check(self, state: Any, seen: Check) -> tuple[Any, Array]:
        """What the rule remembers now, and a `Status`: running unless the stage is to end."""
        return state, jnp.asarray(Status.running)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class When(Rule):
    """Converged where a function of the check, without a memory, says so."""

    condition: Callable[[Check], Array]

    def at_check(self, state: Any, seen: Check) -> tuple[Any, Array]:
        """See `Rule.at_check`."""
        return state, jnp.where(self.condition(seen), Status.converged, Status.running)
