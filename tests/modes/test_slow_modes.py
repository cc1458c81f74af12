import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from jax.tree_util import Partial
from pair_sum import pair_energy
from structure_texts import tripeptide

import nnrep
from nnrep.energies import bonded, nonbonded
from nnrep.energies.amber import amber_terms
from nnrep.energies.local import LocalTerm, local_energy
from nnrep.energies.pairwise import PairTerm
from nnrep.errors import ConfigError
from nnrep.modes import backbone, spectrum
from nnrep.modes.backbone import Backbone, Sampling, dense_backbone, term_backbone
from nnrep.modes.slow import mode_count
from nnrep.systems.force_fields.registry import FORCE_FIELDS
from nnrep.systems.protein import ProteinConfig, protein_system

CASES = [("bond_lj", 10), ("pure_lj", 10), ("pure_lj", 1), ("bond_lj", 1), ("pure_lj", 29)]


def loop(potential="pure_lj", loop_length=10, n=30, **options):
    return nnrep.load_system("loop", n=n, potential=potential, loop_length=loop_length, **options)


@pytest.mark.parametrize(("potential", "loop_length"), CASES)
def test_closed_form_backbone_is_the_dense_one(potential, loop_length):
    system = loop(potential, loop_length)
    terms = system.coupling_terms + system.background_terms()
    seed = 0
    dense = dense_backbone(system.energy, Sampling(system.draw_configuration, 4, seed))
    closed = term_backbone(terms, (), Sampling(system.draw_configuration, 4, seed)).toarray()
    np.testing.assert_allclose(closed, dense, rtol=1e-8, atol=1e-10 * dense.max())


def test_closed_form_without_repulsion_is_the_dense_one_without_repulsion():
    system = loop(repulsion_strength=0.0)
    seed = 1
    dense = dense_backbone(system.energy, Sampling(system.draw_configuration, 3, seed))
    closed = term_backbone(system.coupling_terms, (), Sampling(system.draw_configuration, 3, seed)).toarray()
    np.testing.assert_allclose(closed, dense, rtol=1e-8, atol=1e-10 * dense.max())


def peptide(force_field="amber14"):
    return protein_system(ProteinConfig(force_field=force_field), tripeptide())


@pytest.mark.parametrize("force_field", FORCE_FIELDS)
def test_backbone_of_a_protein_is_the_dense_one(force_field):
    system, seed = peptide(force_field), 3
    dense = dense_backbone(system.energy, Sampling(system.draw_configuration, 3, seed))
    terms = system.coupling_terms(), system.local_terms
    closed = term_backbone(*terms, Sampling(system.draw_configuration, 3, seed)).toarray()
    np.testing.assert_allclose(closed, dense, rtol=1e-6, atol=1e-10 * dense.max())


def test_slow_modes_of_a_protein():
    system = peptide()
    modes = nnrep.slow_modes(system, k=0.2)
    vectors = np.asarray(modes.vectors)
    assert vectors.shape == (57, 11)
    assert float(modes.values[0]) == pytest.approx(0, abs=1e-9 * float(modes.values[-1]))
    assert np.all(np.asarray(modes.values[1:]) > 0)
    np.testing.assert_allclose(vectors[:, 0], 57**-0.5, rtol=1e-6)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(11), atol=1e-10)
    sampling = Sampling(system.draw_configuration, system.hessian_samples, 0)
    matrix = dense_backbone(system.energy, sampling)
    slowest = np.linalg.eigh(np.diag(matrix.sum(axis=1)) - matrix)[1][:, :11]
    assert principal_angles(vectors, slowest).max() < 1e-6


def test_backbone_of_every_protein_term_is_the_dense_one():
    system = peptide()
    (parameters,) = system.energy.args
    pairs, (angles, torsions) = nonbonded.pair_terms(parameters.pairs), system.local_terms
    terms = {
        "bonds": (bonded.bond_terms(parameters.bonds), ()),
        "angles": ((), (angles,)),
        "torsions": ((), (torsions,)),
        "lennard_jones": (pairs[:2], ()),
        "coulomb": (pairs[2:], ()),
    }
    x = system.draw_configuration(jax.random.key(4), 0.0)
    hessians = jax.jit(jax.hessian(Partial(amber_terms, parameters)))(x)
    assert hessians.keys() == terms.keys()
    for name, (pair_terms, local_terms) in terms.items():
        dense = np.linalg.norm(hessians[name], axis=(1, 3))
        sparse = term_backbone(pair_terms, local_terms, Sampling(Partial(at, x), 1, 0))
        np.testing.assert_allclose(sparse.toarray(), dense, rtol=1e-6, atol=1e-10 * dense.max())


def skew(x, weight):
    """A potential of four particles that tells each from the others."""
    volume = jnp.dot(jnp.cross(x[0] - x[1], x[2] - x[1]), x[3] - x[0])
    return weight * volume + jnp.sum((x[3] - x[1]) ** 2) ** 2


def at(positions, key, t):
    return positions


