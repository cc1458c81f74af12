"""`reparam=torsion`: positions as a function of torsion angles; bonds, angles and rings stay as they start.

Rigid bodies form a tree (see `bodies`). Each turns about the bond to its parent, by quaternions that are
composed along the tree by pointer doubling: after k rounds a body has the product of its last 2^k joints, so
that log2(depth) rounds are enough. A slope dE/dphi is the torque about the bond on all that turns with it,
which in the tree's order is a range of particles (Abe, Braun, Noguti, Go, Comput. Chem. 8, 239, 1984).
"""

from enum import Enum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.choices.settings import settings
from nnrep.energies.arrays import Numbers, on_device
from nnrep.energies.padding import padded_size, padded_terms, repeated, with_zeros
from nnrep.energies.vectors import add, as_vector, cross, dot, scale, subtract
from nnrep.errors import chosen, require, require_kind
from nnrep.modes.here import ModesHere
from nnrep.modes.settings import ModesConfig
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Anchored, Reparametrization
from nnrep.reparam.bodies import Bodies, bodies_of
from nnrep.reparam.settings import MapConfig
from nnrep.systems.system import System

# Bodies, and joints on the longest way to body 0, for each particle of a protein: as a rule the most.
BODIES, DEPTH = 0.41, 0.1
BLOCK = 32  # particles whose sums are taken by one product


class Omega(Enum):
    """Whether peptide bonds are turned."""

    free = "free"
    held = "held"


class Tree(NamedTuple):
    """A tree of bodies as the map uses it: b bodies, p pieces beside the largest, n particles.

    Attributes:
        ancestors: (levels, b) the body 2^k joints nearer to body 0, k = 0, 1, ...
        bond_ends: (2, b) see `Bodies`.
        axes: (3, b) of space; zero where a body turns about a bond.
        moves: (b + 3 p,) 1 for each number that moves something, 0 for others.
        shift: (b,) 1 + piece of the first body of each piece beside the largest; 0 of other bodies.
        roots: (p,) these bodies.
        body: (n,) of each particle.
        order: (BLOCK, blocks) the particles in the order of their bodies, down the columns.
        ranges: (2, b) of the particles that turn with a body: the places in `order`, row by row, of the first
            one and of the first one after the last.
    """

    ancestors: Numbers
    bond_ends: Numbers
    axes: Numbers
    moves: Numbers
    shift: Numbers
    roots: Numbers
    body: Numbers
    order: Numbers
    ranges: Numbers


class Start(NamedTuple):
    """Where a stage begins.

    Attributes:
        positions: (3, n).
        local: (3, n) the same, seen from the anchor of each particle's body.
        anchors: (3, b) a point of each body's axis.
        offsets: (3, b) the same, seen from the anchor of the parent.
        axes: (3, b) unit vectors.
    """

    positions: Array
    local: Array
    anchors: Array
    offsets: Array
    axes: Array


def torsion_at_start(system: System, omega: Omega | str = Omega.free) -> Reparametrization:
    """X(Z) with Z (b + 3 p,): the angle in rad by which each body turns, and how far each piece is shifted.

    Starts at Z = 0, which is exactly where the stage begins. Bonds, angles and rings are those of that place;
    rings of more than eight particles, as of disulphides, are opened at one bond, which the energy has to
    hold. The largest piece, of which no bond leads to others, stays in its place; the others turn and shift
    as they are. What would move a frozen particle is not turned or shifted. Padded, bodies and pieces have
    angles that turn nothing.

    Args:
        system: in three dimensions; its `bonds`, or else its `edges`, are what is held.
        omega: "held" turns no peptide bonds, which the system's molecule names.

    Raises:
        ConfigError: naming the argument: not in three dimensions, nothing that can be turned, or no molecule.
    """
    require_kind(system, System, "system", "a nnrep.System")
    omega = chosen(Omega, omega, "omega")
    dim = system.positions.shape[1]
    require(dim == 3, "system", "one in 3 dimensions, in which bonds can be turned", f"{dim} dimensions")
    pairs = system.edges if system.bonds is None else system.bonds.pairs
    held = peptide_bonds(system) if omega is Omega.held else ()
    bodies = bodies_of(pairs, system.n, held, system.frozen)
    allowed = "one with a bond that can be turned: in no ring, with more than one particle on either side"
    require(len(bodies.parent) > 1, "system", allowed, f"{len(pairs)} bonds of {system.n} particles")
    movable = bodies.turns[1:].any() or bodies.shifts.any()
    require(bool(movable), "system", "one with a bond that turns no frozen particle", "none")
    tree = on_device(_tree(bodies, len(system.positions), padded=system.dummies > 0))
    return Reparametrization(Partial(_start_at, tree), Partial(_decode, tree))


