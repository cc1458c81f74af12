"""The energy of a molecule in a generalised Born solvent: GBn2 and OBC2, as OpenMM's CustomGBForce has them.

    E = -1/2 sum_ij q_i q_j tau(f_ij) / f_ij + sum_i a_i / B_i^6,
    f_ij^2 = r^2 + B_i B_j exp(-r^2 / 4 B_i B_j),   tau(f) = 1 / eps_solute - exp(-kappa f) / eps_solvent,

over all ordered pairs and each atom with itself (Still et al., J. Am. Chem. Soc. 112, 6127, 1990). The Born
radii B are those of `born_radii`; the last sum, ACE's, is that of the surface (Schaefer, Bartels, Karplus,
J. Mol. Biol. 284, 835, 1998).

Energy and gradient take three passes over all pairs: sums for the Born radii; pairs, with their derivatives
by the radii; and what the radii change as atoms move. Each pass is fused to sums of its rows, so that no
matrix of all pairs is kept.

Units: nm, kJ/mol, charges in units where Coulomb's constant is 1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.all_pairs import (
    Rows,
    gradient_of,
    in_row_blocks,
    row_and_column_sums,
    squared_distances,
    with_ones,
)
from nnrep.energies.arrays import Numbers
from nnrep.energies.born_radii import (
    Spheres,
    apart,
    born_radii,
    born_sums,
    padded_spheres,
    share_slopes,
)
from nnrep.energies.energy import AllPairs, changes_slowly
from nnrep.energies.local import LocalTerm
from nnrep.energies.padding import with_zeros
from nnrep.energies.pairwise import PairTerm
from nnrep.energies.vectors import components

TERMS = ("solvent",)


class Dielectric(NamedTuple):
    """What tau follows from.

    Attributes:
        solute, solvent: 1 / eps of each.
        kappa: of the salt, in 1/nm; None without any, which spares an exponential for each pair.
    """

    solute: Numbers
    solvent: Numbers
    kappa: Numbers | None


class BornParameters(NamedTuple):
    """A molecule's parameters, a pytree of arrays: molecules of one shape share a compilation.

    Attributes:
        charge: (n,).
        surface: (n,) a in kJ/mol nm^6; zero without the term of the surface.
        dielectric: of solute and solvent.
        spheres: what the Born radii follow from.
    """

    charge: Numbers
    surface: Numbers
    dielectric: Dielectric
    spheres: Spheres


@changes_slowly
def born_energy_and_gradient(parameters: BornParameters, positions: Array) -> tuple[Array, Array]:
    """Energy in kJ/mol and gradient (n, 3) in kJ/mol/nm at positions (n, 3) in nm."""
    charge, surface, dielectric, spheres = parameters
    coordinates = components(positions)
    n = coordinates.shape[1]
    born, growth = born_radii(spheres, born_sums(spheres, coordinates))
    # The barriers part the passes. Two of them read the same pairs, which XLA would else keep for both; where
    # the energy is not asked for, its own is left out.
    coordinates, born, growth = jax.lax.optimization_barrier((coordinates, born, growth))
    separate = jax.lax.optimization_barrier((coordinates, born))

    def energies(rows: Rows) -> tuple[Array]:
        pairs = _pairs(separate[1], rows, squared_distances(separate[0][:, rows], separate[0]))
        return ((_screening(dielectric, pairs)[0] * pairs.inverse) @ charge,)

    def slopes_by_radius(rows: Rows) -> tuple[Array]:
        pairs = _pairs(born, rows, squared_distances(coordinates[:, rows], coordinates))
        slopes = _screening(dielectric, pairs)[1] * pairs.inverse**3 * pairs.near * (1 + pairs.stretch)
        return (slopes @ (charge * born),)

    of_surface = surface * born**-6
    energy = jnp.sum(of_surface) - 0.5 * jnp.dot(charge, in_row_blocks(energies, n)[0])
    by_radius = 0.5 * charge * in_row_blocks(slopes_by_radius, n)[0] - 6 * of_surface / born
    coordinates, born, by_sum = jax.lax.optimization_barrier((coordinates, born, by_radius * growth))

    def pulls(rows: Rows) -> Array:
        """-(dE/dr) / r (r, n), half of that of the pairs themselves as each has two of them."""
        squared = apart(coordinates, rows)
        pairs = _pairs(born, rows, squared)
        direct = _screening(dielectric, pairs)[1] * pairs.inverse**3 * (0.5 - 0.125 * pairs.near)
        own = charge[rows][:, None] * charge * direct
        return -own - by_sum[rows][:, None] * share_slopes(spheres, rows, squared)

    sums = row_and_column_sums(pulls, with_ones(coordinates))
    return energy, gradient_of(coordinates, sums).T


def born_terms(parameters: BornParameters, positions: Array) -> dict[str, Array]:
    """The energy in kJ/mol by its name (`TERMS`) at positions (n, 3) in nm."""
    return {"solvent": born_energy_and_gradient(parameters, positions)[0]}


class _Pairs(NamedTuple):
    """Of pairs (r, n): r^2 / (4 B_i B_j), the exponential of its negative, f^2 and 1/f."""

    stretch: Array
    near: Array
    square: Array
    inverse: Array


def _pairs(born: Array, rows: Rows, squared: Array) -> _Pairs:
    stretch = squared * ((0.25 / born[rows])[:, None] * (1 / born))
    near = jnp.exp(-stretch)
    square = squared + born[rows][:, None] * born * near
    return _Pairs(stretch, near, square, jax.lax.rsqrt(square))


def _screening(dielectric: Dielectric, pairs: _Pairs) -> tuple[Array, Array]:
    """tau, and tau - f dtau/df, which is -f^2 times the derivative of tau / f."""
    solute, solvent, kappa = dielectric
    if kappa is None:
        return solute - solvent, solute - solvent
    far = kappa * pairs.square * pairs.inverse
    salt = solvent * jnp.exp(-far)
    return solute - salt, solute - salt * (1 + far)


def padded(parameters: BornParameters, n: int) -> BornParameters:
    """The parameters of n particles, see `nnrep.energies.padding`; NumPy arrays."""
    return parameters._replace(
        charge=with_zeros(parameters.charge, n),
        surface=with_zeros(parameters.surface, n),
        spheres=padded_spheres(parameters.spheres, n),
    )


# What Hessian blocks are made of: the pairs at fixed Born radii, those of the positions at which the Hessian
# is taken. The surface, and what moves an atom's radius, is left out.


class FixedRadii(NamedTuple):
    """Parameters of the pairs alone: charges (n,), `Dielectric`, Born radii (n,)."""

    charge: Array
    dielectric: Dielectric
    born: Array


def fixed_radii(parameters: BornParameters, positions: Array) -> FixedRadii:
    """The pairs with the radii of these positions (n, 3)."""
    sums = born_sums(parameters.spheres, components(positions))
    return FixedRadii(parameters.charge, parameters.dielectric, born_radii(parameters.spheres, sums)[0])


def pair_row_energies(fixed: FixedRadii, rows: Array, squared: Array) -> Array:
    """Energies (r, n) of the pairs of atoms `rows` (r,) with all, at squared distances (r, n) in nm^2."""
    pairs = _pairs(fixed.born, rows, squared)
    screened = _screening(fixed.dielectric, pairs)[0] * pairs.inverse
    return -fixed.charge[rows][:, None] * fixed.charge * screened


def coupling_terms(parameters: BornParameters) -> tuple[PairTerm, ...]:
    """All pairs as a term of u = r^2 whose numbers follow from the radii at the positions; O(n^2) of them."""
    pairs = np.stack(np.triu_indices(len(parameters.charge), 1), axis=1)
    return (PairTerm(pairs, 0.0, _nothing, at=Partial(_coupling_at, parameters, pairs)),)


def _nothing(squared: Array) -> Array:
    """In the place of a potential that is known with the positions."""
    return jnp.zeros_like(squared)


def _coupling_at(parameters: BornParameters, pairs: np.ndarray, positions: Array) -> PairTerm:
    fixed = fixed_radii(parameters, positions)
    i, j = pairs.T
    lengths = jnp.sqrt(fixed.born[i] * fixed.born[j])
    weight = -fixed.charge[i] * fixed.charge[j] / lengths
    return PairTerm(pairs, weight, Partial(_screened, fixed.dielectric, lengths), lengths**-2)


def _screened(dielectric: Dielectric, lengths: Array, squared: Array) -> Array:
    """tau(f) / h of pairs (m,), h = f / sqrt(B_i B_j) being that of squared distances in units of B_i B_j."""
    stretch = 0.25 * squared
    square = squared + jnp.exp(-stretch)
    inverse = jax.lax.rsqrt(square)
    solute, solvent, kappa = dielectric
    salt = solvent if kappa is None else solvent * jnp.exp(-kappa * lengths * square * inverse)
    return (solute - salt) * inverse


def local_terms(parameters: BornParameters) -> tuple[LocalTerm, ...]:
    """None: all is in the pairs."""
    return ()


def no_others(parameters: BornParameters) -> tuple[PairTerm, ...]:
    """The energy's terms of two atoms without its pairs: none."""
    return ()


ALL_PAIRS = AllPairs(pair_row_energies, no_others, at=fixed_radii)
