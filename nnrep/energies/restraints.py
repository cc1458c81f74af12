"""Harmonic restraints of positions: E = 1/2 sum_i k_i |x_i - x0_i|^2.

AlphaFold relaxes with such restraints (Jumper et al., Nature 596, 583, 2021, supplement 1.8.6), k being
10 kcal/mol/Angstrom^2.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.energies.arrays import Numbers
from nnrep.energies.energy import Energy
from nnrep.energies.local import LocalTerm
from nnrep.energies.padding import with_zeros
from nnrep.energies.pairwise import PairTerm

TERM = "restraints"


class Restraints(NamedTuple):
    """Which particles are restrained, where, and how strongly.

    Attributes:
        reference: (n, d) where the particles are held.
        strength: (n,) k in energy per squared length (kJ/mol/nm^2), zero for particles that are free.
    """

    reference: Numbers
    strength: Numbers


def positional_restraints(reference: np.ndarray, strength: np.ndarray | float) -> Energy:
    """The energy of harmonic restraints; its one term is `restraints`.

    Args:
        reference: (n, d) where the particles are held.
        strength: (n,) or one number, see `Restraints`.
    """
    places = np.asarray(reference, float)
    strengths = np.broadcast_to(np.asarray(strength, float), len(places)).copy()
    return Energy(
        parameters=Restraints(places, strengths),
        energy_and_gradient=_energy_and_gradient,
        terms=_terms,
        coupling_terms=_no_pairs,
        local_terms=_local_terms,
        padded=_padded,
        bounded=True,
    )


def _energy_and_gradient(parameters: Restraints, positions: Array) -> tuple[Array, Array]:
    displacement = positions - parameters.reference
    gradient = parameters.strength[:, None] * displacement
    return 0.5 * jnp.sum(gradient * displacement), gradient


def _terms(parameters: Restraints, positions: Array) -> dict[str, Array]:
    return {TERM: _energy_and_gradient(parameters, positions)[0]}


def _no_pairs(parameters: Restraints) -> tuple[PairTerm, ...]:
    return ()


def _local_terms(parameters: Restraints) -> tuple[LocalTerm, ...]:
    particles = np.arange(len(parameters.strength))[:, None]
    numbers = (parameters.strength, parameters.reference)
    return (LocalTerm(particles, numbers, _potential, _gradient),)


def _potential(position: Array, numbers: tuple[Array, Array]) -> Array:
    """Of one particle at (1, d)."""
    return 0.5 * jnp.sum(_gradient(position, numbers) * (position - numbers[1]))


def _gradient(position: Array, numbers: tuple[Array, Array]) -> Array:
    strength, reference = numbers
    return strength * (position - reference)


def _padded(parameters: Any, n: int) -> Restraints:
    """Of n particles, the last ones free."""
    reference, strength = parameters
    return Restraints(with_zeros(reference, n), with_zeros(strength, n))