@pytest.mark.parametrize("seed", range(4))
def test_backbone_of_any_local_terms_is_the_dense_one(seed):
    """Particles in any order, pairs of them in several terms."""
    rng = np.random.default_rng(seed)
    orders = np.array([rng.permutation(6) for _ in range(12)])
    weights = jnp.asarray(rng.normal(size=(2, len(orders))))
    local = LocalTerm(orders[:, :4], weights[0], skew)
    pairs = PairTerm(orders[:, 4:], weights[1], jnp.square)
    draw = Partial(at, jnp.asarray(rng.normal(size=(6, 3))))

    def energy(positions):
        return local_energy(local, positions) + pair_energy((pairs,), positions)

    dense = dense_backbone(energy, Sampling(draw, 1, 0))
    closed = term_backbone((pairs,), (local,), Sampling(draw, 1, 0)).toarray()
    np.testing.assert_allclose(closed, dense, rtol=1e-10)


@pytest.mark.parametrize("force_field", FORCE_FIELDS)
def test_one_shape_of_protein_compiles_its_backbone_once(force_field):
    backbone._over_samples.jitted.clear_cache()
    for samples in (1, 2):
        system = peptide(force_field)
        nnrep.slow_modes(system, k=5, samples=samples)
    assert backbone._over_samples.jitted._cache_size() == 1


def test_backbone_is_the_mean_of_the_norms_over_the_samples():
    system = loop(n=12, loop_length=3)
    hessian = jax.jit(jax.hessian(system.energy))
    key = jax.random.key(2)
    norms = []
    for index in range(3):
        x = system.draw_configuration(jax.random.fold_in(key, index), index / 2)
        blocks = np.asarray(hessian(x))
        norms.append(np.sqrt((blocks**2).sum(axis=(1, 3))))
    sampling = Sampling(system.draw_configuration, 3, 2)
    mean = dense_backbone(system.energy, sampling)
    np.testing.assert_allclose(mean, np.mean(norms, axis=0), rtol=1e-10)
    total = dense_backbone(system.energy, sampling._replace(backbone=Backbone.sum_square))
    np.testing.assert_allclose(total, np.sum(np.square(norms), axis=0), rtol=1e-10)
    terms = system.coupling_terms + system.background_terms()
    closed = term_backbone(terms, (), sampling._replace(backbone=Backbone.sum_square))
    np.testing.assert_allclose(closed.toarray(), total, rtol=1e-6, atol=1e-12 * total.max())


def test_laplacian_of_a_path():
    adjacency = np.diag(np.ones(2), 1) + np.diag(np.ones(2), -1) + 7 * np.eye(3)
    expected = [[1, -1, 0], [-1, 2, -1], [0, -1, 1]]
    np.testing.assert_allclose(spectrum.laplacian(adjacency).toarray(), expected)


def principal_angles(a, b):
    return scipy.linalg.subspace_angles(np.asarray(a), np.asarray(b))


def test_slow_modes_are_the_lowest_of_a_dense_eigensolver():
    system = loop(n=60)
    modes = nnrep.slow_modes(system, k=7, background=True)
    seed = 0
    dense = dense_backbone(system.energy, Sampling(system.draw_configuration, system.hessian_samples, seed))
    matrix = np.diag(dense.sum(axis=1)) - dense
    values, vectors = np.linalg.eigh(matrix)
    np.testing.assert_allclose(modes.values, values[:7], atol=1e-8 * values[-1])
    assert principal_angles(modes.vectors, vectors[:, :7]).max() < 1e-6
    np.testing.assert_allclose(
        modes.weights, np.einsum("ik,ij,jk->k", modes.vectors, dense, modes.vectors), rtol=1e-8
    )


@pytest.mark.parametrize("solver", ["dense", "shift_invert", "lanczos"])
def test_epsilon_rule_counts_as_definition_2_1(solver):
    system = loop(n=120)
    every = nnrep.slow_modes(system, k=120).values
    for epsilon in (0.05, 0.3, 0.7):
        modes = nnrep.slow_modes(system, epsilon=epsilon, solver=solver)
        assert modes.values.size == np.sum(np.abs(every) < epsilon**2 * every[-1])
        assert modes.solver == solver


def test_modes_are_orthonormal_and_their_signs_fixed():
    modes = nnrep.slow_modes(loop(n=50), k=0.4)
    vectors = np.asarray(modes.vectors)
    assert vectors.shape == (50, 20)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(20), atol=1e-10)
    assert np.all(vectors[abs(vectors).argmax(axis=0), np.arange(20)] > 0)


