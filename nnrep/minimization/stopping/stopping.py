"""`Stopping`: the rules by which a stage ends, and how often they are asked."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from nnrep.errors import AsCode, check_call, is_integer, require, require_kind
from nnrep.minimization.stopping.divergence import Divergence
from nnrep.minimization.stopping.patience import Patience
from nnrep.minimization.stopping.rms_force import RmsForce
from nnrep.minimization.stopping.rule import Check, Rule, Step, When
from nnrep.minimization.stopping.status import Status
from nnrep.systems.system import as_partial

# Of several reasons to end at one check, the first of these is told.
ORDER = (
    *(Status.diverged, Status.converged, Status.stalled),
    *(Status.finished, Status.step_limit, Status.interrupted),
)


class Stopping(NamedTuple):
    """Early stopping. All numbers are traced.

    Attributes:
        min_delta: improvement of the lowest energy so far that counts, in the system's energy unit.
        patience: number of checks in a row without one, after which the stage has stalled.
        check_every: steps from check to check.
        divergence: the replica has diverged when from one check to the next its extent has grown to
            more than this multiple (of at least one unit of length), or when anything is NaN or infinite.
        rms_force: root mean square of the forces' components on the particles at which the stage ends, at
            that very step, in the system's units (as OpenMM's minimiser has it); 0 for never.
        epoch: steps after which the count of checks without improvement restarts; 0 for never.
        rules: further ones: each a `Rule`, or a function `Check` -> () bool, whether it has converged.
    """

    min_delta: float = 1e-6
    patience: int = 20
    check_every: int = 20
    divergence: float = 1e3
    rms_force: float = 0.0
    epoch: int = 0
    rules: tuple[Rule | Callable[[Check], Array], ...] = ()

    @property
    def tests(self) -> tuple[Rule, ...]:
        """All rules."""
        more = (rule if isinstance(rule, Rule) else When(as_partial(rule)) for rule in self.rules)
        patience = Patience(self.min_delta, self.patience, self.epoch)
        own = (Divergence(self.divergence), RmsForce(self.rms_force), patience)
        return (*own, *more)

    def as_pytree(self) -> "Stopping":
        """The same with rules that JAX can take as arguments."""
        rules = tuple(rule if isinstance(rule, Rule) else When(as_partial(rule)) for rule in self.rules)
        return self._replace(rules=rules)

    def check(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the number out of range.
        """
        every = self.check_every
        counted = is_integer(every) and 1 <= every < 2**31
        require(counted, "check_every", "from 1 to 2^31 - 1", AsCode(every))
        Patience(self.min_delta, self.patience, self.epoch).check()
        longest, never = self.patience * self.check_every, self.epoch == 0
        allowed = f"longer than patience checks, {longest} steps, or nothing ends the stage; 0 for never"
        require(never or self.epoch > longest, "epoch", allowed, self.epoch)
        require_kind(self.rules, tuple | list, "rules", "a tuple of stopping rules")
        for rule in self.rules:
            usable = isinstance(rule, Rule) or callable(rule)
            require(usable, "rules", "stopping rules, or functions of a Check", AsCode(rule))
            if not isinstance(rule, Rule):
                check_call("rules", rule, "a Check")
        for rule in self.tests:
            rule.check()

    def start(self, positions: Array) -> tuple[Any, ...]:
        """What the rules remember at the positions (n, d) where a stage starts."""
        return tuple(rule.start(positions) for rule in self.tests)

    def at_step(self, seen: Step) -> Array:
        """() whether the stage ends before this step, as converged."""
        return jnp.stack([rule.at_step(seen) for rule in self.tests]).any()

    def at_check(self, states: tuple[Any, ...], seen: Check) -> tuple[tuple[Any, ...], Array]:
        """What the rules remember now, and the status that follows from all of them."""
        answers = [rule.at_check(state, seen) for rule, state in zip(self.tests, states, strict=True)]
        statuses = jnp.stack([jnp.asarray(status, int) for _, status in answers])
        present = [(statuses == code).any() for code in ORDER]
        status = jnp.select(present, list(ORDER), Status.running)
        return tuple(state for state, _ in answers), status
