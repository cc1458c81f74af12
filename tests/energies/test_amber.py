"""The AMBER energy for itself: derivatives, symmetries, large molecules, torsions and angles in line."""

from functools import cache, partial
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_sum import pair_energy
from scipy.spatial.transform import Rotation
from structure_texts import tripeptide

from nnrep.energies import amber, amber_uncorrected
from nnrep.energies.amber import AmberParameters, amber_energy_and_gradient, amber_terms
from nnrep.energies.amber_uncorrected import (
    UncorrectedParameters,
    uncorrected_energy_and_gradient,
    uncorrected_terms,
)
from nnrep.energies.bonded import (
    Angles,
    Bonds,
    Torsions,
    bonded_energy_and_gradient,
    bonded_terms,
)
from nnrep.energies.local import local_energy
from nnrep.energies.nonbonded import Atoms, PairTable, nonbonded_energy_and_gradient, pair_table
from nnrep.energies.planes import planes_of
from nnrep.energies.with_gradient import energy_with
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.systems.force_fields.parameters import (
    amber_parameters,
    forces_of,
    pair_atoms,
    uncorrected_parameters,
)

amber_energy = energy_with(amber_energy_and_gradient)
uncorrected_energy = energy_with(uncorrected_energy_and_gradient)


@cache
def table() -> AmberParameters:
    return amber_parameters(vacuum_system(tripeptide().topology))


@cache
def rows() -> AmberParameters:
    """As a molecule beyond MAX_TABLE_ATOMS has them."""
    system = vacuum_system(tripeptide().topology)
    return table()._replace(pairs=pair_atoms(forces_of(system)["NonbondedForce"]))


@cache
def uncorrected() -> UncorrectedParameters:
    return uncorrected_parameters(vacuum_system(tripeptide().topology))


def total(terms, parameters, positions):
    """The energy by its definition."""
    return sum(terms(parameters, positions).values())


total_of_terms = partial(total, amber_terms)


def assert_close(values, expected) -> None:
    """To float64, relative to each array's largest value."""
    for one, other in zip(jax.tree.leaves(values), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11 * float(abs(other).max()))


def warm(molecule: Molecule, seed: int = 0) -> jax.Array:
    noise = np.random.default_rng(seed).normal(size=(molecule.n, 3))
    return jnp.asarray(molecule.positions + 0.01 * noise)


@cache
def compiled():
    return jax.jit(amber_energy_and_gradient)


# Each way to have the energy, and the terms that define it.
WAYS = {
    "table": (amber_energy, amber_terms, table),
    "rows": (amber_energy, amber_terms, rows),
    "uncorrected": (uncorrected_energy, uncorrected_terms, uncorrected),
}


@pytest.mark.parametrize("way", ["table", "uncorrected"])
def test_gradient_is_that_of_the_terms(way):
    energy, terms, make = WAYS[way]
    parameters, x = make(), warm(tripeptide())
    v = jnp.asarray(np.random.default_rng(1).normal(size=x.shape))
    step = 1e-6

    @jax.jit
    def evaluate(parameters, x):
        computed = jax.value_and_grad(energy, argnums=1)(parameters, x)
        expected = jax.value_and_grad(partial(total, terms), argnums=1)(parameters, x)
        return computed, expected, jax.lax.map(partial(energy, parameters), x + step * jnp.stack([v, -v]))

    computed, expected, (ahead, behind) = evaluate(parameters, x)
    assert_close(computed, expected)
    slope = float(ahead - behind) / (2 * step)
    assert float(jnp.vdot(computed[1], v)) == pytest.approx(slope, rel=1e-6)


@partial(jax.jit, static_argnums=0)
def forward_over_reverse(function, parameters, x, v):
    return jax.jvp(partial(jax.grad(function, argnums=1), parameters), (x,), (v,))[1]


