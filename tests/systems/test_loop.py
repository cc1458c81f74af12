"""The loop's starts: each seed draws its own, or several in a row share one; which energy is reported."""

import jax
import numpy as np
import pytest

from nnrep.choices.identity import hash_of
from nnrep.energies.loop import fast_loop_energy, loop_energy
from nnrep.errors import ConfigError, UserError
from nnrep.systems.loop import FAST_FROM, LoopConfig, Repulsion


def test_seeds_share_starts_in_groups():
    own, shared = (LoopConfig(n=12, runs_per_start=k).build() for k in (1, 3))
    starts = [np.asarray(shared.start(seed)) for seed in range(7)]
    for seed, start in enumerate(starts):
        np.testing.assert_array_equal(start, own.start(seed // 3))
    assert not np.allclose(starts[2], starts[3])
    np.testing.assert_array_equal(LoopConfig(n=12, runs_per_start=3).build(seed=5).positions, starts[3])


def test_runs_with_starts_of_their_own_keep_their_names():
    assert LoopConfig().columns(None) == {"potential": "pure_lj"}
    assert LoopConfig(runs_per_start=5).columns(None)["start"] == "shared by 5"
    assert hash_of(LoopConfig(runs_per_start=5)) != hash_of(LoopConfig())
    with pytest.raises(ConfigError, match="runs_per_start: must be at least 1"):
        LoopConfig(runs_per_start=0)


def test_large_loops_report_the_fast_sum_and_say_so():
    large = LoopConfig(n=FAST_FROM)
    assert large.columns(None)["energy_repulsion"] == "fast sum"
    assert large.build().energy.func is fast_loop_energy
    for other in (LoopConfig(n=FAST_FROM - 1), LoopConfig(n=FAST_FROM, repulsion=Repulsion.exact)):
        assert "energy_repulsion" not in other.columns(None)
        assert other.build().energy.func is loop_energy


def test_steps_with_the_fast_sum_see_one_energy_whatever_the_key():
    config = LoopConfig(n=40, repulsion=Repulsion.fast)
    assert hash_of(config) != hash_of(LoopConfig(n=40))
    system = config.build()
    seen = [float(system.energy_sample(system.positions, jax.random.key(seed))) for seed in (0, 1)]
    assert seen[0] == seen[1] == pytest.approx(float(system.energy(system.positions)), rel=1e-6)


def test_memory_of_the_fast_sum_is_asked_for(monkeypatch):
    asked = 2000 * 3000
    monkeypatch.setattr("nnrep.host.memory.free_memory", lambda: asked)
    LoopConfig(n=3000).build()
    with pytest.raises(UserError, match=r"system\.n: a loop of 3000 particles would take"):
        LoopConfig(n=3000, repulsion=Repulsion.fast).build()


def test_more_particles_than_the_fast_sum_can_count_are_refused(monkeypatch):
    monkeypatch.setattr("nnrep.host.memory.free_memory", lambda: None)
    with pytest.raises(ConfigError, match=r"^system\.n: must be at most 3276800, where the repulsion"):
        LoopConfig(n=3_300_000).build()
