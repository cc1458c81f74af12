"""Energies of the synthetic coil: bonds (i, i+1), loops (i, i+L), and a weak repulsion.

Every term is a mean over the pairs that it couples. The couplings join constant distances along the
chain, so they are taken by slices; repulsion joins all pairs, which are taken as circular shifts
(i, i+s mod n): exact energies run over every shift, sampled ones over ln n of them, of a random order.
Fast ones sum all pairs by a tree. Dimensionless.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.fast_sum import fast_sum_and_gradient
from nnrep.energies.pairwise import (
    PairTerm,
    capped_lennard_jones,
    capped_lennard_jones_minimum,
    distance,
    harmonic,
    soft_coulomb,
)
from nnrep.energies.with_gradient import energy_with


class Potential(Enum):
    """What couples the particles of a loop."""

    bond_lj = "bond_lj"
    pure_lj = "pure_lj"


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LoopParameters:
    """Constants of the loop energy; the numbers are traced, the shape of the energy is static.

    Attributes:
        loop_strength: factor of the (i, i+L) interaction.
        lj_cap: e of the capped Lennard-Jones potential.
        repulsion_strength: factor of the mean of 1 / (r + repulsion_cap).
        repulsion_cap: e of the repulsion.
        potential: harmonic bonds with Lennard-Jones loops, or Lennard-Jones for both.
        loop_length: L.
    """

    loop_strength: float | Array = 0.1
    lj_cap: float | Array = 0.01
    repulsion_strength: float | Array = 2.5e-3
    repulsion_cap: float | Array = 0.01
    potential: Potential = field(default=Potential.pure_lj, metadata={"static": True})
    loop_length: int = field(default=10, metadata={"static": True})


def loop_energy(parameters: LoopParameters, positions: Array) -> Array:
    """Exact energy of positions (n, d), repulsion over all pairs in O(n) memory: a scalar."""
    return coupled_energy(parameters, positions) + exact_repulsion(parameters, positions)


def fast_loop_energy(parameters: LoopParameters, positions: Array) -> Array:
    """The same to 1e-6 of the repulsion, in O(n log n): a scalar."""
    return coupled_energy(parameters, positions) + fast_repulsion(parameters, positions)


def fast_loop_energy_sample(parameters: LoopParameters, positions: Array, key: Array) -> Array:
    """The same, whatever the key."""
    return fast_loop_energy(parameters, positions)


def loop_energy_by_shifts(parameters: LoopParameters, order: Array, positions: Array, key: Array) -> Array:
    """Energy of positions (n, d) with the repulsion over random shifts of an order (n,): a scalar.

    Its expectation over keys is `loop_energy`.
    """
    return coupled_energy(parameters, positions) + shifted_repulsion(parameters, order, positions, key)


def loop_energy_by_pairs(parameters: LoopParameters, positions: Array, key: Array) -> Array:
    """Energy of positions (n, d) with the repulsion over independent random pairs: a scalar.

    Its expectation over keys is `loop_energy`.
    """
    return coupled_energy(parameters, positions) + independent_repulsion(parameters, positions, key)


def energy_bound(parameters: LoopParameters, n: int) -> float:
    """A lower bound of the energy: every coupling at its minimum, no repulsion."""
    minimum = capped_lennard_jones_minimum(float(parameters.lj_cap))[1]
    strength = float(parameters.loop_strength)
    if parameters.potential is Potential.bond_lj:
        return strength * minimum
    bonds, loops = n - 1, n - parameters.loop_length
    return minimum * (bonds + strength * loops) / coupled_pairs(parameters, n)


# --- couplings -----------------------------------------------------------------------------------


def coupled_energy(parameters: LoopParameters, positions: Array) -> Array:
    """Bonds and loops of positions (n, d), without repulsion: a scalar.

    Bond+LJ: mean over bonds of (r-1)^2 + mean over loops of loop_strength V(r).
    Pure LJ: mean over bonds and loops together of A_ij V(r_ij), A = 1 for bonds, loop_strength for loops.
    """
    bonds = _chain_squared_distances(positions, 1)
    loops = _chain_squared_distances(positions, parameters.loop_length)
    loop_terms = parameters.loop_strength * capped_lennard_jones(loops, parameters.lj_cap)
    if parameters.potential is Potential.bond_lj:
        return jnp.mean(harmonic(bonds)) + jnp.mean(loop_terms)
    bond_terms = capped_lennard_jones(bonds, parameters.lj_cap)
    return (jnp.sum(bond_terms) + jnp.sum(loop_terms)) / coupled_pairs(parameters, len(positions))


def coupling_terms(parameters: LoopParameters, n: int) -> tuple[PairTerm, ...]:
    """The couplings as explicit pairs, for the closed form of their Hessian."""
    bonds, loops = chain_pairs(n, 1), chain_pairs(n, parameters.loop_length)
    lennard_jones = Partial(capped_lennard_jones, cap=parameters.lj_cap)
    if parameters.potential is Potential.bond_lj:
        return (
            PairTerm(bonds, 1 / len(bonds), Partial(harmonic)),
            PairTerm(loops, parameters.loop_strength / len(loops), lennard_jones),
        )
    count = coupled_pairs(parameters, n)
    return (
        PairTerm(bonds, 1 / count, lennard_jones),
        PairTerm(loops, parameters.loop_strength / count, lennard_jones),
    )


def chain_pairs(n: int, offset: int) -> np.ndarray:
    """The pairs (i, i+offset) of a chain of n: (n - offset, 2)."""
    first = np.arange(n - offset)
    return np.stack([first, first + offset], axis=1)


def _chain_squared_distances(positions: Array, offset: int) -> Array:
    return jnp.sum((positions[offset:] - positions[:-offset]) ** 2, axis=-1)


# --- repulsion -----------------------------------------------------------------------------------


def repelling_pairs(parameters: LoopParameters, n: int) -> int:
    """Number of unordered pairs that repel: all (Bond+LJ), or those without a coupling (pure LJ)."""
    every = n * (n - 1) // 2
    return every if parameters.potential is Potential.bond_lj else every - coupled_pairs(parameters, n)


def coupled_pairs(parameters: LoopParameters, n: int) -> int:
    """Number of distinct coupled pairs; bonds and loops are the same ones at loop_length 1."""
    return sum(n - offset for offset in coupled_offsets(parameters))


def coupled_offsets(parameters: LoopParameters) -> set[int]:
    """Distances along the chain of the coupled pairs."""
    return {1, parameters.loop_length}


def repulsion_terms(parameters: LoopParameters, n: int) -> tuple[PairTerm, ...]:
    """The repulsion as explicit pairs: O(n^2) of them."""
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    if parameters.potential is Potential.pure_lj:
        coupled = np.isin(pairs[:, 1] - pairs[:, 0], list(coupled_offsets(parameters)))
        pairs = pairs[~coupled]
    if len(pairs) == 0:
        return ()
    potential = Partial(soft_coulomb, cap=parameters.repulsion_cap)
    return (PairTerm(pairs, parameters.repulsion_strength / len(pairs), potential),)


def exact_repulsion(parameters: LoopParameters, positions: Array) -> Array:
    """repulsion_strength times the mean over all repelling pairs of 1 / (r + cap): a scalar."""
    return _mean_repulsion(parameters, positions, _all_pairs_repulsion)


def fast_repulsion(parameters: LoopParameters, positions: Array) -> Array:
    """The same to 1e-6 of it, see `nnrep.energies.fast_sum`: a scalar."""
    fast_sum = energy_with(_fast_sum_and_gradient)
    return _mean_repulsion(parameters, positions, lambda x, cap: fast_sum(cap, x))


def _fast_sum_and_gradient(cap: float | Array, positions: Array) -> tuple[Array, Array]:
    return fast_sum_and_gradient(positions, cap)


def _mean_repulsion(
    parameters: LoopParameters, positions: Array, sum_over_all: Callable[[Array, float | Array], Array]
) -> Array:
    count = repelling_pairs(parameters, len(positions))
    if count == 0:
        return jnp.zeros((), positions.dtype)
    total = sum_over_all(positions, parameters.repulsion_cap)
    if parameters.potential is Potential.pure_lj:
        for offset in coupled_offsets(parameters):
            coupled = _chain_squared_distances(positions, offset)
            total -= jnp.sum(soft_coulomb(coupled, parameters.repulsion_cap))
    return parameters.repulsion_strength * total / float(count)  # more than an int32 holds


@jax.custom_jvp
def _all_pairs_repulsion(positions: Array, cap: float | Array) -> Array:
    return exact_sum_and_gradient(positions, cap)[0]


@_all_pairs_repulsion.defjvp
def _all_pairs_repulsion_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    # Automatic differentiation of the sum over shifts would keep every pair in memory. The cap is a
    # constant of the system: it has no tangent.
    energy, gradient = exact_sum_and_gradient(*primals)
    return energy, jnp.sum(gradient * tangents[0])


def exact_sum_and_gradient(positions: Array, cap: float | Array) -> tuple[Array, Array]:
    """The sum over all pairs of positions (n, d) of 1 / (r + cap), pair by pair, and its gradient (n, d)."""
    n = len(positions)
    columns = positions.T  # (d, n): contiguous along the particles
    doubled = jnp.concatenate([columns, columns], axis=1)

    def add_shift(shift: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        energies, gradient = sums
        # s and n - s are the same pairs; at s = n/2 every pair comes up twice.
        weight = jnp.where(2 * shift == n, 0.5, 1.0).astype(positions.dtype)
        displacement = columns - jax.lax.dynamic_slice_in_dim(doubled, shift, n, axis=1)
        r = distance(jnp.sum(displacement**2, axis=0))
        inverse = 1 / (r + cap)
        force = -(weight * inverse**2 / r) * displacement
        opposite = jax.lax.dynamic_slice_in_dim(jnp.concatenate([force, force], 1), n - shift, n, axis=1)
        return energies + weight * inverse, gradient + force - opposite

    start = (jnp.zeros(n, positions.dtype), jnp.zeros_like(columns))
    energies, gradient = jax.lax.fori_loop(1, n // 2 + 1, add_shift, start)
    return jnp.sum(energies), gradient.T


def shifted_repulsion(parameters: LoopParameters, order: Array, positions: Array, key: Array) -> Array:
    """Unbiased estimate of `exact_repulsion` from about ln n random circular shifts: a scalar.

    The pairs are (order[i], order[i + s mod n]). In a random order they are as good as independent ones
    at an eighth of the cost, as they need one gather of n particles. Along the chain itself they would
    not be: all pairs at one distance along a coil are near or far together.

    Args:
        parameters: constants of the energy.
        order: (n,) a permutation of the particles.
        positions: (n, d).
        key: draws the shifts.
    """
    n = len(positions)
    shifts = draw_shifts(key, n)
    ordered = positions[order]
    doubled, doubled_order = jnp.concatenate([ordered, ordered]), jnp.concatenate([order, order])
    total = jnp.zeros((), positions.dtype)
    for stratum in range(len(shifts)):
        displacement = jax.lax.dynamic_slice_in_dim(doubled, shifts[stratum], n) - ordered
        repulsion = soft_coulomb(jnp.sum(displacement**2, axis=-1), parameters.repulsion_cap)
        partner = jax.lax.dynamic_slice_in_dim(doubled_order, shifts[stratum], n)
        total += jnp.sum(_without_coupled(parameters, abs(order - partner), repulsion))
    return _estimate(parameters, n, total / (n * len(shifts)))


def draw_shifts(key: Array, n: int) -> Array:
    """About ln n circular shifts, one from each of as many strata, whose pairs are uniform over all.

    Shifts s and n - s are the same pairs, so s is drawn from the lower half.
    """
    count = max(1, round(math.log(n)))
    strata = (jnp.arange(count) + jax.random.uniform(key, (count,))) / count
    # At even n the last value, n/2, has half the interval, as its pairs occur twice.
    return jnp.minimum(1 + jnp.floor(strata * (n - 1) / 2).astype(int), n // 2)


def independent_repulsion(parameters: LoopParameters, positions: Array, key: Array) -> Array:
    """Unbiased estimate of `exact_repulsion` from n ln n independent random pairs: a scalar."""
    n = len(positions)
    count = max(1, round(n * math.log(n)))
    first_key, offset_key = jax.random.split(key)
    first = jax.random.randint(first_key, (count,), 0, n)
    second = (first + jax.random.randint(offset_key, (count,), 1, n)) % n
    squared = jnp.sum((positions[first] - positions[second]) ** 2, axis=-1)
    repulsion = soft_coulomb(squared, parameters.repulsion_cap)
    kept = _without_coupled(parameters, abs(first - second), repulsion)
    return _estimate(parameters, n, jnp.mean(kept))


def _without_coupled(parameters: LoopParameters, separation: Array, values: Array) -> Array:
    """Values of pairs so far apart along the chain, zero where pure LJ couples them."""
    if parameters.potential is Potential.bond_lj:
        return values
    coupled = (separation == 1) | (separation == parameters.loop_length)
    return jnp.where(coupled, 0, values)


def _estimate(parameters: LoopParameters, n: int, mean_over_all: Array) -> Array:
    """Repulsion from the mean over uniform random pairs, coupled ones counted as zero."""
    every_over_repelling = n * (n - 1) / 2 / max(1, repelling_pairs(parameters, n))
    return parameters.repulsion_strength * mean_over_all * every_over_repelling
