"""Langevin dynamics of one replica, compiled: BAOAB, with multiple time steps.

A step of size h is

    v += h a(x);   x += h/2 v;   v = c v + sqrt((1 - c^2) kT / m) noise;   x += h/2 v,   c = exp(-friction h),

which is BAOAB (Leimkuhler, Matthews, J. Chem. Phys. 138, 174102, 2013) begun at another of its five parts,
and OpenMM's LangevinMiddleIntegrator (Zhang et al., J. Phys. Chem. A 123, 6056, 2019). Positions and
velocities at its end have exactly the distribution of the temperature where the forces are harmonic, and each
step asks for the forces once, whether or not another one follows. Velocities are those half a step before the
positions: `in_step` gives those of the positions' own time.

Slow forces act in every k-th step, k times as strong (r-RESPA: Tuckerman, Berne, Martyna, J. Chem. Phys. 97,
1990, 1992); where they do, both kicks are one. With bonds of fixed length each drift is one of RATTLE's.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from nnrep.dynamics.constraints import Stars, project, put_back
from nnrep.dynamics.forces import Forces
from nnrep.dynamics.masses import Particles
from nnrep.energies.arrays import Numbers


class Numerics(NamedTuple):
    """Numbers of the integrator, traced.

    Attributes:
        time_step: () in ps.
        outer_every: () steps from one kick of the slow forces to the next.
        friction: () in 1/ps.
    """

    time_step: Numbers
    outer_every: Numbers
    friction: Numbers


class Mechanics(NamedTuple):
    """What moves, by which forces, how; a pytree: systems of one shape share their programs.

    Attributes:
        forces: of the system.
        particles: their masses.
        stars: bonds of fixed length; None for none.
        numerics: of the integrator.
    """

    forces: Forces
    particles: Particles
    stars: Stars | None
    numerics: Numerics


class Phase(NamedTuple):
    """A point in phase space: positions (n, d), velocities (n, d) half a step before."""

    positions: Array
    velocities: Array


def run_steps(
    mechanics: Mechanics, phase: Phase, thermal: Array, key: Array, first: Array, steps: Array
) -> tuple[Phase, Array]:
    """A number of steps at one temperature.

    Args:
        mechanics: of the system.
        phase: where it begins.
        thermal: () Boltzmann's constant times the temperature, in the system's unit of energy.
        key: of the noise; each step draws from a branch of its own.
        first: () number of the first step, counted from the start of the trajectory.
        steps: () how many.

    Returns:
        Where it ends, and the sum () of the kinetic energies of all steps.
    """
    particles, numerics = mechanics.particles, mechanics.numerics
    kept = jnp.exp(-numerics.friction * numerics.time_step)
    noise = jnp.sqrt((1 - kept * kept) * thermal)
    half = 0.5 * numerics.time_step

    def step(number: Array, carry: tuple[Phase, Array]) -> tuple[Phase, Array]:
        (x, v), kinetic = carry
        v = without_drift(particles, v - numerics.time_step * _acceleration(mechanics, x, number))
        x, v = _drifted(mechanics, Phase(x, v), half)
        draw = jax.random.normal(jax.random.fold_in(key, number), x.shape, x.dtype)
        v = without_drift(particles, kept * v + noise * particles.times(particles.root, draw))
        x, v = _drifted(mechanics, Phase(x, v), half)
        v = allowed(mechanics, x, v)
        return Phase(x, v), kinetic + kinetic_energy(particles, v)

    start = phase, jnp.zeros((), phase.positions.dtype)
    return jax.lax.fori_loop(first, first + steps, step, start)


def _drifted(mechanics: Mechanics, phase: Phase, time: Array) -> Phase:
    """After a time without forces but those of the constraints."""
    free = phase.positions + time * phase.velocities
    if mechanics.stars is None:
        return Phase(free, phase.velocities)
    held = put_back(mechanics.stars, mechanics.particles, phase.positions, free)
    return Phase(held, phase.velocities + (held - free) / time)


def allowed(mechanics: Mechanics, positions: Array, velocities: Array) -> Array:
    """Velocities (n, d) without what would change a fixed bond, at positions (n, d)."""
    if mechanics.stars is None:
        return velocities
    return project(mechanics.stars, mechanics.particles, positions, velocities)


def _acceleration(mechanics: Mechanics, positions: Array, number: Array) -> Array:
    """What pulls against the velocities (n, d) in a step of this number: M^-1 grad U."""
    forces, every = mechanics.forces, mechanics.numerics.outer_every
    slope = forces.fast(positions)
    if forces.slow is not None:
        slow = forces.slow
        slope = jax.lax.cond(
            number % every == 0, lambda fast: fast + every * slow(positions), lambda fast: fast, slope
        )
    return mechanics.particles.times(mechanics.particles.inverse, slope)


def in_step(mechanics: Mechanics, phase: Phase, number: Array | int) -> Array:
    """Velocities (n, d) at the time of the positions; the next step's number decides which forces act."""
    pull = _acceleration(mechanics, phase.positions, jnp.asarray(number))
    velocities = phase.velocities - 0.5 * mechanics.numerics.time_step * pull
    return allowed(mechanics, phase.positions, velocities)


def without_drift(particles: Particles, velocities: Array) -> Array:
    """Velocities (n, d) without momentum of the centre of mass, if it is held.

    Taken from velocities that are drawn, too, it leaves the distribution of all others as it is.
    """
    drift = jnp.sum(particles.share * velocities, axis=0)
    return velocities - particles.held * drift * particles.moves


def kinetic_energy(particles: Particles, velocities: Array) -> Array:
    """The kinetic energy () of velocities (n, d)."""
    return 0.5 * jnp.sum(velocities * particles.times(particles.mass, velocities))
