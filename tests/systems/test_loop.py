"""The loop's starts: each seed draws its own, or several in a row share one."""

import numpy as np
import pytest

from nnrep.choices.identity import hash_of
from nnrep.errors import ConfigError
from nnrep.systems.loop import LoopConfig


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
