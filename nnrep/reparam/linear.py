"""Linear coarse-graining onto slow modes (paper eq 3), or onto normal modes."""

import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from nnrep.errors import require
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Anchored, Reparametrization, scale_to


def linear(modes: SlowModes) -> Reparametrization:
    """X = Psi Z with Z (k, d); starts at Psi^T X0, rescaled so that the spread of X is kept.

    Of modes of the full Hessian, whose vectors are (n d, k), X = X0 + Psi Z with Z (k,), starting at zero:
    what they span are displacements.

    Raises:
        ConfigError: fewer than two modes; the first one only moves all particles together.
    """
    count = modes.vectors.shape[1]
    require(count >= 2, "modes", "at least 2 for a linear map", count)
    init = _displaced_init if modes.of == "hessian" else _init
    return Reparametrization(Partial(init, modes.vectors), Partial(_decode, modes.vectors))


def _displaced_init(vectors: Array, key: Array, positions: Array) -> Anchored:
    return Anchored(jnp.zeros(vectors.shape[1], positions.dtype), held=positions)


def _init(vectors: Array, key: Array, positions: Array) -> Array:
    latent = vectors.T @ positions
    return latent * scale_to(positions, vectors @ latent)


def _decode(vectors: Array, latent: Array | Anchored) -> Array:
    if isinstance(latent, Anchored):
        return latent.held + (vectors @ latent.moved).reshape(latent.held.shape)
    return vectors @ latent
