"""Bonds to hydrogen of fixed length.

Each heavy atom with its one to four hydrogens is a star for itself: its constraints are few equations that
share no atom with those of any other star, and all stars are solved side by side, by as many Newton steps for
all. Positions are put back along the bonds as they were before the drift (SHAKE: Ryckaert, Ciccotti,
Berendsen, J. Comput. Phys. 23, 327, 1977), velocities are projected (RATTLE: Andersen, J. Comput. Phys. 52,
24, 1983); in Langevin dynamics that is geodesic BAOAB (Leimkuhler, Matthews, Proc. R. Soc. A 472, 20160138,
2016).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.dynamics.masses import Particles, hydrogen_bonds
from nnrep.energies.arrays import Numbers
from nnrep.energies.bonded import Bonds
from nnrep.energies.padding import padded_terms
from nnrep.errors import ConfigError
from nnrep.systems.system import System

POINTS = 4  # of a star, at most
NEWTON_STEPS = 4  # after a drift; twice as many digits are right after each
STARS = 0.56  # for each particle: what proteins have at most


class Stars(NamedTuple):
    """Heavy atoms with their hydrogens, c of them, filled up with stars without points.

    Attributes:
        centre: (c,) the heavy atom.
        points: (4, c) its hydrogens; where there are fewer, the heavy atom itself.
        length: (4, c) of the bonds; zero where there is none.
        source: (n,) where each particle is in all particles (n,) and, behind them, centres and points (5 c,).
    """

    centre: Numbers
    points: Numbers
    length: Numbers
    source: Numbers


def stars_of(system: System, particles: Particles) -> Stars:
    """Those of a system, as NumPy arrays; bonds between two atoms that do not move are none.

    Raises:
        ConfigError: its energy has no bonds to hydrogen, from which their lengths are taken.
    """
    lengths = _lengths(system)
    moves = particles.moves[:, 0]
    pairs = zip(*hydrogen_bonds(system), strict=True)
    bonds = [(int(hydrogen), int(heavy)) for hydrogen, heavy in pairs if moves[hydrogen] or moves[heavy]]
    centres = sorted({heavy for _, heavy in bonds})
    whole = len(system.positions)
    count = padded_terms(len(centres), STARS, whole)
    centre = np.zeros(count, int)
    centre[: len(centres)] = centres
    points, length = np.repeat(centre[None], POINTS, axis=0), np.zeros((POINTS, count))
    source, place = np.arange(whole), {heavy: star for star, heavy in enumerate(centres)}
    taken = np.zeros(count, int)
    for hydrogen, heavy in bonds:
        star = place[heavy]
        point = taken[star]
        if point == POINTS or (hydrogen, heavy) not in lengths:
            reason = "must be none, as an atom has a hydrogen without a bond, or more than four of them"
            raise ConfigError("constraints", reason)
        points[point, star], length[point, star] = hydrogen, lengths[hydrogen, heavy]
        source[heavy], source[hydrogen] = whole + star, whole + (1 + point) * count + star
        taken[star] += 1
    if not bonds:
        raise ConfigError("constraints", "must be none, as the system has no bonds to hydrogen")
    return Stars(centre, points, length, source)


def _lengths(system: System) -> dict[tuple[int, int], float]:
    """Rest lengths of the energy's bonds, by both atoms in either order."""
    known: dict[tuple[int, int], float] = {}
    for leaf in jax.tree.leaves(system.energy, is_leaf=lambda node: isinstance(node, Bonds)):
        if isinstance(leaf, Bonds):
            pairs, rest = np.asarray(leaf.pairs).tolist(), np.asarray(leaf.length, float).tolist()
            for (one, other), length in zip(pairs, rest, strict=True):
                known[one, other] = known[other, one] = length
    return known


def count_of(stars: Stars) -> int:
    """How many bonds are fixed."""
    return int(np.count_nonzero(np.asarray(stars.length)))


