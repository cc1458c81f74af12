"""`reparam=cg`: linear coarse-graining onto slow modes (paper eq 3), or onto normal modes."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.choices.settings import settings
from nnrep.energies.arrays import on_device
from nnrep.errors import is_integer, require, require_kind
from nnrep.modes.here import ModesHere
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.modes.spectrum import SlowModes, padded_modes
from nnrep.reparam.base import Anchored, Reparametrization, centre_of, scale_to
from nnrep.reparam.expansion import Expansion, expand, expansion, expansion_here
from nnrep.reparam.settings import MapConfig
from nnrep.systems.settings import Size
from nnrep.systems.system import System


def linear(
    modes: SlowModes, particles: np.ndarray | None = None, *, about_centre: bool = False
) -> Reparametrization:
    """X = Psi Z with Z (k, d); starts at Psi^T X0, rescaled so that the spread of X is kept.

    Of modes of the full Hessian, whose vectors are (n d, k), X = X0 + Psi Z with Z (k,), starting at zero:
    what they span are displacements.

    Args:
        modes: at least two.
        particles: (n,) 1 for each particle that may move, 0 for others, see `System.particles`.
        about_centre: rescale about the centre of these particles, not about the origin; wanted where other
            particles or restraints hold them, see `System.is_held`.

    Raises:
        ConfigError: fewer than two modes, the first of which only moves all particles together; or modes made
            for a network, see `over_particles`.
    """
    require_kind(modes, SlowModes, "modes", "slow modes, see nnrep.slow_modes")
    require(
        modes.of != "particles", "modes", "orthonormal, as nnrep.slow_modes has them", "over_particles(...)"
    )
    count = modes.vectors.shape[1]
    require(count >= 2, "modes", "at least 2 for a linear map", count)
    decode = Partial(_decode, expansion(modes.vectors))
    if modes.of == "hessian":
        return Reparametrization(Partial(_displaced_init, modes.vectors), decode)
    init = _init_about_centre if about_centre else _init
    return Reparametrization(Partial(init, modes.vectors, on_device(particles)), decode)


def linear_here(
    here: ModesHere, particles: np.ndarray | None = None, *, about_centre: bool = False
) -> Reparametrization:
    """The same with the modes where a stage begins: each replica has its own."""
    init = Partial(_init_about_centre if about_centre else _init)
    return Reparametrization(Partial(_init_here, init, here, on_device(particles)), Partial(_decode_here))


def _init_here(
    init: Partial, here: ModesHere, particles: Array | None, key: Array, positions: Array
) -> Anchored:
    vectors, _ = here(positions)
    if here.of is ModesOf.hessian:
        return Anchored(jnp.zeros(here.count, positions.dtype), held=(expansion_here(vectors), positions))
    latent = init(vectors, particles, key, positions)
    return Anchored(latent, held=(expansion_here(vectors), jnp.zeros_like(positions)))


def _decode_here(params: Anchored) -> Array:
    psi, origin = params.held
    return origin + expand(psi, params.moved).reshape(origin.shape)


def _displaced_init(vectors: Array, key: Array, positions: Array) -> Anchored:
    return Anchored(jnp.zeros(vectors.shape[1], positions.dtype), held=positions)


def _init(vectors: Array, particles: Array | None, key: Array, positions: Array) -> Array:
    latent = vectors.T @ positions
    return latent * scale_to(positions, vectors @ latent, particles)


def _init_about_centre(vectors: Array, particles: Array | None, key: Array, positions: Array) -> Array:
    ones = jnp.ones(len(positions)) if particles is None else particles
    centre = vectors.T @ jnp.outer(ones, centre_of(positions, particles))
    latent = vectors.T @ positions
    return centre + (latent - centre) * scale_to(positions, vectors @ latent, particles)


def _decode(psi: Expansion, latent: Array | Anchored) -> Array:
    if isinstance(latent, Anchored):
        return latent.held + expand(psi, latent.moved).reshape(latent.held.shape)
    return expand(psi, latent)


@settings("reparam/cg")
class CGConfig(MapConfig):
    """`reparam=cg`: linear coarse-graining.

    Attributes:
        modes: a count, a share of n, "3*residues", or null for the default (or for modes.epsilon).
    """

    modes: Any

    takes_modes_here = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        only_one = is_integer(self.modes) and self.modes == 1
        require(not only_one, "modes", "at least 2 for a linear map", self.modes)
        super().__post_init__()

    @property
    def needs_modes(self) -> bool:
        """Always."""
        return True

    def products(self, size: Size, modes: int) -> int:
        """Psi Z."""
        return size.n * size.dim * modes

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """See `linear`, and `linear_here`."""
        assert slow is not None
        count = slow.count if isinstance(slow, ModesHere) else slow.values.size
        key = "reparam.modes" if modes.epsilon is None else "modes.epsilon"
        require(count >= 2, key, "so large that at least 2 modes are left for reparam=cg", "1 mode")
        if isinstance(slow, ModesHere):
            return linear_here(slow, system.particles, about_centre=system.is_held)
        return linear(padded_modes(slow, system), system.particles, about_centre=system.is_held)


CHOICE = CGConfig
