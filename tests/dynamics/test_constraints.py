"""Bonds to hydrogen of fixed length: lengths, momentum, energy, and the distribution of what is free."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from nnrep.dynamics.constraints import count_of, project, put_back, stars_of
from nnrep.dynamics.langevin import Phase, in_step, kinetic_energy, run_steps
from nnrep.dynamics.masses import masses_of, particles_of
from nnrep.dynamics.mechanics import mechanics_of
from nnrep.dynamics.replica_exchange import advance, start_ladder
from nnrep.dynamics.settings import Constraints, DynamicsSettings, MassRule
from nnrep.energies.arrays import on_device
from nnrep.energies.bonded import Bonds
from nnrep.errors import ConfigError
from nnrep.systems.system import System

LENGTH, TETHER = 0.1, 30.0


def _tethered(bonds, tether, heavy, positions):
    """Springs along the bonds, and from each heavy atom to the origin."""
    i, j = bonds.pairs.T
    stretch = jnp.linalg.norm(positions[i] - positions[j], axis=1) - bonds.length
    return 0.5 * jnp.sum(bonds.stiffness * stretch**2) + 0.5 * tether * jnp.sum(positions[heavy] ** 2)


def molecules(copies: int, hydrogens: int, heavy_mass=12.0, **more) -> System:
    """Heavy atoms with hydrogens about them, each tethered to the origin and blind to all others."""
    size = 1 + hydrogens
    heavy = size * np.arange(copies)
    pairs = np.array([(first + k, first) for first in heavy for k in range(1, size)])
    bonds = Bonds(jnp.asarray(pairs), jnp.full(len(pairs), LENGTH), jnp.full(len(pairs), 2e5))
    directions = np.random.default_rng(1).normal(size=(copies, size, 3))
    directions *= LENGTH / np.linalg.norm(directions, axis=2, keepdims=True)
    directions[:, 0] = 0
    return System(
        energy=Partial(_tethered, bonds, TETHER, jnp.asarray(heavy)),
        positions=directions.reshape(-1, 3) + np.repeat(np.linspace(0, 0.2, copies), size)[:, None],
        masses=np.tile([heavy_mass, *[1.008] * hydrogens], copies),
        edges=pairs,
        energy_unit="kJ/mol",
        length_unit="nm",
        **more,
    )


def settings(**changed) -> DynamicsSettings:
    usual = {
        "time_step_fs": 4.0,
        "outer_every": 1,
        "friction_per_ps": 5.0,
        "temperatures_k": [300.0],
        "exchange_every": 100,
        "hydrogen_mass_dalton": None,
        "mass_rule": MassRule.repartitioned,
        "constraints": Constraints.hydrogen_bonds,
        "fastest_period_fs": None,
    }
    return DynamicsSettings(**usual | changed)


def lengths(system: System, positions) -> np.ndarray:
    one, other = system.edges.T
    return np.linalg.norm(np.asarray(positions)[..., one, :] - np.asarray(positions)[..., other, :], axis=-1)


@pytest.mark.parametrize("hydrogens", [1, 4])
def test_bonds_get_their_length_and_lose_their_velocity_without_a_push(hydrogens):
    system = molecules(3, hydrogens)
    particles = on_device(particles_of(system, settings()))
    stars = on_device(stars_of(system, particles))
    assert count_of(stars) == 3 * hydrogens
    before = system.positions
    moved = before + 0.01 * jax.random.normal(jax.random.key(0), before.shape)
    after = put_back(stars, particles, before, moved, steps=6)
    np.testing.assert_allclose(lengths(system, after), LENGTH, rtol=1e-12)
    np.testing.assert_allclose(np.sum(particles.mass * (after - moved), axis=0), 0, atol=1e-12)
    drawn = jax.random.normal(jax.random.key(1), before.shape)
    velocities = project(stars, particles, after, drawn)
    change = lengths(system, after + 1e-6 * velocities) - lengths(system, after - 1e-6 * velocities)
    np.testing.assert_allclose(change / 2e-6, 0, atol=1e-8)
    np.testing.assert_allclose(np.sum(particles.mass * (velocities - drawn), axis=0), 0, atol=1e-12)


def test_few_newton_steps_are_enough_for_a_step_of_dynamics():
    chosen, system = settings(time_step_fs=4.0, temperatures_k=[500.0]), molecules(40, 3)
    ladder, _ = advance(system, chosen, start_ladder(system, chosen, 0), 500)
    np.testing.assert_allclose(lengths(system, ladder.positions), LENGTH, rtol=1e-9)


@pytest.mark.slow
def test_what_is_free_has_the_distribution_of_rigid_bonds():
    """The angle of two rigid bonds has the density sqrt(det Z) sin(angle), Z being that of the masses.

    Fixman, Proc. Natl. Acad. Sci. 71, 3050, 1974.
    """
    chosen = settings(time_step_fs=8.0, hydrogen_mass_dalton=20.0, mass_rule=MassRule.added)
    system = molecules(60, 2, heavy_mass=4.0)
    ladder, _ = advance(system, chosen, start_ladder(system, chosen, 0), 500)
    squares, tethers, kinetic = [], [], []
    for _ in range(150):
        ladder, observed = advance(system, chosen, ladder, 100)
        atoms = np.asarray(ladder.positions).reshape(60, 3, 3)
        one, other = atoms[:, 1] - atoms[:, 0], atoms[:, 2] - atoms[:, 0]
        squares.append(np.mean(np.sum(one * other, axis=1) ** 2) / LENGTH**4)
        tethers.append(np.mean(atoms[:, 0] ** 2))
        kinetic.append(observed.mean_kinetic_temperatures[0])
    own, shared = 1 / 4 + 1 / 20, 1 / 4
    cosine = np.linspace(-1, 1, 20_001)
    density = np.sqrt(own**2 - shared**2 * cosine**2)
    expected = np.sum(density * cosine**2) / np.sum(density)
    assert expected < 0.3  # where masses did not matter, a third
    assert np.mean(squares) == pytest.approx(expected, rel=0.03)
    assert TETHER * np.mean(tethers) == pytest.approx(8.31446e-3 * 300, rel=0.03)
    assert np.mean(kinetic) == pytest.approx(300, rel=0.01)


def test_energy_is_conserved_to_second_order_without_friction():
    system, spread = molecules(20, 3), {}
    for step in (2.0, 4.0):
        chosen = settings(time_step_fs=step, friction_per_ps=0.0)
        mechanics, ladder = mechanics_of(system, chosen), start_ladder(system, chosen, 0)

        @jax.jit
        def total(phase, number, mechanics=mechanics):
            phase, _ = run_steps(mechanics, phase, jnp.zeros(()), jax.random.key(0), number, 5)
            velocities = in_step(mechanics, phase, number + 5)
            return phase, kinetic_energy(mechanics.particles, velocities) + system.energy(phase.positions)

        phase, energies = Phase(ladder.positions[0], ladder.velocities[0]), []
        for number in range(int(80 / step)):
            phase, energy = total(phase, 5 * number)
            energies.append(float(energy))
        spread[step] = np.std(energies)
    assert 2.5 < spread[4.0] / spread[2.0] < 6.5


def test_what_cannot_be_held_is_named():
    with pytest.raises(ConfigError, match="constraints"):
        start_ladder(replace(molecules(2, 2), edges=np.zeros((0, 2), int)), settings(), 0)
    with pytest.raises(ConfigError, match="constraints"):
        start_ladder(replace(molecules(2, 2), energy=_no_bonds), settings(), 0)


def _no_bonds(positions):
    return jnp.sum(positions**2)


def test_hydrogens_take_their_mass_from_what_they_are_bonded_to():
    system = molecules(2, 3, heavy_mass=12.011)
    heavier = masses_of(system, settings(hydrogen_mass_dalton=4.0))
    np.testing.assert_allclose(heavier, [12.011 - 3 * 2.992, 4, 4, 4] * 2)
    assert heavier.sum() == pytest.approx(system.masses.sum())
    added = masses_of(system, settings(hydrogen_mass_dalton=6.0, mass_rule=MassRule.added))
    np.testing.assert_allclose(added, [12.011, 6, 6, 6] * 2)
    with pytest.raises(ConfigError, match=r"hydrogen_mass_dalton.*-2.97"):
        masses_of(system, settings(hydrogen_mass_dalton=6.0))


def test_hydrogens_of_a_system_without_bonds_are_as_heavy_as_is_said():
    """Such as atoms of a calculator: 4 fs, of which 6 dalton are the default, would be too long for them."""
    system = replace(molecules(2, 3), edges=np.zeros((0, 2), int))
    added = masses_of(system, settings(hydrogen_mass_dalton=6.0, mass_rule=MassRule.added))
    np.testing.assert_allclose(added.reshape(2, 4)[:, 1:], 6)
    with pytest.raises(ConfigError, match=r"mass_rule.* must be added .* got repartitioned"):
        masses_of(system, settings(hydrogen_mass_dalton=4.0))