@partial(jax.jit, static_argnums=0)
def reverse_over_reverse(function, parameters, x, v):
    return jax.grad(lambda y: jnp.vdot(jax.grad(function, argnums=1)(parameters, y), v))(x)


@pytest.mark.parametrize("way", ["table", "rows"])
def test_hessian_products_are_those_of_the_terms(way):
    x = warm(tripeptide())
    v = jnp.asarray(np.random.default_rng(2).normal(size=x.shape))
    expected = reverse_over_reverse(total_of_terms, table(), x, v)
    parameters = WAYS[way][2]()
    assert_close(forward_over_reverse(amber_energy, parameters, x, v), expected)
    assert_close(reverse_over_reverse(amber_energy, parameters, x, v), expected)


def test_energies_of_many_frames_at_once():
    parameters = table()
    frames = jnp.stack([warm(tripeptide(), seed) for seed in range(3)])
    both = jax.jit(jax.vmap(jax.value_and_grad(amber_energy, argnums=1), (None, 0)))(parameters, frames)
    for frame, energy, gradient in zip(frames, *both, strict=True):
        assert_close((energy, gradient), compiled()(parameters, frame))


def test_there_are_no_derivatives_with_respect_to_parameters():
    parameters, x = table(), warm(tripeptide())

    def energy(stiffness, x):
        return amber_energy(parameters._replace(bonds=parameters.bonds._replace(stiffness=stiffness)), x)

    for argnums in (0, (0, 1)):
        with pytest.raises(TypeError, match="positions only"):
            jax.grad(energy, argnums)(parameters.bonds.stiffness, x)
    with pytest.raises(TypeError, match="positions only"):
        jax.jit(jax.grad(energy))(parameters.bonds.stiffness, x)
    with pytest.raises(TypeError):
        jax.grad(amber_energy)(parameters, x)
    still = jax.jit(jax.grad(lambda x: amber_energy(parameters, jax.lax.stop_gradient(x))))(x)
    np.testing.assert_array_equal(still, 0)


@given(st.integers(0, 2**31))
def test_energy_moves_along_and_forces_balance(seed):
    """Turned and shifted, the energy stays and the gradient turns along; no net force, no net torque."""
    rng = np.random.default_rng(seed)
    parameters, x = table(), warm(tripeptide(), seed)
    rotation = Rotation.random(random_state=rng).as_matrix()
    energy, gradient = compiled()(parameters, x)
    moved = compiled()(parameters, x @ rotation.T + rng.normal(size=3))
    size = float(abs(gradient).max())
    assert float(moved[0]) == pytest.approx(float(energy), rel=1e-10)
    np.testing.assert_allclose(moved[1], gradient @ rotation.T, atol=1e-9 * size)
    np.testing.assert_allclose(jnp.sum(gradient, axis=0), 0, atol=1e-10 * size)
    np.testing.assert_allclose(jnp.sum(jnp.cross(x, gradient), axis=0), 0, atol=1e-10 * size)


def test_molecules_of_one_shape_share_a_compilation():
    @jax.jit
    def jitted(parameters, x):
        return amber_energy_and_gradient(parameters, x)

    parameters, x = table(), warm(tripeptide())
    energies = set()
    for factor in (1.0, 1.01, 0.98):
        scaled = jax.tree.map(lambda leaf, by=factor: leaf * by if leaf.dtype == float else leaf, parameters)
        energies.add(float(jitted(scaled, x)[0]))
    assert jitted._cache_size() == 1
    assert len(energies) == 3


@pytest.mark.parametrize("way", WAYS)
def test_the_few_particle_terms_add_up_to_the_energy(way):
    """What the Hessian's backbone is made of is all of the energy."""
    energy, _, make = WAYS[way]
    parameters, x = make(), warm(tripeptide())
    module = amber_uncorrected if way == "uncorrected" else amber
    pair_terms, local_terms = module.coupling_terms(parameters), module.local_terms(parameters)

    @jax.jit
    def both(parameters, x):
        of_terms = pair_energy(pair_terms, x) + sum(local_energy(term, x) for term in local_terms)
        return of_terms, energy(parameters, x)

    of_terms, expected = both(parameters, x)
    assert float(of_terms) == pytest.approx(float(expected), rel=1e-9)


