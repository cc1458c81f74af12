"""The wall of a container."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnrep.energies.container import container

RADIUS, STIFFNESS = 2.0, 30.0


@pytest.fixture
def positions():
    return 1.5 * np.random.default_rng(0).normal(size=(9, 3))


def test_it_is_the_work_against_a_wall_about_the_centre_of_mass(positions):
    masses = np.linspace(1, 5, 9)
    held = container(RADIUS, STIFFNESS, masses)
    energy, gradient = held.energy_and_gradient(held.parameters, positions)
    centre = masses @ positions / masses.sum()
    beyond = np.maximum(np.linalg.norm(positions - centre, axis=1) - RADIUS, 0)
    assert np.sum(beyond > 0) > 2
    assert float(energy) == pytest.approx(0.5 * STIFFNESS * np.sum(beyond**2))
    step = 1e-6 * np.random.default_rng(1).normal(size=positions.shape)
    ahead, behind = (
        held.energy_and_gradient(held.parameters, x)[0] for x in (positions + step, positions - step)
    )
    assert float(ahead - behind) == pytest.approx(2 * float(np.vdot(gradient, step)), rel=1e-5)
    np.testing.assert_allclose(np.sum(gradient, axis=0), 0, atol=1e-11)
    moved = held.energy_and_gradient(held.parameters, positions + 100.0)[0]
    assert float(moved) == pytest.approx(float(energy))
    assert held.terms(held.parameters, positions)["container"] == energy


def test_inside_there_is_nothing_and_all_derivatives_are_finite():
    held = container(RADIUS, STIFFNESS, np.ones(3))
    line = np.array([[-1.9, 0, 0], [0, 0, 0], [1.9, 0, 0]])
    energy, gradient = held.energy_and_gradient(held.parameters, line)
    assert (float(energy), np.any(gradient)) == (0, False)
    hessian = jax.jacfwd(lambda x: held.energy_and_gradient(held.parameters, x)[1])(jnp.asarray(2 * line))
    assert np.isfinite(hessian).all()


def test_what_has_no_mass_is_not_held():
    held = container(RADIUS, STIFFNESS, np.array([1.0, 1.0, 0.0]))
    energy, gradient = held.energy_and_gradient(held.parameters, np.diag([1.0, 1.0, 50.0]))
    assert (float(energy), np.any(gradient)) == (0, False)
