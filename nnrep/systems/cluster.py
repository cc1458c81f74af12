"""Lennard-Jones clusters, whose lowest minima are known: the test of every search for them.

Known minima: Wales and Doye, J. Phys. Chem. A 101, 5111 (1997).
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.choices.settings import settings
from nnrep.energies.arrays import on_device
from nnrep.energies.cluster import cluster_energy_and_gradient, cluster_pairs, cluster_terms
from nnrep.energies.energy import Energy
from nnrep.errors import require
from nnrep.host.memory import most_that_fit, require_memory
from nnrep.systems.settings import OnProgress, Size, SystemConfig
from nnrep.systems.system import System, drawn, of_energy

if TYPE_CHECKING:
    from nnrep.structures.molecule import Molecule

BYTES_A_PAIR = 100  # of a step, in single precision
# Of a ball as dense as a crystal whose neighbours are 2^(1/6) apart, over n^(1/3).
DENSE_RADIUS = 2 ** (1 / 6) * (3 / (4 * np.pi * 2**0.5)) ** (1 / 3)
MARGIN = 0.5  # around the ball, so that a container of 13 particles has 2 sigma


@settings("system/cluster")
class ClusterConfig(SystemConfig):
    """`system=cluster`; lengths in sigma, energies in epsilon.

    Attributes:
        n: number of particles.
        start_radius: starts lie in a ball of radius start_radius * n^(1/3).
    """

    n: int
    start_radius: float

    energy_keys = ("n",)
    has_like_particles = True
    may_fall_apart = True

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        require(self.n >= 2, "n", "at least 2", self.n)
        require(0 < self.start_radius < np.inf, "start_radius", "positive", self.start_radius)

    def size(self, molecule: "Molecule | None" = None) -> Size:
        """Known without a molecule."""
        return Size(self.n, 3)

    def build(
        self,
        molecule: "Molecule | None" = None,
        seed: int = 0,
        on_progress: OnProgress | None = None,
        padded: bool = False,
    ) -> System:
        """See `cluster_system`."""
        return cluster_system(self, seed)

    def columns(self, molecule: "Molecule | None") -> dict[str, Any]:
        """What a table of runs has of the settings."""
        return {"potential": "lennard_jones"}


def cluster_system(config: ClusterConfig, seed: int = 0) -> System:
    """The cluster, started from the draw of a seed."""
    n = config.n
    fewer = f"at most {most_that_fit(BYTES_A_PAIR, 2)}"
    require_memory(BYTES_A_PAIR * n**2, "system.n", f"the pairs of {n} particles", fewer)
    like = on_device(np.zeros((n, 3)))
    draw_start = Partial(_in_ball, like, config.start_radius * n ** (1 / 3))
    energy = Energy((), cluster_energy_and_gradient, cluster_terms, bounded=True)
    return System(
        **of_energy(energy),
        positions=drawn(draw_start, seed, 0),
        name="cluster",
        draw_start=draw_start,
        coupling_terms=partial(cluster_pairs, n),
        exact=energy,
        container_radius=DENSE_RADIUS * n ** (1 / 3) + MARGIN,
    )


def _in_ball(like: Array, radius: float | Array, key: Array) -> Array:
    """Positions (n, 3) drawn evenly from a ball."""
    of_direction, of_distance = jax.random.split(key)
    direction = jax.random.normal(of_direction, like.shape, like.dtype)
    direction /= jax.numpy.linalg.norm(direction, axis=1, keepdims=True)
    share = jax.random.uniform(of_distance, (len(like), 1), like.dtype)
    return radius * share ** (1 / 3) * direction


CHOICE = ClusterConfig