# Large molecules: the pairs' numbers row block by row block.


def test_large_molecules_have_no_table(monkeypatch):
    system = vacuum_system(tripeptide().topology)
    count = system.getNumParticles()
    monkeypatch.setattr("nnrep.systems.force_fields.parameters.MAX_TABLE_ATOMS", count)
    small = amber_parameters(system)
    monkeypatch.setattr("nnrep.systems.force_fields.parameters.MAX_TABLE_ATOMS", count - 1)
    large = amber_parameters(system)
    assert isinstance(small.pairs, PairTable)
    assert isinstance(large.pairs, Atoms)
    x = warm(tripeptide())
    assert_close(compiled()(large, x), compiled()(small, x))
    pairs = pair_table(large.pairs, jnp.arange(count))
    for one, other in zip(pairs, small.pairs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_excluded_atoms_may_lie_on_one_another():
    bonds = np.asarray(table().bonds.pairs)
    x = jnp.asarray(tripeptide().positions).at[bonds[3, 0]].set(tripeptide().positions[bonds[3, 1]])
    for parameters in (table(), rows()):
        for values in jax.jit(nonbonded_energy_and_gradient)(parameters.pairs, x.T):
            assert np.all(np.isfinite(values))


def test_memory_of_row_blocks_is_linear():
    n = 5000
    nothing = jnp.zeros((n, 4))
    partners = jnp.broadcast_to(jnp.arange(n)[:, None], (n, 4))
    atoms = Atoms(*(jnp.ones(n),) * 3, partners, PairTable(nothing, nothing, nothing))
    function = jax.jit(nonbonded_energy_and_gradient)
    needed = function.lower(atoms, jnp.zeros((3, n))).compile().memory_analysis().temp_size_in_bytes
    assert needed < 0.1 * n**2 * 8  # of one table


# Torsions and angles, where a formula may fail.


def no_bonds() -> Bonds:
    return Bonds(jnp.zeros((0, 2), int), jnp.zeros(0), jnp.zeros(0))


def no_angles() -> Angles:
    return Angles(jnp.zeros((0, 3), int), jnp.zeros(0), jnp.zeros(0))


def torsions_of(quadruples, barriers, phases) -> Torsions:
    """From barriers and phases (P, m)."""
    k, gamma = jnp.asarray(barriers, float), jnp.asarray(phases, float)
    cosine, sine = k * jnp.cos(gamma), k * jnp.sin(gamma)
    return Torsions(jnp.asarray(quadruples), jnp.sum(k, axis=0), cosine, sine)


@jax.jit
def at_once(planes, torsions, x):
    """Energies and gradients at positions (m, n, 3), in closed form."""

    def of_frame(x):
        energy, gradient = bonded_energy_and_gradient(planes, torsions, x.T)
        return energy, gradient.T

    return jax.vmap(of_frame)(x)


@jax.jit
def by_terms(terms, x):
    """The same by their definitions."""
    return jax.vmap(jax.value_and_grad(lambda x: sum(bonded_terms(*terms, x).values())))(x)


def both_ways(bonds: Bonds, angles: Angles, torsions: Torsions, x: np.ndarray):
    positions = jnp.asarray(x, float)
    yield at_once(planes_of(bonds, angles, torsions), torsions, positions)
    yield by_terms((bonds, angles, torsions), positions)


BARRIERS, PHASES = np.array([2.0, 0.5, 1.5]), np.array([0.7, -2.0, 1.1])


def twisted(phi: np.ndarray) -> np.ndarray:
    """Four atoms (m, 4, 3) with a torsion angle of phi (m,)."""
    x = np.zeros((len(phi), 4, 3))
    x[:, 0], x[:, 2], x[:, 3, 2] = [0.1, 0, -0.03], [0, 0, 0.15], 0.2
    x[:, 3, 0], x[:, 3, 1] = 0.12 * np.cos(phi), 0.12 * np.sin(phi)
    return x


@pytest.mark.parametrize("quadruple", [(0, 1, 2, 3), (3, 2, 1, 0)])
def test_a_torsion_all_the_way_round(quadruple):
    """With phases that tell phi from -phi; through 0 and pi without a jump."""
    torsions = torsions_of([quadruple], BARRIERS[:, None], PHASES[:, None])
    phi = np.linspace(-np.pi, np.pi, 361)
    phi = np.sort(np.concatenate([phi, [-1e-9, 1e-9, 1e-9 - np.pi, np.pi - 1e-9]]))
    p = np.arange(1, 4)[:, None]
    argument = p * phi - PHASES[:, None]
    expected = BARRIERS @ (1 + np.cos(argument))
    slope = -(BARRIERS * p[:, 0]) @ np.sin(argument)
    sideways = 0.12 * np.stack([-np.sin(phi), np.cos(phi), 0 * phi], axis=1)  # d x[3] / d phi
    for energy, gradient in both_ways(no_bonds(), no_angles(), torsions, twisted(phi)):
        np.testing.assert_allclose(energy, expected, atol=1e-12)
        np.testing.assert_allclose(np.sum(gradient[:, 3] * sideways, axis=1), slope, atol=1e-11)
        steps = abs(np.diff(gradient, axis=0)).max(axis=(1, 2))
        assert steps.max() < 2 * np.diff(phi).max() * BARRIERS @ p[:, 0] ** 2 / 0.1
        assert steps[np.diff(phi) < 1e-8].max() < 1e-5
        np.testing.assert_allclose(gradient[0], gradient[-1], atol=1e-11)


IN_LINE = {
    "opposite": ([0.1, 0, 0], [0, 0, 0], [-0.12, 0, 0], np.pi),
    "folded": ([0.1, 0, 0], [0, 0, 0], [0.15, 0, 0], 0.0),
    "opposite, oblique": ([0.1, 0.2, 0.3], [0, 0, 0], [-0.2, -0.4, -0.6], np.pi),
}


@pytest.mark.parametrize("case", IN_LINE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_three_atoms_in_line(case, dtype):
    """An angle of exactly 0 or pi, where a torsion has none and its force would be endless."""
    *three, theta = IN_LINE[case]
    jax.config.update("jax_enable_x64", dtype == "float64")
    x = np.array([[*three, [0.05, 0.1, 0.02]]])
    bonds = Bonds(jnp.array([[0, 1], [1, 2]]), jnp.array([0.1, 0.12]), jnp.array([1e5, 2e5]))
    angles = Angles(jnp.array([[0, 1, 2]]), jnp.array([2.0]), jnp.array([400.0]))
    barriers, phases = np.stack([BARRIERS] * 2, axis=1), np.stack([PHASES] * 2, axis=1)
    torsions = torsions_of([(0, 1, 2, 3), (3, 2, 1, 0)], barriers, phases)
    for energy, gradient in both_ways(bonds, angles, torsions, x):
        assert energy.dtype == gradient.dtype == dtype
        assert np.all(np.isfinite(energy))
        assert np.all(np.isfinite(gradient))
    slack = bonds._replace(stiffness=jnp.zeros(2))
    free = torsions_of(torsions.quadruples, 0 * barriers, phases)
    for energy, gradient in both_ways(slack, angles, free, x):
        assert float(energy[0]) == pytest.approx(200 * (theta - 2) ** 2, rel=1e-5)
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("bend", [1e-2, 1e-4])
def test_an_angle_that_is_nearly_straight(bend):
    """The force is k |theta - theta0| / r, whatever the small sine that it is divided by."""
    angles = Angles(jnp.array([[0, 1, 2]]), jnp.array([2.0]), jnp.array([400.0]))
    nothing = torsions_of(np.zeros((0, 4), int), np.zeros((1, 0)), np.zeros((1, 0)))
    x = np.array([[[0.1, 0, 0], [0, 0, 0], [-0.12 * np.cos(bend), 0.12 * np.sin(bend), 0]]])
    stretch = np.pi - bend - 2
    for energy, gradient in both_ways(no_bonds(), angles, nothing, x):
        assert float(energy[0]) == pytest.approx(200 * stretch**2, rel=1e-10)
        np.testing.assert_allclose(gradient[0, 0], [0, -400 * stretch / 0.1, 0], rtol=1e-8, atol=1e-6)


def test_bonds_that_are_no_side_of_an_angle_have_a_plane_of_their_own():
    """As Urey-Bradley terms have, and bonds of atoms without angles."""
    nothing = torsions_of(np.zeros((0, 4), int), np.zeros((1, 0)), np.zeros((1, 0)))
    angles = Angles(jnp.array([[0, 1, 2]]), jnp.ones(1), jnp.ones(1))
    bonds = Bonds(jnp.array([[0, 2], [1, 0], [3, 4]]), jnp.array([0.3, 0.1, 0.2]), jnp.array([2.0, 5.0, 7.0]))
    x = np.random.default_rng(0).normal(size=(1, 5, 3))
    one, other = both_ways(bonds, angles, nothing, x)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-12)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-9, atol=1e-12)


