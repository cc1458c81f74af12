"""Effective Born radii of atoms in a solvent without molecules of its own, and how they follow the positions.

An atom of radius rho, rho' without an offset, has the Born radius B with

    1 / B = 1 / rho' - tanh(alpha psi - beta psi^2 + gamma psi^3) / rho,   psi = rho' I,

I being the sum over all other atoms of how far each keeps the solvent away: H(r; rho'_i, s_j) of its sphere
of radius s_j (Hawkins, Cramer, Truhlar, Chem. Phys. Lett. 246, 122, 1995), and in GBn2 that of the neck
between the two (Mongan et al., J. Chem. Theory Comput. 3, 156, 2007), m / (1 + 100 x^2 + 3e5 x^6) with
x = r - d. OBC has one alpha, beta, gamma for all atoms (Onufriev, Bashford, Case, Proteins 55, 383, 2004),
GBn2 one set an element (Nguyen, Roe, Simmerling, J. Chem. Theory Comput. 9, 2020, 2013).

As in OpenMM's CustomGBForce of these models, s may be negative (GBn2's sulphur), and an atom within the
sphere of another has no correction. OpenMM's GBSAOBCForce adds 1 / rho'_i - 1 / (s_j - r) to H there.

Units: nm.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.all_pairs import Rows, in_row_blocks, row_sum, squared_distances
from nnrep.energies.arrays import Numbers
from nnrep.energies.padding import padded_size, repeated, with_zeros

NECK_REACH = 0.68  # nm between the surfaces of two atoms, up to which there is a neck
NOWHERE = -1e3  # the radius of a sphere that keeps the solvent away from nothing
# Below a thousandth of an Angstrom distances are no longer told apart: quotients stay finite, and differences
# of nearly equal numbers small.
SMALLEST_SQUARE = 1e-8
FAR = 1e6  # the squared distance of an atom from itself, with which it has no part in its own sum


class NeckTable(NamedTuple):
    """The necks of all pairs: depth m (n, n) with its scale, and the distance d (n, n) of the deepest one."""

    depth: Numbers
    distance: Numbers


class NeckKinds(NamedTuple):
    """The same of large molecules: by the kinds (n,) of both atoms, m and d (k, k)."""

    depth: Numbers
    distance: Numbers
    kind: Numbers


class Spheres(NamedTuple):
    """What the Born radii of atoms follow from.

    Attributes:
        radius: (n,) rho.
        inner: (n,) rho'.
        reach: (n,) s.
        alpha, beta, gamma: (n,).
        neck: the necks; None for a model without.
        within: 1 for the correction of atoms within the spheres of others; None without.
    """

    radius: Numbers
    inner: Numbers
    reach: Numbers
    alpha: Numbers
    beta: Numbers
    gamma: Numbers
    neck: NeckTable | NeckKinds | None
    within: Numbers | None = None


class _Pairs(NamedTuple):
    """Of atoms `rows` (r, 1) and all atoms (n,): what H and the neck are made of."""

    inner: Array
    reach: Array
    within: Numbers | None
    neck: tuple[Array, Array, Array] | None  # m (r, n), d (r, n), and where the neck ends (r, n)


def padded_spheres(spheres: Spheres, n: int) -> Spheres:
    """The spheres of n particles after padding, see `nnrep.energies.padding`; NumPy arrays."""
    radius, inner, reach, alpha, beta, gamma, neck, within = spheres
    return Spheres(
        radius=repeated(radius, n),
        inner=repeated(inner, n),
        reach=np.concatenate([reach, np.full(n - len(reach), NOWHERE)]),
        alpha=repeated(alpha, n),
        beta=repeated(beta, n),
        gamma=repeated(gamma, n),
        neck=_padded_neck(neck, n),
        within=within,
    )


def _padded_neck(neck: NeckTable | NeckKinds | None, n: int) -> NeckTable | NeckKinds | None:
    if neck is None:
        return None
    if isinstance(neck, NeckTable):
        return NeckTable(with_zeros(neck.depth, n, n), with_zeros(neck.distance, n, n))
    kinds = padded_size(len(neck.depth) + 1)  # the last one has no necks
    own = np.concatenate([neck.kind, np.full(n - len(neck.kind), kinds - 1)])
    return NeckKinds(with_zeros(neck.depth, kinds, kinds), with_zeros(neck.distance, kinds, kinds), own)


def born_sums(spheres: Spheres, coordinates: Array) -> Array:
    """I (n,) at coordinates (3, n)."""

    def of_rows(rows: Rows) -> tuple[Array]:
        return (row_sum(_shares(_pairs(spheres, rows), apart(coordinates, rows))),)

    return in_row_blocks(of_rows, coordinates.shape[1])[0]


def born_radii(spheres: Spheres, sums: Array) -> tuple[Array, Array]:
    """B (n,) of I (n,), and dB/dI (n,)."""
    radius, inner, _, alpha, beta, gamma, *_ = spheres
    psi = inner * sums
    bent = jnp.tanh(psi * (alpha - psi * (beta - psi * gamma)))
    born = 1 / (1 / inner - bent / radius)
    slope = (1 - bent * bent) * (alpha - psi * (2 * beta - 3 * psi * gamma))
    return born, born * born * slope * inner / radius


def share_slopes(spheres: Spheres, rows: Rows, squared: Array) -> Array:
    """(dI_ij/dr) / r (r, n) of what atoms j add to the sums of atoms `rows`, at squared distances (r, n)."""
    pairs = _pairs(spheres, rows)
    inverse_r, r, near, far, inverse = _limits(pairs, squared)
    ratio = pairs.reach * inverse_r
    slope = -0.125 * (1 + ratio * ratio) * ((far - near) * inverse) * ((far + near) * inverse)
    slope -= 0.25 * jnp.log(near * near * inverse) * inverse_r * inverse_r
    if pairs.within is None:
        # Within the sphere L falls with r, and the derivatives by L do not cancel as they do outside.
        slope += jnp.where(pairs.reach - r > pairs.inner, (far * inverse) ** 2, 0)
    slope = jnp.where(r + pairs.reach > pairs.inner, slope, 0)
    if pairs.neck is not None:
        depth, distance, end = pairs.neck
        x = r - distance
        bent, square = _neck_curve(x)
        slope -= jnp.where(r < end, depth * x * (200 + 1.8e6 * square * square) / (bent * bent), 0)
    return slope * inverse_r


def _shares(pairs: _Pairs, squared: Array) -> Array:
    """I_ij (r, n) at squared distances (r, n)."""
    inverse_r, r, near, far, inverse = _limits(pairs, squared)
    lens = r - pairs.reach * pairs.reach * inverse_r
    sphere = (far - near) * inverse * (0.5 - 0.125 * lens * (far + near) * inverse)
    sphere += 0.25 * inverse_r * jnp.log(near * near * inverse)
    if pairs.within is not None:
        sphere += pairs.within * jnp.where(pairs.reach - r > pairs.inner, 1 / pairs.inner - 1 / near, 0)
    sphere = jnp.where(r + pairs.reach > pairs.inner, sphere, 0)
    if pairs.neck is None:
        return sphere
    depth, distance, end = pairs.neck
    return sphere + jnp.where(r < end, depth / _neck_curve(r - distance)[0], 0)


def _limits(pairs: _Pairs, squared: Array) -> tuple[Array, Array, Array, Array, Array]:
    """1/r, r, the distances L and U between which a sphere keeps the solvent away, and 1 / (L U).

    Both are finite also where the sphere does not count.
    """
    inverse_r = jax.lax.rsqrt(jnp.maximum(squared, SMALLEST_SQUARE))
    r = squared * inverse_r
    near = jnp.maximum(pairs.inner, abs(r - pairs.reach))
    far = jnp.maximum(pairs.inner, r + pairs.reach)
    return inverse_r, r, near, far, 1 / (near * far)


def _neck_curve(x: Array) -> tuple[Array, Array]:
    """1 + 100 x^2 + 3e5 x^6, and x^2."""
    square = x * x
    return 1 + square * (100 + 3e5 * square * square), square


def _pairs(spheres: Spheres, rows: Rows) -> _Pairs:
    neck: tuple[Array, Array, Array] | None = None
    if spheres.neck is not None:
        end = spheres.radius[rows][:, None] + spheres.radius + NECK_REACH
        neck = (*_neck_of(spheres.neck, rows), end)
    return _Pairs(spheres.inner[rows][:, None], spheres.reach, spheres.within, neck)


def _neck_of(neck: NeckTable | NeckKinds, rows: Rows) -> tuple[Array, Array]:
    if isinstance(neck, NeckTable):
        return neck.depth[rows], neck.distance[rows]
    own = neck.kind[rows]
    return neck.depth[own][:, neck.kind], neck.distance[own][:, neck.kind]


def apart(coordinates: Array, rows: Rows) -> Array:
    """Squared distances (r, n) of atoms `rows` from all, at coordinates (3, n); far from themselves."""
    n = coordinates.shape[1]
    own = jnp.arange(n)[rows] if isinstance(rows, slice) else rows
    squared = squared_distances(coordinates[:, rows], coordinates)
    return jnp.where(own[:, None] != jnp.arange(n), squared, FAR)
