"""Harmonic impropers k/2 (phi - phi0)^2, with phi - phi0 taken from -pi to pi.

Units: nm, rad, kJ/mol.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from nnrep.energies.arrays import Numbers
from nnrep.energies.bonded import torsion_angle, torsion_pull
from nnrep.energies.energy import Energy
from nnrep.energies.local import LocalTerm, local_energy, local_energy_and_gradient
from nnrep.energies.padding import padded_terms, repeated, with_zeros
from nnrep.energies.pairwise import PairTerm

TERM = "impropers"
SHARE = 0.25  # of them for each particle, at most, in proteins of CHARMM


class Impropers(NamedTuple):
    """Atoms (m, 4) whose torsion angle is held, at an angle (m,), by a stiffness (m,)."""

    quadruples: Numbers
    angle: Numbers
    stiffness: Numbers


def impropers_energy(parameters: Impropers) -> Energy:
    """The energy of impropers (NumPy arrays)."""
    return Energy(parameters, _energy_and_gradient, _terms, _couplings, _local_terms, _padded)


def _energy_and_gradient(impropers: Impropers, positions: Array) -> tuple[Array, Array]:
    return local_energy_and_gradient(_term(impropers), positions)


def _terms(impropers: Impropers, positions: Array) -> dict[str, Array]:
    return {TERM: local_energy(_term(impropers), positions)}


def _couplings(impropers: Impropers) -> tuple[PairTerm, ...]:
    return ()


def _local_terms(impropers: Impropers) -> tuple[LocalTerm, ...]:
    return (_term(impropers),)


def _term(impropers: Impropers) -> LocalTerm:
    return LocalTerm(impropers.quadruples, (impropers.angle, impropers.stiffness), _potential, _gradient)


def _potential(x: Array, parameters: tuple[Array, Array]) -> Array:
    angle, stiffness = parameters
    return 0.5 * stiffness * _turned(x, angle) ** 2


def _gradient(x: Array, parameters: tuple[Array, Array]) -> Array:
    angle, stiffness = parameters
    return torsion_pull(x, stiffness * _turned(x, angle))


def _turned(x: Array, angle: Array) -> Array:
    """The torsion angle less another, from -pi to pi."""
    turn = torsion_angle(x) - angle
    return turn - 2 * jnp.pi * jnp.round(turn / (2 * jnp.pi))


def _padded(impropers: Impropers, n: int) -> Impropers:
    count = padded_terms(len(impropers.angle), SHARE, n)
    quadruples, angle, stiffness = impropers
    return Impropers(repeated(quadruples, count), repeated(angle, count), with_zeros(stiffness, count))
