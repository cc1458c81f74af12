"""Where quenches end."""

import numpy as np
import pytest

import nnrep
from nnrep.choices.settings import build
from nnrep.exploration.quench import quench_stages, quenched
from nnrep.exploration.settings import QuenchConfig
from nnrep.reparam.none import from_springs
from nnrep.systems.loop import LoopConfig

STEPS = 20_000


@pytest.mark.parametrize("given", [{}, {"rms_force": 3e-5}])
def test_forces_of_a_mean_are_small_long_before_it_is_at_rest(given):
    config = build(QuenchConfig, given)
    loop = build(LoopConfig, {"n": 40})
    assert config.rest("kJ/mol") == given.get("rms_force", 2.0)
    assert config.rest("") == given.get("rms_force", 1e-4)
    assert config.rest(loop.energy_unit, loop.mean_over) == given.get("rms_force", 1e-4 / 40)


def test_a_quench_of_a_loop_ends_well_below_the_gaps_between_minima():
    loop = nnrep.load_system("loop", n=100, repulsion="exact")
    config, coupling = build(QuenchConfig, {}), 0.1 * 0.25 / 90  # strength, depth and share of one

    def end(positions, over, reparam=None):
        stages = quench_stages(config, "", nnrep.lbfgs(0.1), reparam, over)
        found = quenched(loop, stages, positions, STEPS)
        assert found.evaluations < STEPS
        return found

    coil = end(loop.positions, loop.mean_over, from_springs(loop, 500)).positions
    shaken = coil + 0.1 * np.random.default_rng(3).normal(size=coil.shape)
    exact = end(shaken, 10 * loop.mean_over).energy
    assert exact < 0.99 * loop.energy_bound
    assert end(shaken, loop.mean_over).energy == pytest.approx(exact, abs=0.3 * coupling)
    assert end(shaken, 1).energy > exact + 0.5 * coupling
