"""Linear coarse-graining onto slow modes (paper eq 3), or onto normal modes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from nnrep.errors import require
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Reparametrization, scale_to


def linear(modes: SlowModes) -> Reparametrization:
    """X = Psi Z with Z (k, d); starts at Psi^T X0, rescaled so that the spread of X is kept.

    Of modes of the full Hessian, whose vectors are (n d, k), X = X0 + Psi Z with Z (k,), starting at zero:
    what they span are displacements. X0 stays as long as the optimiser moves nothing without a gradient
    (weight decay does).

    Raises:
        ConfigError: fewer than two modes; the first one only moves all particles together.
    """
    count = modes.vectors.shape[1]
    require(count >= 2, "modes", "at least 2 for a linear map", count)
    init = _displaced_init if modes.of == "hessian" else _init
    return Reparametrization(Partial(init, modes.vectors), Partial(_decode, modes.vectors))


class _Displaced(NamedTuple):
    """Coordinates (k,) along normal modes, from an origin (n, d) that stays."""

    along: Array
    origin: Array


def _displaced_init(vectors: Array, key: Array, positions: Array) -> _Displaced:
    return _Displaced(jnp.zeros(vectors.shape[1], positions.dtype), positions)


def _init(vectors: Array, key: Array, positions: Array) -> Array:
    latent = vectors.T @ positions
    return latent * scale_to(positions, vectors @ latent)


def _decode(vectors: Array, latent: Array | _Displaced) -> Array:
    if isinstance(latent, _Displaced):
        origin = jax.lax.stop_gradient(latent.origin)
        return origin + (vectors @ latent.along).reshape(origin.shape)
    return vectors @ latent