def put_back(
    stars: Stars, particles: Particles, before: Array, after: Array, steps: int = NEWTON_STEPS
) -> Array:
    """Positions (n, 3) with bonds of their lengths, moved along the bonds that there were before.

    Args:
        stars: the bonds.
        particles: masses.
        before: (n, 3), with bonds of nearly these lengths.
        after: (n, 3), not far from there.
        steps: of Newton's method.
    """
    weights, old, start = _weights(stars, particles), _bonds(stars, before), _bonds(stars, after)
    exists, square = stars.length > 0, stars.length**2

    def step(pulls: Array) -> Array:
        now = start - _changes(weights, old, pulls)
        excess = jnp.where(exists, _dot(now, now) - square, 0)
        matrix = 2 * _coupling(weights) * _dot(now[:, :, None], old[:, None])
        return pulls + _solved(matrix, excess, exists)

    pulls = jnp.zeros_like(square)
    for _ in range(steps):
        pulls = step(pulls)
    return _pulled(stars, weights, old, pulls, after)


def project(stars: Stars, particles: Particles, positions: Array, velocities: Array) -> Array:
    """Velocities (n, 3) that change no bond's length, at positions (n, 3)."""
    weights, bonds, along = _weights(stars, particles), _bonds(stars, positions), _bonds(stars, velocities)
    exists = stars.length > 0
    matrix = _coupling(weights) * _dot(bonds[:, :, None], bonds[:, None])
    pulls = _solved(matrix, jnp.where(exists, _dot(bonds, along), 0), exists)
    return _pulled(stars, weights, bonds, pulls, velocities)


class _Weights(NamedTuple):
    """Inverse masses of centres (c,) and points (4, c)."""

    centre: Array
    points: Array


def _weights(stars: Stars, particles: Particles) -> _Weights:
    inverse = particles.inverse[:, 0]
    return _Weights(inverse[stars.centre], inverse[stars.points])


def _bonds(stars: Stars, vectors: Array) -> Array:
    """From centres to points (3, 4, c), of vectors (n, 3); zero where there is no bond."""
    return jnp.stack([vectors[:, k][stars.points] - vectors[:, k][stars.centre] for k in range(3)])


def _dot(one: Array, other: Array) -> Array:
    """Scalar products along the first axis."""
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def _coupling(weights: _Weights) -> Array:
    """How a pull on one bond changes another one (4, 4, c)."""
    return weights.centre + jnp.eye(POINTS, dtype=weights.centre.dtype)[:, :, None] * weights.points


def _changes(weights: _Weights, bonds: Array, pulls: Array) -> Array:
    """What bonds (3, 4, c) lose by pulls (4, c) along old ones."""
    each = pulls * bonds
    return weights.points * each + weights.centre * jnp.sum(each, axis=1, keepdims=True)


def _pulled(stars: Stars, weights: _Weights, bonds: Array, pulls: Array, vectors: Array) -> Array:
    """Vectors (n, 3) of all particles after pulls (4, c) along bonds (3, 4, c)."""
    each = pulls * bonds
    centre = vectors[stars.centre] + (weights.centre * jnp.sum(each, axis=1)).T
    points = vectors[stars.points] - jnp.moveaxis(weights.points * each, 0, -1)
    return jnp.concatenate([vectors, centre, points.reshape(-1, 3)])[stars.source]


def _solved(matrix: Array, right: Array, exists: Array) -> Array:
    """The solutions (4, c) of systems (4, 4, c) by elimination, whose diagonals are the largest numbers."""
    rows = [[matrix[k, m] for m in range(POINTS)] for k in range(POINTS)]
    values = [right[k] for k in range(POINTS)]
    for k in range(POINTS):
        rows[k][k] = jnp.where(exists[k], rows[k][k], 1)
        pivot = 1 / rows[k][k]
        for other in range(k + 1, POINTS):
            factor = rows[other][k] * pivot
            for m in range(k + 1, POINTS):
                rows[other][m] = rows[other][m] - factor * rows[k][m]
            values[other] = values[other] - factor * values[k]
    for k in reversed(range(POINTS)):
        for m in range(k + 1, POINTS):
            values[k] = values[k] - rows[k][m] * values[m]
        values[k] = values[k] / rows[k][k]
    return jnp.stack(values)
