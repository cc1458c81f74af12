"""A chain with springs in the place of its couplings: where it comes to rest, no pair is tangled or torn.

Coupled pairs of a Lennard-Jones chain that overlap, or are too far from each other to attract, stay as they
are, whatever descends on its energy. Springs of the same lengths, 1/2 (r - length)^2, pull and push at any
distance, and have no force where the couplings have none. Plain gradient steps with momentum (Polyak, USSR
Comput. Math. Math. Phys. 4, 1, 1964) go down on them.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.energies.pairwise import distance
from nnrep.errors import require
from nnrep.systems.system import Contacts, System

# A particle has four springs at most, of whose energy the Hessian is then at most 8: far from where steps
# of this size and momentum would grow, above 38.
RATE, MOMENTUM = 0.1, 0.9


class Spring(NamedTuple):
    """The springs of all pairs (i, i + offset) of a chain.

    Attributes:
        offset: along the chain.
        length: at rest.
    """

    offset: int
    length: float


def after_springs(system: System, steps: int) -> Partial:
    """positions (n, d) -> where so many steps down the springs lead from there.

    Args:
        system: whose bonds and contacts are all its pairs (i, i + 1) and (i, i + L), such as a loop.
        steps: how many.

    Raises:
        ConfigError: it is none.
    """
    springs = [_spring_of(system, kind, steps) for kind in (system.bonds, system.contacts)]
    lengths = on_device(np.array([spring.length for spring in springs]))
    offsets = tuple(spring.offset for spring in springs)
    return Partial(partial(_descended, offsets), lengths, on_device(np.int32(steps)))


def _spring_of(system: System, kind: Contacts | None, steps: int) -> Spring:
    pairs = np.zeros((0, 2), int) if kind is None else np.asarray(kind.pairs)
    offset, first = system.n - len(pairs), np.arange(len(pairs))
    is_chain = len(pairs) > 0 and np.array_equal(pairs, np.stack([first, first + offset], axis=1))
    allowed = f"0, as system={system.name} is no chain with contacts"
    require(is_chain, "springs", allowed, steps)
    assert kind is not None
    return Spring(offset, kind.length)


def _descended(offsets: tuple[int, ...], lengths: Array, steps: Array, positions: Array) -> Array:
    def take_step(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        positions, velocity = carry
        velocity = MOMENTUM * velocity - RATE * spring_gradient(offsets, lengths, positions)
        return positions + velocity, velocity

    columns = positions.T  # contiguous along the chain
    return jax.lax.fori_loop(0, steps, take_step, (columns, jnp.zeros_like(columns)))[0].T


def spring_gradient(offsets: tuple[int, ...], lengths: Array, columns: Array) -> Array:
    """Gradient (d, n) of the springs' energy at positions (d, n).

    Args:
        offsets: along the chain, one for each kind of springs.
        lengths: (kinds,) at rest.
        columns: positions.
    """
    n = columns.shape[1]
    gradient = jnp.zeros_like(columns)
    for offset, length in zip(offsets, lengths, strict=True):
        apart = columns[:, offset:] - columns[:, : n - offset]
        pull = (1 - length / distance(jnp.sum(apart**2, axis=0))) * apart
        gradient += jnp.pad(pull, ((0, 0), (offset, 0))) - jnp.pad(pull, ((0, 0), (0, offset)))
    return gradient
