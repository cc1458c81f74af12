"""Linear coarse-graining onto slow modes (paper eq 3)."""

from jax import Array
from jax.tree_util import Partial

from nnrep.errors import require
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Reparametrization, scale_to


def linear(modes: SlowModes) -> Reparametrization:
    """X = Psi Z with Z (k, d); starts at Psi^T X0, rescaled so that the spread of X is kept.

    Raises:
        ConfigError: fewer than two modes; the first one only moves all particles together.
    """
    count = modes.vectors.shape[1]
    require(count >= 2, "modes", "at least 2 for a linear map", count)
    return Reparametrization(init=Partial(_init, modes.vectors), decode=Partial(_decode, modes.vectors))


def _init(vectors: Array, key: Array, positions: Array) -> Array:
    latent = vectors.T @ positions
    return latent * scale_to(positions, _decode(vectors, latent))


def _decode(vectors: Array, latent: Array) -> Array:
    return vectors @ latent