def peptide_bonds(system: System) -> list[tuple[int, int]]:
    """The bonds between an atom C and an atom N of two residues.

    Raises:
        ConfigError: the system has no molecule.
    """
    require(system.molecule is not None, "omega", "free, as the system has no molecule", Omega.held.value)
    assert system.molecule is not None
    return [
        (one.index, other.index)
        for one, other in system.molecule.topology.bonds()
        if {one.name, other.name} == {"C", "N"} and one.residue is not other.residue
    ]


def _tree(bodies: Bodies, size: int, padded: bool) -> Tree:
    """The tree of some bodies, with dummies up to a size; in NumPy."""
    b, p = len(bodies.parent), len(bodies.roots)
    levels = _rounds(bodies.depth)
    wide, pieces = b, p
    if padded:
        wide, pieces = padded_terms(b, BODIES, size), p and padded_size(p)
        levels = max(levels, _rounds(DEPTH * size + 2))
    parent = with_zeros(bodies.parent, wide)
    ancestors = np.zeros((levels, wide), int)
    for level in range(levels):
        ancestors[level] = parent if level == 0 else ancestors[level - 1][ancestors[level - 1]]
    bond_ends = repeated(bodies.bond_ends, wide).T
    axes = np.zeros((3, wide))
    axes[0, bond_ends[0] == bond_ends[1]] = 1
    for turn in (1, 2):
        axes[:, bodies.roots + turn] = np.eye(3)[:, [turn]]
    moves = np.zeros(wide + 3 * pieces)
    moves[1:b] = bodies.turns[1:]
    moves[wide : wide + 3 * p] = np.repeat(bodies.shifts, 3)
    shift = np.zeros(wide, int)
    shift[bodies.roots] = 1 + np.arange(p)
    body = with_zeros(bodies.body, size)
    return Tree(
        ancestors=ancestors,
        bond_ends=bond_ends,
        axes=axes,
        moves=moves,
        shift=shift,
        roots=with_zeros(bodies.roots, pieces),
        body=body,
        **_ranges(body, with_zeros(bodies.last, wide), b),
    )


def _rounds(joints: float) -> int:
    """Rounds of pointer doubling for so many joints in a row; one at least, which names the parents."""
    return int(np.ceil(np.log2(max(joints, 2))))


