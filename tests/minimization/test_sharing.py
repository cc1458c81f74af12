"""Stages that share a compiled loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnrep
from nnrep.minimization.loop import run_chunk
from nnrep.minimization.sharing import sharing_programs
from nnrep.reparam import cholesky_at_start, identity
from nnrep.reparam.cholesky import unfactored
from nnrep.reparam.none import is_identity

REST = nnrep.Stopping(min_delta=0, patience=100, check_every=10)


def stages_of(system, first=nnrep.lbfgs):
    factored = cholesky_at_start(system, 1e-2)
    return [
        nnrep.Stage("free", identity(), first(1e-2), REST, 30),
        nnrep.Stage("factored", factored, nnrep.lbfgs(1e-3), REST, 30),
    ]


@pytest.fixture
def system():
    return nnrep.load_system("loop", n=24, loop_length=5)


def test_the_free_stage_and_the_factored_one_are_one_program(system):
    before = run_chunk.jitted._cache_size()
    nnrep.minimize(system, stages_of(system), max_steps=60)
    assert run_chunk.jitted._cache_size() == before + 1


def test_a_shared_program_takes_the_steps_of_its_own(system):
    (shared, _) = sharing_programs(stages_of(system))
    assert not is_identity(shared.reparam)
    ends = [nnrep.minimize(system, [stage], max_steps=10) for stage in (stages_of(system)[0], shared)]
    np.testing.assert_allclose(ends[1].positions, ends[0].positions, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(ends[1].positions_start, ends[0].positions_start)


def test_batches_step_as_single_replicas_do(system):
    alone, batched = (
        nnrep.minimize(system, stages_of(system), seeds=2, max_steps=40, batch_size=size) for size in (1, 2)
    )
    np.testing.assert_allclose(batched.energy, alone.energy, rtol=1e-3)
    np.testing.assert_array_equal(batched.evaluations, alone.evaluations)


def test_without_a_factor_positions_and_gradients_pass_as_they_are(system):
    params = unfactored().init(jax.random.key(0), system.positions)

    def decoded(moved):
        return unfactored().decode(params._replace(moved=moved))

    positions, pull = jax.vjp(decoded, params.moved)
    np.testing.assert_array_equal(positions, system.positions)
    slope = jnp.arange(positions.size, dtype=positions.dtype).reshape(positions.shape)
    np.testing.assert_array_equal(pull(slope)[0], slope.ravel())


def test_other_optimisers_keep_their_own_program(system):
    stages = stages_of(system, first=nnrep.adam)
    assert is_identity(sharing_programs(stages)[0].reparam)
    assert all(is_identity(stage.reparam) for stage in sharing_programs(stages[:1]))
