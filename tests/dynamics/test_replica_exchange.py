"""Ladders: temperatures, exchanges, and that a kept ladder goes on to the same numbers."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compilations import counted
from jax.tree_util import Partial

from nnrep.dynamics.replica_exchange import (
    COLDEST,
    LAST_STEP,
    Ladder,
    Observed,
    advance,
    annealed,
    start_ladder,
)
from nnrep.dynamics.settings import Constraints, DynamicsSettings, MassRule
from nnrep.errors import ConfigError
from nnrep.systems.system import System

STIFFNESS = np.linspace(1.0, 100.0, 40)[:, None]


def _springs(stiffness, positions):
    return 0.5 * jnp.sum(stiffness * positions**2)


def springs(**more) -> System:
    """Independent harmonic oscillators about zero, of mass 1, in reduced units."""
    start = np.zeros((len(STIFFNESS), 3))
    return System(energy=Partial(_springs, jnp.asarray(STIFFNESS)), positions=start, **more)


def settings(**changed) -> DynamicsSettings:
    """Steps of 0.05 in reduced units, whose unit of time stands for a picosecond."""
    usual = {
        "time_step_fs": 50.0,
        "outer_every": 1,
        "friction_per_ps": 1.0,
        "temperatures_k": [1.0, 1.5, 2.0, 3.0],
        "exchange_every": 20,
        "hydrogen_mass_dalton": None,
        "mass_rule": MassRule.repartitioned,
        "fastest_period_fs": None,
        "constraints": Constraints.none,
    }
    return DynamicsSettings(**usual | changed)


def run(system: System, chosen: DynamicsSettings, steps: int, seed: int = 0) -> tuple[Ladder, Observed]:
    return advance(system, chosen, start_ladder(system, chosen, seed), steps)


def frames(system: System, chosen: DynamicsSettings, count: int, every: int) -> tuple[np.ndarray, Ladder]:
    """Positions (count, R, n, d) from cold to hot, and the last ladder."""
    ladder, _ = run(system, chosen, 400)
    kept = []
    for _ in range(count):
        ladder, _ = advance(system, chosen, ladder, every)
        kept.append(np.asarray(ladder.positions)[np.argsort(ladder.rung)])
    return np.array(kept), ladder


def test_a_kept_ladder_goes_on_to_the_same_numbers(tmp_path):
    chosen, system = settings(), springs()
    whole, seen = run(system, chosen, 200)
    half, _ = run(system, chosen, 100)
    np.savez(tmp_path / "ladder.npz", **half._asdict())
    with np.load(tmp_path / "ladder.npz") as file:
        kept = Ladder(**file)
    resumed, seen_later = advance(system, chosen, kept, 100)
    for one, other in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(seen_later.potential_energies, seen.potential_energies)


def test_replicas_side_by_side_are_those_one_after_the_other(monkeypatch):
    """As accelerators run them."""
    chosen, system = settings(), springs()
    alone, seen = run(system, chosen, 60)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    together, same = run(system, chosen, 60)
    np.testing.assert_allclose(together.positions, alone.positions, atol=1e-12)
    np.testing.assert_array_equal(together.rung, alone.rung)
    np.testing.assert_allclose(same.mean_kinetic_temperatures, seen.mean_kinetic_temperatures)


def test_seeds_differ_and_repeat():
    chosen, system = settings(), springs()
    one, other, same = (run(system, chosen, 40, seed)[0] for seed in (3, 4, 3))
    np.testing.assert_array_equal(one.positions, same.positions)
    assert not np.allclose(one.positions, other.positions)


def test_random_numbers_do_not_depend_on_the_generator_that_jax_has_by_default():
    chosen, system = settings(), springs()
    usual, _ = run(system, chosen, 40)
    with jax.default_prng_impl("rbg"):
        other, _ = run(system, chosen, 40)
    np.testing.assert_array_equal(other.positions, usual.positions)


@pytest.mark.slow
def test_harmonic_temperatures_are_those_asked_for_at_a_step_that_is_a_sixth_of_a_period():
    """0.1 of the unit of time, the stiffest spring having a period of 0.63: BAOAB has no error there."""
    chosen, system = settings(time_step_fs=100.0, temperatures_k=[1.0, 1.2, 1.5, 1.8]), springs()
    seen, ladder = frames(system, chosen, 600, 20)
    gradient = STIFFNESS * seen
    configurational = np.mean(np.sum(gradient**2, axis=(2, 3)), axis=0) / (3 * STIFFNESS.sum())
    np.testing.assert_allclose(configurational, chosen.temperatures_k, rtol=0.01)
    _, observed = advance(system, chosen, ladder, 12_000)
    np.testing.assert_allclose(observed.mean_kinetic_temperatures, chosen.temperatures_k, rtol=0.01)
    expected = 1.5 * len(STIFFNESS) * np.array(chosen.temperatures_k)
    np.testing.assert_allclose(observed.mean_potential_energies, expected, rtol=0.02)


def test_exchanges_are_counted_and_replicas_keep_their_places():
    chosen, system = settings(temperatures_k=[1.0, 1.1, 1.2]), springs()
    ladder, _ = run(system, chosen, 8000)
    assert ladder.attempts.tolist() == [200, 200]
    assert sorted(ladder.rung.tolist()) == [0, 1, 2]
    assert np.all(np.asarray(ladder.accepted) > 40)
    assert np.all(np.asarray(ladder.accepted) < 200)
    assert np.sum(ladder.round_trips) > 3


def test_replicas_are_observed_at_the_rungs_at_which_they_came_there():
    """An exchange at the very end, which is accepted for sure, is of the ladder and of no frame."""
    chosen, system = settings(temperatures_k=[1.0, 1.0 + 1e-9], exchange_every=40), springs()
    ladder, observed = run(system, chosen, 39)
    assert observed.rungs.tolist() == ladder.rung.tolist() == [0, 1]
    ladder, observed = advance(system, chosen, ladder, 1)
    assert observed.rungs.tolist() == [0, 1]
    assert ladder.rung.tolist() == [1, 0]
    ladder, observed = advance(system, chosen, ladder, 60)  # the next exchange is on the way
    assert observed.rungs.tolist() == ladder.rung.tolist() == [0, 1]


def test_what_is_frozen_or_a_dummy_stays():
    frozen = np.arange(len(STIFFNESS) - 2) < 5
    system = springs(frozen=frozen, dummies=2)
    ladder, observed = run(system, settings(), 2000)
    still = np.ones(len(STIFFNESS), bool)
    still[system.free] = False
    assert still.sum() == 7
    assert not np.any(np.asarray(ladder.positions)[:, still])
    assert np.all(np.asarray(ladder.positions)[:, ~still])
    np.testing.assert_allclose(observed.mean_kinetic_temperatures, settings().temperatures_k, rtol=0.1)


def test_momentum_of_the_centre_is_held():
    chosen, system = settings(hold_centre=True), springs(masses=np.linspace(1, 5, len(STIFFNESS)))
    ladder, observed = run(system, chosen, 2000)
    momentum = np.sum(system.masses[:, None] * np.asarray(ladder.velocities), axis=1)
    np.testing.assert_allclose(momentum, 0, atol=1e-11)
    np.testing.assert_allclose(observed.mean_kinetic_temperatures, chosen.temperatures_k, rtol=0.1)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"time_step_fs": 0.0}, "time_step_fs"),
        ({"friction_per_ps": -1.0}, "friction_per_ps"),
        ({"temperatures_k": [2.0, 1.0]}, "temperatures_k"),
        ({"temperatures_k": []}, "temperatures_k"),
        ({"outer_every": 3}, "exchange_every"),
        ({"exchange_every": 2**32}, "exchange_every"),
        ({"hydrogen_mass_dalton": 0.0}, "hydrogen_mass_dalton"),
    ],
)
def test_numbers_out_of_range_are_named(changed, key):
    with pytest.raises(ConfigError, match=key):
        settings(**changed)


def test_what_a_system_cannot_have_is_named():
    system = springs()
    for changed, key in [({"outer_every": 2}, "outer_every"), ({"hydrogen_mass_dalton": 3.0}, "hydrogen")]:
        with pytest.raises(ConfigError, match=key):
            start_ladder(system, settings(**changed), 0)
    ladder = start_ladder(system, settings(), 0)
    with pytest.raises(ConfigError, match="steps"):
        advance(system, settings(), ladder, 0)
    with pytest.raises(ConfigError, match="temperatures_k"):
        advance(system, settings(temperatures_k=[1.0]), ladder, 10)
    with pytest.raises(ConfigError, match="energy_unit"):
        start_ladder(replace(system, energy_unit="hartree"), settings(), 0)


def test_steps_that_a_ladder_cannot_count_are_refused():
    """In place of none that are taken."""
    system, chosen = springs(), settings()
    begun = start_ladder(system, chosen, 0)
    near = begun._replace(step=np.asarray(LAST_STEP - 30))
    ladder, _ = advance(system, chosen, near, 30)
    assert ladder.step == LAST_STEP
    assert not np.array_equal(ladder.positions, begun.positions)
    assert not np.array_equal(annealed(system, chosen, near, 30), begun.positions)
    for move in (advance, annealed):
        with pytest.raises(ConfigError, match="steps: must be at most 30, as a ladder counts 2147483647"):
            move(system, chosen, near, 40)
    with pytest.raises(ConfigError, match="steps: must be at most 2147483647"):
        advance(system, chosen, begun, 2**32 + 10)


def test_annealed_replicas_have_the_energies_of_the_lowest_cold():
    system, chosen = springs(), settings()
    ladder, _ = run(system, chosen, 400)
    before = [np.array(part) for part in ladder]
    cold = annealed(system, chosen, ladder, 4000)
    again = annealed(system, chosen, ladder, 4000)
    assert np.array_equal(cold, again)
    for part, kept in zip(ladder, before, strict=True):
        assert np.array_equal(part, kept)
    energies = np.array([_springs(STIFFNESS, each) for each in cold])
    expected = 0.5 * 3 * len(STIFFNESS) * COLDEST * chosen.temperatures_k[0]
    assert energies.mean() == pytest.approx(expected, rel=0.3)


def test_an_annealing_compiles_nothing_anew_and_takes_any_number_of_steps():
    system, chosen = springs(), settings()
    ladder, _ = run(system, chosen, 40)
    with counted() as compiled:
        cold = annealed(system, chosen, ladder, 7)
    assert cold.shape == ladder.positions.shape
    assert not compiled