def test_two_bonds_of_two_atoms_and_a_bond_alone_are_refused():
    nothing = torsions_of(np.zeros((0, 4), int), np.zeros((1, 0)), np.zeros((1, 0)))
    for pairs, message in (([[0, 1]], "no third atom"), ([[0, 1], [1, 0], [1, 2]], "two bonds")):
        bonds = Bonds(jnp.array(pairs), jnp.ones(len(pairs)), jnp.ones(len(pairs)))
        with pytest.raises(ValueError, match=message):
            planes_of(bonds, Angles(jnp.zeros((0, 3), int), jnp.ones(0), jnp.ones(0)), nothing)


ATOMS, TORSIONS = 6, 5
PLANES = [(i, j, k) for i, k in combinations(range(ATOMS), 2) for j in range(ATOMS) if j not in (i, k)]


@given(
    st.lists(st.permutations(range(ATOMS)), min_size=TORSIONS, max_size=TORSIONS),
    st.lists(st.booleans(), min_size=TORSIONS, max_size=TORSIONS),
    st.integers(0, 2**31),
)
def test_shared_planes_change_nothing(orders, reversals, seed):
    """Torsions over any four atoms, twice or both ways round; their planes are angles, stored either way."""
    rng = np.random.default_rng(seed)
    quadruples = [order[:4] for order in orders]
    quadruples += [quadruples[k][::-1] if turn else quadruples[k] for k, turn in enumerate(reversals)]
    shape = (3, 2 * TORSIONS)
    torsions = torsions_of(quadruples, rng.normal(size=shape), rng.uniform(-4, 4, size=shape))
    triples = jnp.asarray([plane[:: rng.choice([-1, 1])] for plane in rng.permutation(PLANES)])
    angles = Angles(triples, *jnp.asarray(rng.uniform(0.5, 2.5, size=(2, len(PLANES)))))
    chain = np.arange(ATOMS)
    pairs = jnp.asarray(rng.permuted(np.stack([chain[:-1], chain[1:]], axis=1), axis=1))
    bonds = Bonds(pairs, *jnp.asarray(rng.uniform(0.5, 1.5, size=(2, ATOMS - 1))))
    ways = both_ways(bonds, angles, torsions, rng.normal(size=(3, ATOMS, 3)))
    assert_close(*ways)
