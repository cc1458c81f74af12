"""The loop energies against an independent evaluation in NumPy, written pair by pair."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_sum import pair_energy

from nnrep.energies import loop
from nnrep.energies.loop import LoopParameters, Potential


def reference_energy(p: LoopParameters, x: np.ndarray) -> float:
    """Every term as the paper has it: a mean over the directed pairs that it couples."""
    n = len(x)
    bonds = {(i, i + 1) for i in range(n - 1)}
    loops = {(i, i + p.loop_length) for i in range(n - p.loop_length)}

    def r(pair):
        return np.linalg.norm(x[pair[0]] - x[pair[1]])

    def v(pair):
        return 1 / (r(pair) ** 12 + p.lj_cap) - 1 / (r(pair) ** 6 + 6 * p.lj_cap)

    pairs = set(itertools.combinations(range(n), 2))
    if p.potential is Potential.bond_lj:
        energy = np.mean([(r(b) - 1) ** 2 for b in bonds])
        energy += np.mean([p.loop_strength * v(s) for s in loops])
        repelling = pairs
    else:
        energy = sum(v(b) for b in bonds) + p.loop_strength * sum(v(s) for s in loops)
        energy /= len(bonds | loops)
        repelling = pairs - bonds - loops
    if repelling:
        energy += p.repulsion_strength * np.mean([1 / (r(q) + p.repulsion_cap) for q in repelling])
    return energy


SIZES = ((2, 1), (3, 2), (9, 3), (10, 9), (24, 1))  # n and loop_length: few, for each is compiled


@st.composite
def loops(draw):
    n, loop_length = draw(st.sampled_from(SIZES))
    parameters = LoopParameters(
        loop_strength=draw(st.floats(0.01, 2)),
        lj_cap=draw(st.floats(1e-3, 0.5)),
        repulsion_strength=draw(st.floats(0, 1)),
        repulsion_cap=draw(st.floats(1e-3, 0.5)),
        potential=draw(st.sampled_from(Potential)),
        loop_length=loop_length,
    )
    dim = draw(st.sampled_from([2, 3]))
    x = np.random.default_rng(draw(st.integers(0, 2**31))).normal(size=(n, dim)) * draw(st.floats(0.3, 3))
    return parameters, x


@jax.jit
def energy_of(parameters, x):
    return loop.loop_energy(parameters, x)


@jax.jit
def energy_of_pairs(parameters, x):
    terms = loop.coupling_terms(parameters, len(x)) + loop.repulsion_terms(parameters, len(x))
    return pair_energy(terms, x)


@given(loops())
def test_energy_agrees_with_the_reference(case):
    parameters, x = case
    energy = float(energy_of(parameters, jnp.asarray(x)))
    assert energy == pytest.approx(reference_energy(parameters, x), rel=1e-9)


@pytest.mark.parametrize("potential", Potential)
def test_more_pairs_than_an_int32_counts(potential):
    jax.config.update("jax_enable_x64", False)
    n = 70_001
    parameters = LoopParameters(potential=potential)
    line = jnp.arange(n, dtype="float32")[:, None] * jnp.asarray([1.13, 0, 0], "float32")
    for sampled in SAMPLED.values():
        energy = float(sampled(parameters, line, jax.random.key(0)))
        assert energy == pytest.approx(float(loop.coupled_energy(parameters, line)), abs=1e-4)
    jax.eval_shape(lambda x: loop.loop_energy(parameters, x), line)


@pytest.mark.parametrize("potential", Potential)
def test_energy_of_a_large_loop_in_both_precisions(potential):
    parameters = LoopParameters(potential=potential)
    x = np.random.default_rng(1).normal(size=(400, 3)) * 2
    expected = reference_energy(parameters, x)
    assert float(loop.loop_energy(parameters, jnp.asarray(x))) == pytest.approx(expected, rel=1e-6)
    single = loop.loop_energy(parameters, jnp.asarray(x, "float32"))
    assert single.dtype == "float32"
    assert float(single) == pytest.approx(expected, rel=1e-4)


@given(loops())
def test_terms_as_explicit_pairs_are_the_same_energy(case):
    parameters, x = case
    energy = float(energy_of(parameters, jnp.asarray(x)))
    assert float(energy_of_pairs(parameters, jnp.asarray(x))) == pytest.approx(energy, rel=1e-9)


def by_shifts(parameters, x, key):
    order = jnp.asarray(np.random.default_rng(8).permutation(len(x)))
    return loop.loop_energy_by_shifts(parameters, order, x, key)


SAMPLED = {"shifts": by_shifts, "independent": loop.loop_energy_by_pairs}


def energies(parameters):
    """The exact energy and one draw of each sampled one."""
    key = jax.random.key(3)
    yield lambda x: loop.loop_energy(parameters, x)
    for sampled in SAMPLED.values():
        yield lambda x, sampled=sampled: sampled(parameters, x, key)


@pytest.mark.parametrize("potential", Potential)
def test_gradients_agree_with_finite_differences(potential):
    parameters = LoopParameters(potential=potential)
    rng = np.random.default_rng(2)
    x, direction = jnp.asarray(rng.normal(size=(24, 3)) * 1.5), jnp.asarray(rng.normal(size=(24, 3)))
    for energy in map(jax.jit, energies(parameters)):
        step = 1e-6
        slope = (energy(x + step * direction) - energy(x - step * direction)) / (2 * step)
        gradient = jax.jit(jax.grad(energy))(x)
        assert float(jnp.vdot(gradient, direction)) == pytest.approx(float(slope), rel=1e-6)


@pytest.mark.parametrize("potential", Potential)
def test_second_derivatives_agree_with_finite_differences(potential):
    parameters = LoopParameters(potential=potential)
    rng = np.random.default_rng(4)
    x, direction = jnp.asarray(rng.normal(size=(15, 3))), jnp.asarray(rng.normal(size=(15, 3)))
    for energy in energies(parameters):
        step = 1e-5
        gradient = jax.jit(jax.grad(energy))
        change = (gradient(x + step * direction) - gradient(x - step * direction)) / (2 * step)
        product = jnp.einsum("iajb,jb->ia", jax.jit(jax.hessian(energy))(x), direction)
        np.testing.assert_allclose(product, change, rtol=1e-5, atol=1e-7 * float(abs(change).max()))


@given(loops(), st.integers(0, 2**31))
def test_energy_is_invariant_under_rotation_and_translation(case, seed):
    parameters, x = case
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(x.shape[1],) * 2))
    moved = x @ rotation + rng.normal(size=x.shape[1])
    before, after = (float(energy_of(parameters, jnp.asarray(y))) for y in (x, moved))
    assert after == pytest.approx(before, rel=1e-8)


@pytest.mark.parametrize("potential", Potential)
@pytest.mark.parametrize("pairs", SAMPLED)
@pytest.mark.parametrize("n", [13, 14])
def test_sampled_energy_has_the_exact_expectation(potential, pairs, n):
    parameters = LoopParameters(potential=potential, repulsion_strength=1.0, loop_length=4)
    x = jnp.asarray(np.random.default_rng(5).normal(size=(n, 3)))
    keys = jax.random.split(jax.random.key(0), 40_000)
    draws = jax.jit(jax.vmap(lambda key: SAMPLED[pairs](parameters, x, key)))(keys)
    standard_error = float(jnp.std(draws)) / np.sqrt(len(draws))
    exact = float(loop.loop_energy(parameters, x))
    assert abs(float(jnp.mean(draws)) - exact) < 4 * standard_error
    assert standard_error > 0


def test_shifts_scatter_as_little_as_independent_pairs():
    """On a coil, where all pairs at one distance along the chain are near or far together."""
    angle = 2 * np.pi * np.arange(300) / 10
    x = jnp.asarray(np.stack([1.8 * np.cos(angle), 1.8 * np.sin(angle), angle / 6], axis=1))
    keys = jax.random.split(jax.random.key(2), 2000)
    spread = {
        name: float(jnp.std(jax.jit(jax.vmap(lambda key, f=f: f(LoopParameters(), x, key)))(keys)))
        for name, f in SAMPLED.items()
    }
    assert spread["shifts"] < 1.5 * spread["independent"]


@pytest.mark.parametrize("n", [2, 3, 9, 10])
def test_shifts_cover_all_pairs_evenly(n):
    keys = jax.random.split(jax.random.key(1), 40_000)
    shifts = np.asarray(jax.vmap(lambda key: loop.draw_shifts(key, n))(keys)).ravel()
    counts = np.zeros((n, n))
    for shift, times in zip(*np.unique(shifts, return_counts=True), strict=True):
        for i in range(n):
            j = (i + shift) % n
            counts[i, j] += times
            counts[j, i] += times
    drawn = counts[np.triu_indices(n, 1)]
    assert counts.diagonal().sum() == 0
    np.testing.assert_allclose(drawn / drawn.mean(), 1, atol=0.05)


def largest_array(jaxpr) -> int:
    sizes = [v.aval.size for eqn in jaxpr.eqns for v in eqn.outvars]
    for eqn in jaxpr.eqns:
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple | list) else [value]:
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    sizes.append(largest_array(inner))
    return max(sizes, default=0)


@pytest.mark.parametrize("potential", Potential)
def test_exact_energy_and_gradient_need_memory_linear_in_n(potential):
    n = 3000
    energy = jax.value_and_grad(lambda x: loop.loop_energy(LoopParameters(potential=potential), x))
    jaxpr = jax.make_jaxpr(energy)(jnp.zeros((n, 3)))
    assert n < largest_array(jaxpr.jaxpr) < 20 * n


@pytest.mark.parametrize(
    ("potential", "n", "bound"),
    [(Potential.bond_lj, 1000, -0.02367), (Potential.pure_lj, 1000, -0.1307)],
)
def test_bounds_are_the_published_ones(potential, n, bound):
    assert loop.energy_bound(LoopParameters(potential=potential), n) == pytest.approx(bound, abs=5e-5)


@given(loops())
def test_energy_is_above_its_bound(case):
    parameters, x = case
    assert reference_energy(parameters, x) >= loop.energy_bound(parameters, len(x)) - 1e-12


def test_bound_is_reached_by_touching_couplings():
    """Five particles with loops (i, i+2): a zigzag strip of equilateral triangles satisfies them all."""
    parameters = LoopParameters(loop_length=2, repulsion_strength=0.0)
    length = 1.13216
    x = length * np.array([[i / 2, (i % 2) * np.sqrt(3) / 2, 0] for i in range(5)])
    energy = float(loop.loop_energy(parameters, jnp.asarray(x)))
    assert energy == pytest.approx(loop.energy_bound(parameters, 5), rel=1e-6)


def test_parameters_are_traced_and_the_shape_of_the_energy_is_static():
    compiled = jax.jit(loop.loop_energy)
    x = jnp.ones((12, 3))
    for cap in (0.01, 0.02, 0.03):
        compiled(dataclasses.replace(LoopParameters(), lj_cap=cap), x)
    assert compiled._cache_size() == 1
    compiled(LoopParameters(potential=Potential.bond_lj), x)
    assert compiled._cache_size() == 2
