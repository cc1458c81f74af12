"""The exact energy of positions, evaluated afresh; of systems that have it, in double precision.

In single precision a sum is uncertain by 1e-6 of the sizes of its terms, which is much where they cancel.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.host.compilation import QUICKLY
from nnrep.host.stored import stored
from nnrep.systems.system import System


class Exact(NamedTuple):
    """The exact energy of a configuration, and the root mean square of its gradient's components."""

    energy: np.ndarray
    gradient_rms: np.ndarray


def evaluate(system: System, positions: np.ndarray | Array) -> Exact:
    """Energy and gradient of a system at positions (n, d), dummies included: two scalars."""
    with _exactly(system, positions) as arguments:
        return Exact(*map(np.asarray, _evaluate(*arguments)))


def evaluation_bytes(system: System) -> int:
    """Bytes that this takes beside its arguments; it is compiled for that."""
    with _exactly(system, system.positions) as arguments:
        return _evaluate.temporary_bytes(*arguments)


@contextmanager
def _exactly(system: System, positions: np.ndarray | Array) -> Iterator[tuple[Any, Any, int]]:
    """Energy, positions and number of particles, with which it is evaluated inside."""
    if system.exact is None:
        yield system.energy, positions, system.n_free
        return
    with jax.enable_x64(True):
        yield system.exact_energy, np.asarray(positions, np.float64), system.n_free


@stored(compiler_options=QUICKLY)
def _evaluate(energy: Partial, positions: Array, particles: int) -> tuple[Array, Array]:
    value, gradient = jax.value_and_grad(energy)(positions)
    return value, rms(gradient, particles)


def rms(forces: Array, particles: Array | int) -> Array:
    """Root mean square of the components (n, d) of forces on so many particles; the others, frozen ones and
    dummies, have none."""
    return jnp.sqrt(jnp.sum(forces**2) / (particles * forces.shape[1]))
