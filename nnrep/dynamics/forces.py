"""The forces of a system, parted into fast and slow ones where its energy tells them apart."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.energy import is_slow
from nnrep.energies.sum import parts_of
from nnrep.errors import require
from nnrep.systems.frozen import released
from nnrep.systems.system import System, summands


class Forces(NamedTuple):
    """An energy and its gradients, a pytree: systems of one shape share their programs.

    Attributes:
        energy: positions (n, d) -> scalar.
        fast: positions -> gradient (n, d) of what changes fast; of the whole energy if `slow` is None.
        slow: positions -> gradient (n, d) of the rest: solvents.
    """

    energy: Callable[[Array], Array]
    fast: Partial
    slow: Partial | None


def forces_of(system: System, outer_every: int) -> Forces:
    """Those of a system.

    Raises:
        ConfigError: slow forces are to act in every k-th step only, and the energy has none.
    """
    whole = system.energy
    if outer_every == 1:
        return Forces(whole, Partial(_gradient, whole), None)
    fast, slow = _by_speed(system)
    allowed = "1 for a system without a solvent, all of whose forces are fast"
    require(bool(slow), "outer_every", allowed, outer_every)
    return Forces(whole, Partial(_sum_of_gradients, fast), Partial(_sum_of_gradients, slow))


def has_slow_forces(system: System) -> bool:
    """Whether `outer_every` may be more than 1: the energy has a solvent."""
    return bool(_by_speed(system)[1])


def _by_speed(system: System) -> tuple[tuple[Partial, ...], tuple[Partial, ...]]:
    """Gradients of fast and of slow parts.

    Frozen particles need no pins here: they have no mass to move with.
    """
    fast: list[Partial] = []
    slow: list[Partial] = []
    for summand in summands(released(system.energy)):
        parts = parts_of(summand)
        if not parts:
            fast.append(Partial(_gradient, summand))
        for part in parts:
            (slow if is_slow(part.func) else fast).append(Partial(_second, part))
    return tuple(fast), tuple(slow)


def _gradient(energy: Callable[[Array], Array], positions: Array) -> Array:
    return jax.grad(energy)(positions)


def _second(energy_and_gradient: Partial, positions: Array) -> Array:
    return energy_and_gradient(positions)[1]


def _sum_of_gradients(parts: tuple[Partial, ...], positions: Array) -> Array:
    return sum((part(positions) for part in parts), jnp.zeros_like(positions))