def test_modes_are_determined_by_their_seed():
    system = loop()
    first, same, other = (nnrep.slow_modes(system, k=5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.vectors, same.vectors)
    assert abs(np.asarray(first.values) - np.asarray(other.values)).max() > 0


def test_own_energy_takes_the_dense_hessian_around_its_positions():
    """Two springs of unequal stiffness in a row: the soft one separates the slow mode."""
    stiff = jnp.asarray([1.0, 100.0])

    def energy(x):
        return jnp.sum(stiff * jnp.sum((x[1:] - x[:-1]) ** 2, axis=1))

    system = nnrep.System(energy=energy, positions=np.random.default_rng(0).normal(size=(3, 2)))
    modes = nnrep.slow_modes(system, k=2)
    assert float(modes.values[0]) == pytest.approx(0, abs=1e-9)
    slow = np.asarray(modes.vectors[:, 1])
    assert abs(slow[1] - slow[2]) < 0.05 * abs(slow[0] - slow[1])


@pytest.mark.parametrize(("k", "count"), [(1, 1), (30, 30), (0.5, 15), (0.001, 1), (0.999, 30)])
def test_mode_counts(k, count):
    assert mode_count(k, 30) == count


@pytest.mark.parametrize("k", [0, -1, 31, 1.0, 1.5, 0.0, -0.2, True, "many", float("nan")])
def test_unusable_mode_counts_name_what_is_allowed(k):
    with pytest.raises(ConfigError, match=r"^k: must be a count from 1 to n = 30"):
        nnrep.slow_modes(loop(), k)


def test_modes_of_a_large_loop_stay_sparse():
    """A dense Laplacian of 20 000 particles would take 3.2 GB."""
    modes = nnrep.slow_modes(loop(n=20_000), k=4, samples=2)
    assert modes.vectors.shape == (20_000, 4)
    np.testing.assert_allclose(modes.vectors[:, 0], modes.vectors[0, 0], rtol=1e-6)


def test_noise_takes_the_place_of_the_systems_own_configurations():
    system = loop(n=20, loop_length=4)
    there = nnrep.slow_modes(system, k=20, noise=0.0, samples=3)
    at_start = Sampling(Partial(at, system.positions), 1, 0)
    matrix = spectrum.laplacian(term_backbone(system.coupling_terms, (), at_start)).toarray()
    np.testing.assert_allclose(there.values, np.linalg.eigvalsh(matrix), atol=1e-12 * abs(matrix).max())
    noisy = [nnrep.slow_modes(system, k=20, noise=noise).values for noise in (0.01, 0.3)]
    assert abs(noisy[0] - there.values).max() < 0.1 * abs(noisy[1] - there.values).max()


def test_sum_of_squares_weighs_strong_couplings_more():
    system = loop(n=40)
    mean, squares = (nnrep.slow_modes(system, k=40, backbone=kind) for kind in ("mean_norm", "sum_square"))
    assert squares.values[-1] / squares.values[1] > 5 * mean.values[-1] / mean.values[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "median"}, "backbone: must be one of mean_norm, sum_square, got median"),
        ({"solver": "fast"}, "solver: must be one of auto, dense, lanczos, shift_invert, got fast"),
        ({"of": "tree"}, "of: must be one of backbone, graph, hessian, got tree"),
        ({"noise": -0.1}, "noise: must be zero or positive"),
        ({"noise": "1"}, "noise: must be zero or positive"),
        ({"samples": 2.5}, "samples: must be from 1"),
        ({"samples": 3_000_000_000}, "samples: must be from 1"),
        ({"seed": "a"}, "seed: must be from 0"),
        ({"max_products": 0}, "max_products: must be at least 1"),
        ({"of": "hessian", "samples": 3}, "samples: must be null, as of=hessian"),
        ({"of": "hessian", "noise": 0.1}, "noise: must be null, as of=hessian"),
        ({"of": "hessian", "background": True}, "background: must be false, as of=hessian"),
        ({"of": "hessian", "solver": "shift_invert"}, "solver: must be auto, dense or lanczos"),
    ],
)
def test_unusable_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        nnrep.slow_modes(loop(), 5, **options)


def test_local_terms_of_one_particle_couple_nothing():
    def lifted(x, height):
        return height * jnp.sum(x)

    alone = LocalTerm(np.arange(4)[:, None], jnp.ones(4), lifted)
    springs = PairTerm(np.array([[0, 1], [1, 2], [2, 3]]), 1.0, jnp.positive)
    draw = Sampling(Partial(at, jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)))), 1, 0)
    both, without = term_backbone((springs,), (alone,), draw), term_backbone((springs,), (), draw)
    np.testing.assert_allclose(both.toarray(), without.toarray())


def test_hessian_that_is_not_finite_names_the_key():
    system = nnrep.System(energy=lambda x: jnp.sum(jnp.sqrt(jnp.abs(x))), positions=np.zeros((4, 3)))
    with pytest.raises(ConfigError, match=r"^noise: the Hessian is not finite at a sampled"):
        nnrep.slow_modes(system, 3, noise=0.0)


def test_modes_do_not_depend_on_where_a_system_lies():
    """Its Hessian depends on the noise at which it is sampled, whose default follows from the positions."""
    positions = np.random.default_rng(0).normal(size=(6, 3))
    places = [positions + np.array([shift, 0.0, -2 * shift]) for shift in (0.0, 10.0, 300.0)]

    def quartic(x):
        return jnp.sum((x[1:] - x[:-1]) ** 4) + jnp.sum((x[2:] - x[:-2]) ** 2)

    values = [nnrep.slow_modes(nnrep.System(quartic, each), k=6).values for each in places]
    np.testing.assert_allclose(values[1:], [values[0]] * 2, rtol=1e-9, atol=1e-9)
