"""Springs in the place of a chain's couplings: where a stage with them begins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checkout import ROOT
from omegaconf import OmegaConf

import nnrep
from nnrep.choices.identity import hash_of
from nnrep.errors import ConfigError
from nnrep.reparam import from_springs, identity
from nnrep.reparam.none import NoneConfig, is_identity
from nnrep.reparam.springs import spring_gradient
from nnrep.systems.measures import distances_of, has_failed

N = 300


@pytest.fixture(scope="module", params=["pure_lj", "bond_lj"])
def system(request):
    jax.config.update("jax_enable_x64", True)
    return nnrep.load_system("loop", n=N, potential=request.param)


def led(system, steps, positions):
    reparam = from_springs(system, steps)
    return np.asarray(reparam.decode(jax.jit(reparam.init)(jax.random.key(0), jnp.asarray(positions))))


def test_a_random_start_ends_with_all_couplings_at_their_lengths(system):
    for seed in range(3):
        end = led(system, 1000, system.start(seed))
        for kind in (system.bonds, system.contacts):
            np.testing.assert_allclose(distances_of(kind.pairs, end), kind.length, atol=1e-2)
        assert not has_failed(system, end)


def test_a_torn_and_a_tangled_coil_are_mended(system):
    whole = led(system, 1000, system.start(5))
    torn, tangled = whole.copy(), whole.copy()
    torn[N // 2 :] += [4.0, 0, 0]
    tangled[90] = tangled[100] + 0.01
    for broken in (torn, tangled):
        assert has_failed(system, broken)
        mended = led(system, 1000, broken)
        assert not has_failed(system, mended)
        np.testing.assert_allclose(
            distances_of(system.contacts.pairs, mended), system.contacts.length, atol=1e-3
        )


def test_plain_minimisation_from_springs_ends_near_the_bound(system):
    stopping = nnrep.Stopping(patience=10**6)
    stages = nnrep.two_stages(from_springs(system, 500), stopping=stopping, coarse_steps=200)
    result = nnrep.minimize(system, stages, seeds=2, max_steps=400)
    assert (result.energy / system.energy_bound > 0.9).all()


def test_a_chain_at_rest_stays_as_it_is(system):
    rest = led(system, 3000, system.start(1))
    np.testing.assert_allclose(led(system, 10, rest), rest, atol=1e-9)


def test_the_gradient_is_that_of_the_springs():
    offsets, lengths = (1, 4), jnp.array([1.0, 1.3])

    def energy(columns):
        kinds = zip(offsets, lengths, strict=True)
        apart = ((columns[:, k:] - columns[:, :-k], length) for k, length in kinds)
        return sum(0.5 * jnp.sum((jnp.linalg.norm(x, axis=0) - length) ** 2) for x, length in apart)

    columns = jnp.asarray(np.random.default_rng(0).normal(size=(3, 20)))
    expected = jax.grad(energy)(columns)
    np.testing.assert_allclose(spring_gradient(offsets, lengths, columns), expected, rtol=1e-9, atol=1e-12)


def test_particles_in_one_place_stay_finite(system):
    assert np.isfinite(led(system, 5, np.zeros((N, 3)))).all()


def test_without_springs_runs_keep_their_names():
    assert hash_of(NoneConfig(name="none")) == hash_of(NoneConfig(name="none", springs=0))
    assert hash_of(NoneConfig(name="none", springs=5)) != hash_of(NoneConfig(name="none"))
    assert NoneConfig(name="none").is_identity
    assert not NoneConfig(name="none", springs=5).is_identity


def test_a_map_with_springs_is_not_left_out_as_the_identity(system):
    assert is_identity(identity())
    assert not is_identity(from_springs(system, 5))


def test_what_is_no_chain_has_no_springs():
    cluster = nnrep.load_system("cluster", n=13)
    with pytest.raises(ConfigError, match="springs: must be 0, as system=cluster is no chain with contacts"):
        from_springs(cluster, 5)
    with pytest.raises(ConfigError, match="springs: must be from 0 to"):
        NoneConfig(name="none", springs=-1)


def test_the_schedule_of_large_loops_ends_with_springs_and_free_positions():
    last = OmegaConf.load(ROOT / "configs" / "schedule" / "smooth.yaml").stages[-1]
    assert last.reparam.name == "none"
    assert last.reparam.springs >= 300
