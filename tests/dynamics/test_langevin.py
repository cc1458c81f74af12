"""Populations of wells, forces parted by speed, and programs that molecules share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from structure_texts import prepare, text, tripeptide

from nnrep.choices.settings import build
from nnrep.dynamics.forces import forces_of, has_slow_forces
from nnrep.dynamics.langevin import Phase, in_step, kinetic_energy, run_steps
from nnrep.dynamics.mechanics import mechanics_of
from nnrep.dynamics.replica_exchange import advance, start_ladder
from nnrep.dynamics.settings import Constraints, DynamicsSettings, MassRule
from nnrep.energies.energy import Energy, changes_slowly
from nnrep.energies.sum import energy_sum
from nnrep.errors import ConfigError
from nnrep.systems.protein import ProteinConfig, protein_system
from nnrep.systems.system import System, with_energy


def settings(**changed) -> DynamicsSettings:
    """Steps of 0.05 in reduced units, whose unit of time stands for a picosecond."""
    usual = {
        "time_step_fs": 50.0,
        "outer_every": 1,
        "friction_per_ps": 1.0,
        "temperatures_k": [1.0],
        "exchange_every": 20,
        "hydrogen_mass_dalton": None,
        "mass_rule": MassRule.repartitioned,
        "fastest_period_fs": None,
        "constraints": Constraints.none,
    }
    return DynamicsSettings(**usual | changed)


def _wells(x):
    return 3.0 * (x**2 - 1) ** 2 + 0.3 * x


def _independent_wells(positions):
    return jnp.sum(_wells(positions))


@pytest.mark.slow
def test_populations_of_a_double_well_are_those_of_numerical_integration():
    """At every temperature of a ladder, between whose rungs the replicas move."""
    kelvin = [1.0, 1.6, 2.6, 4.0]
    chosen = settings(temperatures_k=kelvin, exchange_every=10, time_step_fs=100.0)
    system = System(energy=_independent_wells, positions=np.full((3, 3), -1.0))
    ladder, _ = advance(system, chosen, start_ladder(system, chosen, 0), 2000)
    right, squares, energies = [], [], []
    for _ in range(700):
        ladder, observed = advance(system, chosen, ladder, 50)
        x = np.asarray(ladder.positions)[np.argsort(ladder.rung)]
        right.append(np.mean(x > 0, axis=(1, 2)))
        squares.append(np.mean(x**2, axis=(1, 2)))
        energies.append(observed.mean_potential_energies)
    x = np.linspace(-4, 4, 40_001)
    weights = np.exp(-_wells(x) / np.array(kelvin)[:, None])
    weights /= weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.mean(right, axis=0), weights @ (x > 0), atol=0.03)
    np.testing.assert_allclose(np.mean(squares, axis=0), weights @ x**2, rtol=0.02)
    np.testing.assert_allclose(np.mean(energies, axis=0), 9 * weights @ _wells(x), rtol=0.03)
    assert np.all(np.asarray(ladder.round_trips) > 10)


def _springs(stiffness, positions):
    return 0.5 * jnp.sum(stiffness * positions**2), stiffness * positions


@changes_slowly
def _slow_springs(stiffness, positions):
    return _springs(stiffness, positions)


def _spring_terms(stiffness, positions):
    return {"springs": _springs(stiffness, positions)[0]}


def parted() -> System:
    """Oscillators of stiffness 9 to 49 (fast), to each of which 1 is added (slow)."""
    stiffness = jnp.linspace(9.0, 49.0, 30)[:, None]
    fast = Energy(stiffness, _springs, _spring_terms)
    slow = Energy(jnp.ones((30, 1)), _slow_springs, _spring_terms)
    return System(energy=energy_sum(fast, slow).of_positions(), positions=np.full((30, 3), 0.3))


def test_fast_and_slow_forces_are_the_whole():
    system = parted()
    more = with_energy(system, Energy(jnp.full((30, 1), 0.5), _springs, _spring_terms))
    x = jax.random.normal(jax.random.key(0), system.positions.shape)
    for each in (system, more):
        assert has_slow_forces(each)
        forces = forces_of(each, 2)
        np.testing.assert_allclose(forces.slow(x), x)
        np.testing.assert_allclose(forces.fast(x) + forces.slow(x), jax.grad(each.energy)(x))
    plain = System(energy=_independent_wells, positions=np.zeros((3, 3)))
    assert not has_slow_forces(plain)
    with pytest.raises(ConfigError, match=r"outer_every.*solvent"):
        forces_of(plain, 2)


def test_slow_forces_in_every_third_step_leave_the_temperature():
    chosen, system = settings(outer_every=3, exchange_every=30, temperatures_k=[1.0] * 8), parted()
    ladder, _ = advance(system, chosen, start_ladder(system, chosen, 0), 600)
    seen, kinetic = [], []
    for _ in range(150):
        ladder, observed = advance(system, chosen, ladder, 30)
        seen.append(np.mean(np.asarray(ladder.positions) ** 2, axis=(0, 2)))
        kinetic.append(np.mean(observed.mean_kinetic_temperatures))
    stiffness = np.linspace(10, 50, 30)
    assert np.mean(stiffness * np.mean(seen, axis=0)) == pytest.approx(1, rel=0.01)
    assert np.mean(kinetic) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("outer", [1, 2])
def test_energy_is_conserved_to_second_order_without_friction(outer):
    system, spread = parted(), {}
    for step in (20.0, 40.0):
        chosen = settings(time_step_fs=step, friction_per_ps=0.0, outer_every=outer)
        mechanics, ladder = mechanics_of(system, chosen), start_ladder(system, chosen, 0)

        @jax.jit
        def total(phase, number, mechanics=mechanics):
            phase, _ = run_steps(mechanics, phase, jnp.zeros(()), jax.random.key(0), number, outer)
            velocities = in_step(mechanics, phase, number + outer)
            return phase, kinetic_energy(mechanics.particles, velocities) + system.energy(phase.positions)

        # Velocities are half a step before the positions.
        phase, energies = Phase(ladder.positions[0], ladder.velocities[0]), []
        for number in range(int(8000 / step / outer)):
            phase, energy = total(phase, outer * number)
            energies.append(float(energy))
        spread[step] = np.std(energies)
        assert abs(np.mean(energies[:50]) - np.mean(energies[-50:])) < 3 * spread[step]
    assert 3 < spread[40.0] / spread[20.0] < 5


def test_next_molecule_of_a_size_compiles_nothing(tmp_path):
    """With rigid bonds and the solvent in every second step."""
    chosen = settings(
        time_step_fs=1.0,
        outer_every=2,
        temperatures_k=[300.0, 330.0],
        constraints=Constraints.hydrogen_bonds,
    )
    config = build(ProteinConfig, {"name": "protein", "solvent": "gbn2"})
    molecules = tripeptide(), prepare(tmp_path, text(lambda chain: chain.__delitem__(0), residues=4))
    one, other = (protein_system(config, molecule, padded=True) for molecule in molecules)
    assert one.n != other.n
    compiled: list[str] = []

    def note(event: str, duration: float, **kwargs) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(str(kwargs.get("fun_name")))

    ladder, observed = advance(one, chosen, start_ladder(one, chosen, 0), 40)
    assert np.all(np.isfinite(observed.potential_energies))
    centre = np.asarray(ladder.positions)[:, : one.n]
    drift = np.einsum("rnd,n->rd", centre - np.asarray(one.positions)[: one.n], one.masses) / one.masses.sum()
    np.testing.assert_allclose(drift, 0, atol=1e-3)  # lengths are made right at the start
    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        advance(other, chosen, start_ladder(other, chosen, 1), 40)
        advance(one, settings(**_others(chosen)), ladder, 20)
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
    assert compiled == []


def _others(chosen: DynamicsSettings) -> dict:
    """Other numbers, none of which is a part of the program."""
    return {
        "time_step_fs": 0.5,
        "outer_every": 4,
        "friction_per_ps": 3.0,
        "exchange_every": 8,
        "temperatures_k": [310.0, 350.0],
        "hydrogen_mass_dalton": 3.0,
        "constraints": chosen.constraints,
    }