def _ranges(body: np.ndarray, last: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """`order` and `ranges` of a `Tree`; bodies from the count on have nothing."""
    n, places = len(body), np.arange(len(last))
    order = np.argsort(body, kind="stable")
    begins = np.searchsorted(body[order], np.arange(count + 1))
    real = places < count
    first, after = (begins[np.where(real, each, 0)] for each in (places, last + 1))
    blocks = n // BLOCK + 1  # one place at least is left over, so that a range may end with the last particle
    columns = np.pad(order, (0, blocks * BLOCK - n)).reshape(blocks, BLOCK)
    ranges = np.stack([first, np.where(real, after, first)])
    return {"order": columns.T, "ranges": ranges % BLOCK * blocks + ranges // BLOCK}


def _start_at(tree: Tree, key: Array, positions: Array) -> Anchored:
    x = positions.T
    inner, outer = x[:, tree.bond_ends[0]], x[:, tree.bond_ends[1]]
    along = outer - inner + tree.axes
    length = jnp.sqrt(jnp.sum(along**2, axis=0))
    joined = length > 0  # else the particles of a bond are in one place
    unit = jnp.eye(3, dtype=x.dtype)[:, :1]
    axes = jnp.where(joined, along / jnp.where(joined, length, 1), unit)
    start = Start(x, x - outer[:, tree.body], outer, outer - outer[:, tree.ancestors[0]], axes)
    return Anchored(jnp.zeros(tree.moves.shape, x.dtype), held=start)


def _decode(tree: Tree, params: Anchored) -> Array:
    return _positions(tree, jax.lax.stop_gradient(params.held), params.moved)


@jax.custom_vjp
def _positions(tree: Tree, start: Start, latent: Array) -> Array:
    """Positions (n, 3); differentiable by reverse mode with respect to the latent (b + 3 p,) alone."""
    return _placed(tree, start, latent)[0]


def _placed(tree: Tree, start: Start, latent: Array) -> tuple[Array, tuple]:
    """Positions (n, 3), and what their derivatives are made of: rotations (4, b) and moved anchors (3, b)."""
    count = tree.bond_ends.shape[1]
    half = 0.5 * (tree.moves * latent)[:count]
    turns = _kept(jnp.stack([jnp.cos(half), *scale(jnp.sin(half), as_vector(start.axes))]))
    for nearer in tree.ancestors:
        turns = _kept(_composed(turns[:, nearer], turns))
    moved = _displaced(turns[:, tree.ancestors[0]], start.offsets)
    if len(tree.roots):
        shifts = (tree.moves * latent)[count:].reshape(-1, 3).T
        moved = moved + jnp.pad(shifts, ((0, 0), (1, 0)))[:, tree.shift]
    moved = _kept(moved)
    for nearer in tree.ancestors:
        moved = _kept(moved + moved[:, nearer])
    positions = start.positions + _displaced(turns[:, tree.body], start.local) + moved[:, tree.body]
    return _kept(positions.T), (turns, start.anchors + moved)


def _forward(tree: Tree, start: Start, latent: Array) -> tuple[Array, tuple]:
    positions, (turns, anchors) = _placed(tree, start, latent)
    return positions, (tree, start.axes, positions, turns, anchors)


def _backward(kept: tuple, slope: Array) -> tuple[None, None, Array]:
    """The slopes dE/dz (b + 3 p,) from those of positions (n, 3)."""
    tree, axes, positions, turns, anchors = kept
    force, place = slope.T[:, tree.order], positions.T[:, tree.order]
    torque = jnp.stack(cross(as_vector(place), as_vector(force)))
    sums = _sums_before(jnp.concatenate([force, torque])).reshape(6, -1)
    first, after = tree.ranges
    whole = sums[:, after] - sums[:, first]
    axes = axes + _displaced(turns, axes)
    about = subtract(as_vector(whole[3:]), cross(as_vector(anchors), as_vector(whole[:3])))
    slopes = dot(as_vector(axes), about)
    if len(tree.roots):
        slopes = jnp.concatenate([slopes, whole[:3, tree.roots].T.ravel()])
    return None, None, tree.moves * slopes


_positions.defvjp(_forward, _backward)


def _sums_before(values: Array) -> Array:
    """Of values (6, BLOCK, blocks), in the order down the columns, the sums of all before each."""
    _, block, blocks = values.shape
    inside = jnp.einsum("jk,ckb->cjb", _strictly_lower(block, values), values, precision=_EXACT)
    before = jnp.einsum("ab,cb->ca", _strictly_lower(blocks, values), values.sum(axis=1), precision=_EXACT)
    return inside + before[:, None, :]


_EXACT = jax.lax.Precision.HIGHEST


def _strictly_lower(size: int, like: Array) -> Array:
    return jnp.asarray(np.tri(size, k=-1), like.dtype)


def _composed(after: Array, before: Array) -> Array:
    """The quaternions (4, b) of rotations of which the one before is made first."""
    a, b, u, v = after[0], before[0], as_vector(after[1:]), as_vector(before[1:])
    return jnp.stack([a * b - dot(u, v), *add(scale(a, v), scale(b, u), cross(u, v))])


def _displaced(turns: Array, vectors: Array) -> Array:
    """By how much quaternions (4, m) move vectors (3, m): exactly zero where nothing is turned."""
    axis = as_vector(turns[1:])
    once = cross(axis, as_vector(vectors))
    return jnp.stack(scale(2, add(scale(turns[0], once), cross(axis, once))))


def _kept(values: Array) -> Array:
    """Values that are computed once. XLA would fuse a round into both of its readers, and so on: 2^rounds."""
    return jax.lax.optimization_barrier(values)


@settings("reparam/torsion")
class TorsionConfig(MapConfig):
    """`reparam=torsion`: see `torsion_at_start`.

    Attributes:
        omega: whether peptide bonds are turned.
    """

    omega: Omega

    color = "#772CEE"
    needs_bonds = True

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """Of the system's bonds, where the stage begins."""
        return torsion_at_start(system, self.omega)


CHOICE = TorsionConfig
