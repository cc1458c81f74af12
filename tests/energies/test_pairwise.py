import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrep.energies import pairwise

POTENTIALS = {
    "harmonic": lambda u: pairwise.harmonic(u, 1.0),
    "capped_lennard_jones": lambda u: pairwise.capped_lennard_jones(u, 0.01),
    "soft_coulomb": lambda u: pairwise.soft_coulomb(u, 0.01),
}


def test_minimum_of_capped_lennard_jones_is_the_published_one():
    distance, energy = pairwise.capped_lennard_jones_minimum(0.01)
    assert distance == pytest.approx(1.1322, abs=5e-5)
    assert energy == pytest.approx(-0.23672, abs=5e-6)


@given(st.floats(1e-4, 1.0))
def test_minimum_is_below_every_sample(cap):
    distance, energy = pairwise.capped_lennard_jones_minimum(cap)
    r = np.linspace(0.01, 5, 20001)
    values = np.asarray(pairwise.capped_lennard_jones(jnp.asarray(r**2), cap))
    assert energy <= values.min() + 1e-12
    assert r[values.argmin()] == pytest.approx(distance, abs=1e-3)


@pytest.mark.parametrize("name", POTENTIALS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_values_and_derivatives_are_finite_for_coincident_particles(name, precision):
    def energy(x):
        return POTENTIALS[name](jnp.sum((x[0] - x[1]) ** 2))

    positions = jnp.zeros((2, 3), precision)
    assert np.isfinite(energy(positions))
    assert np.all(np.isfinite(jax.grad(energy)(positions)))
    assert np.all(np.isfinite(jax.hessian(energy)(positions)))


@pytest.mark.parametrize("name", POTENTIALS)
def test_pair_block_agrees_with_equation_20(name):
    """||H_ij||^2 = f''(r)^2 + 2 (f'(r) / r)^2 in three dimensions."""

    def energy(x):
        return POTENTIALS[name](jnp.sum((x[0] - x[1]) ** 2))

    def f(r):
        return POTENTIALS[name](r**2)

    direction = np.array([0.48, -0.6, 0.64])

    @jax.jit
    def both(r):
        block = jax.hessian(energy)(jnp.stack([jnp.zeros(3), r * direction]))[0, :, 1, :]
        return jnp.sum(block**2), jax.grad(jax.grad(f))(r) ** 2 + 2 * (jax.grad(f)(r) / r) ** 2

    squared, expected = jax.vmap(both)(jnp.linspace(0.3, 4.0, 100))
    np.testing.assert_allclose(squared, expected, rtol=1e-9)
