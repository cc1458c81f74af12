"""L-BFGS with backtracking: where it ends, what it costs, and that it never goes up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flat import chained, minimize
from minima import ENERGIES
from structure_texts import tripeptide

import nnrep
from nnrep.minimization.loop import run_chunk
from nnrep.minimization.optimizers.lbfgs import scale_by_backtracking_lbfgs
from nnrep.minimization.stopping import Status
from nnrep.systems.protein import ProteinConfig, protein_system


@pytest.mark.parametrize("name", ENERGIES)
def test_minima_are_found_to_the_last_digits(name):
    energy, minimum, start = ENERGIES[name]
    system = nnrep.System(
        energy=energy, positions=np.full((4, 3), start) + 0.01 * np.arange(12).reshape(4, 3)
    )
    stopping = nnrep.Stopping(min_delta=0, patience=3, check_every=5)
    result = minimize(system, optimizer=nnrep.lbfgs(0.5), stopping=stopping, max_steps=2000)
    assert result.energy[0] == pytest.approx(minimum, abs=1e-9)
    assert result.gradient_rms[0] < 1e-5
    assert result.evaluations[0] == result.steps_fine[0] < 600


def path_of(energy, start, most=0.5, steps=60):
    """Points at which the energy was evaluated."""
    optimizer = scale_by_backtracking_lbfgs(lambda step: jnp.asarray(most))

    @jax.jit
    def step(x, state):
        value, gradient = jax.value_and_grad(energy)(x)
        updates, state = optimizer.update(gradient, state, x, value=value)
        return x + updates, state

    x = jnp.asarray(start, float)
    state, points, origins = optimizer.init(x), [x], []
    for _ in range(steps):
        x, state = step(x, state)
        points.append(x)
        origins.append(float(state.origin.value))
    return points, origins


def test_accepted_points_never_go_up_and_no_coordinate_moves_far():
    for energy, _, start in ENERGIES.values():
        points, accepted = path_of(energy, np.full((4, 3), start) + 0.1)
        assert np.all(np.diff(accepted) <= 1e-12 * np.abs(accepted[1:]))
        assert abs(np.diff(np.asarray(points), axis=0)).max() <= 0.5 * (1 + 1e-12)


@pytest.mark.parametrize("check_every", [1, 4])
def test_no_limit_of_steps_ends_above_a_shorter_one(check_every):
    """The last step may be one that goes too far; nothing would come after it to take it back."""

    def valley(x):  # Rosenbrock's
        first, second = x[:-1], x[1:]
        return jnp.sum(100 * (second - first**2) ** 2 + (1 - first) ** 2)

    system = nnrep.System(energy=valley, positions=np.linspace(-1.2, 1, 12).reshape(6, 2))
    stopping = nnrep.Stopping(min_delta=0, patience=10**6, check_every=check_every)
    energies = []
    for steps in range(1, 41):
        result = minimize(system, optimizer=nnrep.lbfgs(0.5), stopping=stopping, max_steps=steps)
        assert result.energy[0] == pytest.approx(float(valley(result.positions[0])), rel=1e-12)
        assert result.history["energy"].iloc[-1] == pytest.approx(result.energy[0], rel=1e-12)
        energies.append(result.energy[0])
    assert np.all(np.diff(energies) <= 0)


def test_a_step_into_the_infinite_is_taken_back():
    def cliff(x):
        return jnp.sum(x - jnp.log(x))  # NaN below zero; minimum 12 at 1

    points, accepted = path_of(cliff, np.full((4, 3), 3.0), most=10.0)
    assert np.isfinite(accepted).all()
    np.testing.assert_allclose(points[-1], 1, atol=1e-6)


def test_a_protein_comes_to_rest_in_a_fraction_of_the_steps_of_adam():
    """How many steps that are hangs on roundings; Adam at a fixed rate never is as near to rest."""
    system = protein_system(ProteinConfig(), tripeptide())
    rest = nnrep.Stopping(min_delta=0, patience=10**6, rms_force=0.1)  # kJ/mol/nm
    found = minimize(system, optimizer=nnrep.lbfgs(1e-3), stopping=rest, max_steps=20_000)
    assert found.status == (nnrep.Status.converged,)
    assert found.gradient_rms[0] < 0.1
    assert found.energy[0] < found.energy_start[0]
    twice = 2 * int(found.steps_fine[0])
    adam = minimize(system, optimizer=nnrep.adam(1e-3), stopping=rest, max_steps=twice)
    assert adam.evaluations[0] == twice
    assert adam.gradient_rms[0] > 0.1


def test_seeds_in_a_batch_end_as_they_do_alone_and_rates_are_traced():
    system = protein_system(ProteinConfig(perturbation=0.1), tripeptide())
    options = {"max_steps": 60, "stopping": nnrep.Stopping(patience=1000)}
    batch = minimize(system, optimizer=nnrep.lbfgs(2e-3), seeds=3, batch_size=3, **options)
    alone = minimize(system, optimizer=nnrep.lbfgs(2e-3), seeds=[2], **options)
    np.testing.assert_allclose(batch.energy[2], alone.energy[0], rtol=1e-6)
    run_chunk.jitted.clear_cache()
    for rate in (1e-3, 2e-3):
        minimize(system, optimizer=chained(nnrep.lbfgs, rate, clamp=100 * rate), seeds=[2], **options)
    assert run_chunk.jitted._cache_size() == 1


def _above_zero(x):
    return jnp.sum(x - jnp.log(x))


@pytest.mark.parametrize("check_every", [1, 2, 3, 20])
def test_a_trial_point_without_an_energy_is_gone_back_from_whenever_it_is_checked(check_every):
    """The first long step leads to where the logarithm is not a number."""
    system = nnrep.System(energy=_above_zero, positions=np.full((4, 3), 3.0))
    stopping = nnrep.Stopping(rms_force=1e-6, check_every=check_every)
    result = minimize(system, optimizer=nnrep.lbfgs(10.0), stopping=stopping, max_steps=200)
    assert result.status == (Status.converged,)
    np.testing.assert_allclose(result.positions[0], 1.0, atol=1e-5)


@pytest.mark.parametrize("max_steps", range(1, 8))
def test_a_run_that_ends_at_such_a_point_ends_at_the_lowest_before(max_steps):
    system = nnrep.System(energy=_above_zero, positions=np.full((4, 3), 3.0))
    stopping = nnrep.Stopping(rms_force=1e-6, check_every=1)
    result = minimize(system, optimizer=nnrep.lbfgs(10.0), stopping=stopping, max_steps=max_steps)
    assert result.status[0] in (Status.step_limit, Status.converged)
    assert np.isfinite(result.positions).all()
    assert result.energy[0] <= float(_above_zero(system.positions))
