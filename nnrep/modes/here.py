"""Modes at given positions, inside compiled programs: where a stage begins, each replica has its own."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.arrays import on_device
from nnrep.modes.assembled import hessian_of
from nnrep.modes.backbone import Backbone
from nnrep.modes.slow import ModesOf
from nnrep.systems.system import System


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)  # arrays are no key: one is equal to itself alone
class ModesHere:
    """positions (n, d) -> vectors and weights of the slow modes there, as `SlowModes` has them.

    Of the backbone F_ij = ||H_ij||, or its square, at the positions themselves: definition 2.1 with a single
    sample and no noise.

    Attributes:
        hessian: positions -> (n d, n d).
        count: k modes.
        particles: (n,) whether a particle may move; frozen ones and dummies are in no mode.
        of: a backbone, or the Hessian.
        backbone: what is made of the norms.
    """

    hessian: Callable[[Array], Array]
    particles: Array
    count: int = field(metadata={"static": True})
    of: ModesOf = field(metadata={"static": True})
    backbone: Backbone = field(metadata={"static": True})

    def __call__(self, positions: Array) -> tuple[Array, Array]:
        """Vectors (n, k) and psi^T F psi (k,); of the Hessian (n d, k) and its eigenvalues."""
        n, dim = positions.shape
        hessian = self.hessian(positions)
        if self.of is ModesOf.hessian:
            moving = jnp.repeat(self.particles, dim)
            values, vectors = _lowest((hessian + hessian.T) / 2, moving, self.count)
            return vectors, values
        squares = jnp.sum(hessian.reshape(n, dim, n, dim) ** 2, axis=(1, 3))
        matrix = jnp.sqrt(squares) if self.backbone is Backbone.mean_norm else squares
        matrix = (matrix + matrix.T) / 2
        _, vectors = _lowest(jnp.diag(jnp.sum(matrix, axis=1)) - matrix, self.particles, self.count)
        return vectors, jnp.sum(vectors * (matrix @ vectors), axis=0)


def modes_here(system: System, count: int, of: ModesOf, backbone: Backbone) -> ModesHere:
    """The modes of a system wherever it is; of the backbone without the pairs that have no coupling.

    Raises:
        UserError: its Hessian is too large.
    """
    hessian = hessian_of(system, of is ModesOf.hessian, key="modes.at", instead="start")
    moving = np.isin(np.arange(len(system.positions)), system.free)
    return ModesHere(hessian, on_device(moving), count, of, backbone)


def _lowest(matrix: Array, moving: Array, count: int) -> tuple[Array, Array]:
    """The lowest eigenvalues and eigenvectors of a symmetric matrix; rows of what does not move are zero."""
    # Beyond all others, so that none of the lowest has a part in those rows.
    beyond = 1 + 2 * jnp.max(jnp.sum(abs(matrix), axis=1))
    values, vectors = jnp.linalg.eigh(matrix + jnp.diag(jnp.where(moving, 0, beyond)))
    return values[:count], vectors[:, :count]
