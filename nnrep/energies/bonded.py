"""Bonds, angles and torsions of a molecular force field: each term for itself, and all at once.

A term for itself is the definition: what is reported by term, and what Hessian blocks are made of.
All at once is what a minimisation step evaluates: energy and gradient in closed form. Torsions act on the
planes of their first and last three atoms, and many share a plane (one with each angle of the molecule), so
that per torsion only scalars are gathered back, and forces are spread per plane.

Units: nm, rad, kJ/mol.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from nnrep.energies.arrays import Numbers
from nnrep.energies.local import LocalTerm, local_energy
from nnrep.energies.pairwise import PairTerm, distance
from nnrep.energies.vectors import Vector, add, as_vector, cross, dot, scale, subtract, take

# Squared sine below which three atoms count as being in line: keeps every quotient finite in float32.
SMALLEST = 1e-12


class Bonds(NamedTuple):
    """Harmonic bonds k/2 (r - r0)^2 (paper eq 8): pairs (m, 2), length r0 (m,), stiffness k (m,)."""

    pairs: Numbers
    length: Numbers
    stiffness: Numbers


class Angles(NamedTuple):
    """Harmonic angles k/2 (theta - theta0)^2 (eq 9): triples (m, 3), angle theta0 (m,), stiffness k (m,)."""

    triples: Numbers
    angle: Numbers
    stiffness: Numbers


class Torsions(NamedTuple):
    """Torsions sum_p [c_p + a_p cos(p phi) + b_p sin(p phi)] with p = 1..P (eq 10), proper and improper.

    k (1 + cos(p phi - gamma)) is c = k, a = k cos(gamma), b = k sin(gamma).

    Attributes:
        quadruples: (m, 4) atoms i, j, k, l; phi is the signed angle between the planes ijk and jkl, zero
            when i and l are on the same side.
        constant: (m,) sum over p of c_p.
        cosine: (P, m).
        sine: (P, m).
    """

    quadruples: Numbers
    constant: Numbers
    cosine: Numbers
    sine: Numbers


class Planes(NamedTuple):
    """The planes of three atoms that bonded terms share; see `nnrep.energies.planes`.

    Attributes:
        triples: (m, 3) atoms i, j, k; the first rows are the angles'.
        angle: (m,) rest angle.
        stiffness: (m,) zero where a torsion alone has this plane.
        side_length: (2, m) rest length of the bonds ij and kj that are evaluated with this plane.
        side_stiffness: (2, m) theirs; zero where there is no such bond, or another plane has it.
        first: (t,) plane of each torsion's atoms i, j, k.
        last: (t,) plane of its atoms j, k, l.
        orientation: (t,) 1 or -1: product of the orientations in which the two planes are stored.
        slots: (2 t,) where a torsion's slope is added, once for its first atom and once for its last:
            the plane's index if that atom is stored first, plus m if it is stored third.
    """

    triples: Numbers
    angle: Numbers
    stiffness: Numbers
    side_length: Numbers
    side_stiffness: Numbers
    first: Numbers
    last: Numbers
    orientation: Numbers
    slots: Numbers


def bonded_terms(bonds: Bonds, angles: Angles, torsions: Torsions, positions: Array) -> dict[str, Array]:
    """Energies of bonds, angles and torsions at positions (n, 3), each by its definition."""
    i, j = bonds.pairs.T
    stretch = jnp.linalg.norm(positions[i] - positions[j], axis=1) - bonds.length
    return {
        "bonds": 0.5 * jnp.sum(bonds.stiffness * stretch**2),
        "angles": local_energy(angle_term(angles), positions),
        "torsions": local_energy(torsion_term(torsions), positions),
    }


def bond_terms(bonds: Bonds) -> tuple[PairTerm, ...]:
    """The bonds as pair terms of u = r^2: k/2 u - k r0 sqrt(u) + k/2 r0^2."""
    pairs, r0, k = bonds
    return (
        PairTerm(pairs, 0.5 * k, jnp.positive),
        PairTerm(pairs, -k * r0, distance),
        PairTerm(pairs, 0.5 * k * r0**2, jnp.ones_like),
    )


def angle_term(angles: Angles) -> LocalTerm:
    """The angles, each for itself."""
    return LocalTerm(angles.triples, (angles.angle, angles.stiffness), _angle_energy, _angle_gradient)


def torsion_term(torsions: Torsions) -> LocalTerm:
    """The torsions, each for itself."""
    parameters = (torsions.constant, torsions.cosine.T, torsions.sine.T)
    return LocalTerm(torsions.quadruples, parameters, _torsion_energy, _torsion_gradient)


def _angle_energy(x: Array, parameters: tuple[Array, Array]) -> Array:
    rest, stiffness = parameters
    i, j, k = map(as_vector, x)
    a, b = subtract(i, j), subtract(k, j)
    # atan2 is accurate near 0 and pi, where arccos is not.
    theta = jnp.arctan2(jnp.sqrt(_normal_squared(a, b)), dot(a, b))
    return 0.5 * stiffness * (theta - rest) ** 2


def _angle_gradient(x: Array, parameters: tuple[Array, Array]) -> Array:
    """With c = a x b: dtheta/da = a x c / (a^2 |c|), dtheta/db = c x b / (b^2 |c|)."""
    rest, stiffness = parameters
    i, j, k = map(as_vector, x)
    a, b = subtract(i, j), subtract(k, j)
    c, length = cross(a, b), jnp.sqrt(_normal_squared(a, b))
    pull = stiffness * (jnp.arctan2(length, dot(a, b)) - rest) / length
    on_i, on_k = scale(pull / dot(a, a), cross(a, c)), scale(pull / dot(b, b), cross(c, b))
    return _rows(on_i, scale(-1, add(on_i, on_k)), on_k)


def _torsion_energy(x: Array, parameters: tuple[Array, Array, Array]) -> Array:
    f, g, h = _sides_of_torsion(x)
    energy, _ = fourier(*parameters, *_cos_and_sin(f, g, h))
    return energy


def _torsion_gradient(x: Array, parameters: tuple[Array, Array, Array]) -> Array:
    _, slope = fourier(*parameters, *_cos_and_sin(*_sides_of_torsion(x)))
    return torsion_pull(x, slope)


def torsion_angle(x: Array) -> Array:
    """The torsion angle of four atoms (4, 3), from -pi to pi; 0 where three of them are in line."""
    cos, sin = _cos_and_sin(*_sides_of_torsion(x))
    # Where both are zero, the derivatives of the arc tangent are not finite.
    return jnp.arctan2(sin, jnp.where((cos == 0) & (sin == 0), 1, cos))


def torsion_pull(x: Array, slope: Array) -> Array:
    """Gradient (4, 3) of a function of the torsion angle of four atoms, from its slope dE/dphi.

    Blondel and Karplus, J. Comput. Chem. 17, 1132 (1996), eqs 25 to 27.
    """
    f, g, h = _sides_of_torsion(x)
    a, b, axis = cross(f, g), cross(h, g), jnp.sqrt(dot(g, g))
    of_a, of_b = slope / _normal_squared(f, g), slope / _normal_squared(h, g)
    on_i, on_l = scale(-axis * of_a, a), scale(axis * of_b, b)
    along = subtract(scale(dot(f, g) / axis * of_a, a), scale(dot(h, g) / axis * of_b, b))
    return _rows(on_i, subtract(along, on_i), scale(-1, add(along, on_l)), on_l)


def _sides_of_torsion(x: Array) -> tuple[Vector, Vector, Vector]:
    """f = x_i - x_j, g = x_j - x_k and h = x_l - x_k."""
    i, j, k, end = map(as_vector, x)
    return subtract(i, j), subtract(j, k), subtract(end, k)


def _cos_and_sin(f: Vector, g: Vector, h: Vector) -> tuple[Array, Array]:
    """Of the torsion angle; both are zero where three atoms are in line."""
    a, b = cross(f, g), cross(h, g)
    norm = jnp.sqrt(_normal_squared(f, g) * _normal_squared(h, g))
    return dot(a, b) / norm, dot(cross(b, a), g) / (norm * jnp.sqrt(dot(g, g)))


def _normal_squared(a: Vector, b: Vector) -> Array:
    """Square of the normal of a and b; constant where they are in line, so that derivatives are finite."""
    normal = cross(a, b)
    return jnp.maximum(dot(normal, normal), SMALLEST * dot(a, a) * dot(b, b))


def _rows(*vectors: Vector) -> Array:
    return jnp.stack([jnp.stack(vector) for vector in vectors])


def fourier(constant: Array, cosine: Array, sine: Array, cos: Array, sin: Array) -> tuple[Array, Array]:
    """Energies (m,) of torsions and their slopes dE/dphi (m,), from cos and sin of phi alone.

    cos(p phi) and sin(p phi) follow from those of (p - 1) phi: no angle is ever taken, so that nothing
    jumps at pi.

    Args:
        constant: (m,) or a scalar.
        cosine: (P, m).
        sine: (P, m).
        cos: (m,) of phi.
        sin: (m,) of phi.
    """
    energy, slope = constant, jnp.zeros_like(cos)
    cos_p, sin_p = cos, sin
    for p in range(len(cosine)):
        energy += cosine[p] * cos_p + sine[p] * sin_p
        slope += (p + 1) * (sine[p] * cos_p - cosine[p] * sin_p)
        cos_p, sin_p = cos_p * cos - sin_p * sin, sin_p * cos + cos_p * sin
    return energy, slope


def bonded_energy_and_gradient(planes: Planes, torsions: Torsions, coordinates: Array) -> tuple[Array, Array]:
    """Energy, and its gradient (3, n), of all bonded terms at coordinates (3, n).

    Gradients of a torsion after Blondel and Karplus, J. Comput. Chem. 17, 1132 (1996), written by plane:
    with f = x_i - x_j, g = x_j - x_k and the normal A = f x g, dphi/dx_i = -|g| A / A^2, and the pull on the
    axis atoms is (f.g) A / (A^2 |g|).
    """
    i, j, k = planes.triples.T
    centre = take(coordinates, j)
    a, b = subtract(take(coordinates, i), centre), subtract(take(coordinates, k), centre)
    aa, bb, ab = dot(a, a), dot(b, b), dot(a, b)
    c = cross(a, b)
    cc = jnp.maximum(dot(c, c), SMALLEST * aa * bb)
    length = jnp.sqrt(cc)
    bend = jnp.arctan2(length, ab) - planes.angle
    angle_energy = 0.5 * jnp.dot(planes.stiffness, bend**2)
    pull = planes.stiffness * bend / length
    torsion_energy, slope = _torsions(planes, torsions, scale(1 / length, c), coordinates)
    count = len(planes.angle)
    slopes = jnp.zeros(2 * count, coordinates.dtype).at[planes.slots].add(jnp.concatenate([slope, slope]))
    about_b, about_a = slopes[:count] / cc, slopes[count:] / cc  # the axis is the side b, or a
    length_a, length_b = distance(aa), distance(bb)
    stretch_a, stretch_b = length_a - planes.side_length[0], length_b - planes.side_length[1]
    tension_a, tension_b = planes.side_stiffness[0] * stretch_a, planes.side_stiffness[1] * stretch_b
    bond_energy = 0.5 * (jnp.dot(tension_a, stretch_a) + jnp.dot(tension_b, stretch_b))
    bend_i, bend_k = scale(pull / aa, cross(a, c)), scale(pull / bb, cross(c, b))
    twist_i = about_b * length_b + about_a * ab / length_a
    twist_k = -about_a * length_a - about_b * ab / length_b
    on_i = add(scale(tension_a / length_a, a), bend_i, scale(twist_i, c))
    on_k = add(scale(tension_b / length_b, b), bend_k, scale(twist_k, c))
    on_j = scale(-1, add(on_i, on_k))
    rows = jnp.concatenate([i, j, k])
    pieces = (on_i, on_j, on_k)
    # One component at a time: the serial scatter is faster on scalars than on rows.
    gradient = [_sum_at(rows, jnp.concatenate(parts), coordinates) for parts in zip(*pieces, strict=True)]
    return bond_energy + angle_energy + torsion_energy, jnp.stack(gradient)


def _sum_at(rows: Array, values: Array, coordinates: Array) -> Array:
    return jnp.zeros(coordinates.shape[1], coordinates.dtype).at[rows].add(values)


def _torsions(planes: Planes, torsions: Torsions, normals: Vector, coordinates: Array) -> tuple[Array, Array]:
    """Energy of the torsions, and the slope dE/dphi (t,) of each, from the planes' unit normals (m,)."""
    first, last = take(normals, planes.first), take(normals, planes.last)
    _, j, k, _ = torsions.quadruples.T
    axis = subtract(take(coordinates, j), take(coordinates, k))
    cos = planes.orientation * dot(first, last)
    sin = planes.orientation * dot(cross(last, first), axis) * jax.lax.rsqrt(dot(axis, axis))
    energies, slope = fourier(jnp.zeros_like(cos), torsions.cosine, torsions.sine, cos, sin)
    constant = jnp.sum(torsions.constant)
    # A product with ones is summed in vectors, jnp.sum of a fused operand one by one.
    return constant + jnp.dot(energies, jnp.ones_like(energies)), slope
