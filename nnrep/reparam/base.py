"""`Reparametrization`: a pair of pure functions, as an optax transformation is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

Params = Any  # a pytree of arrays


class Reparametrization(NamedTuple):
    """X = rho(Z), with Z any pytree of arrays.

    A map of one's own needs nothing but the two functions; given as `jax.tree_util.Partial` of
    module-level functions, maps of one shape share a compilation.

    Attributes:
        init: (key, positions (n, d)) -> params, from which `decode` starts; `Anchored` where the map takes
            something from the positions that is not to be moved.
        decode: params -> positions (n, d).
    """

    init: Callable[[Array, Array], Params]
    decode: Callable[[Params], Array]


class Anchored(NamedTuple):
    """Params of which the optimiser sees a part.

    Attributes:
        moved: what is minimised over.
        held: what stays: an origin, modes at the start.
    """

    moved: Params
    held: Any


def moved_of(params: Params) -> Params:
    """What the optimiser moves of params."""
    return params.moved if isinstance(params, Anchored) else params


def with_moved(params: Params, moved: Params) -> Params:
    """The params with another part that is moved."""
    return params._replace(moved=moved) if isinstance(params, Anchored) else moved


def scale_to(target: Array, positions: Array, particles: Array | None = None) -> Array:
    """The factor that gives positions (n, d) the spread of the target about its centre: a scalar.

    Particles (n,) are 1 for each particle that counts, 0 for others; None where all do.
    """
    spread, wanted = _spread(positions, particles), _spread(target, particles)
    # Particles in one place, but for rounding, have no spread to scale.
    usable = spread > 1e-4 * wanted
    return jnp.where(usable, wanted / jnp.where(usable, spread, 1), 1)


def centre_of(positions: Array, particles: Array | None = None) -> Array:
    """The centre (d,) of positions (n, d), of the particles that count, see `scale_to`."""
    return jnp.average(positions, axis=0, weights=particles)


def _spread(positions: Array, particles: Array | None) -> Array:
    centred = positions - centre_of(positions, particles)
    return jnp.sqrt(jnp.mean(jnp.average(centred**2, axis=0, weights=particles)))
