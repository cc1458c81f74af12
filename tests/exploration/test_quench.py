"""Where quenches end."""

import jax.numpy as jnp
import numpy as np
import pytest

import nnrep
from nnrep.choices.settings import build
from nnrep.exploration.quench import has_fused_atoms, quench_stages, quenched
from nnrep.exploration.settings import QuenchConfig
from nnrep.reparam.none import from_springs
from nnrep.systems.loop import LoopConfig
from nnrep.systems.system import System

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


def _opposite_charges(positions):
    """Two charges without radii, each on a spring; a cutoff keeps the energy finite, as rounding may."""
    squared = jnp.sum((positions[0] - positions[1]) ** 2)
    return 1000 * jnp.sum(positions**2) - 30 / jnp.sqrt(squared + 1e-4)


def test_charges_that_fall_onto_each_other_are_no_minimum():
    apart, near = np.eye(2, 3), 0.03 * np.eye(2, 3)
    system = System(_opposite_charges, jnp.asarray(apart), energy_unit="kJ/mol", length_unit="nm")
    stages = quench_stages(build(QuenchConfig, {}), "kJ/mol", nnrep.lbfgs())
    found = quenched(system, stages, near, 200)
    assert np.isnan(found.energy)


@pytest.mark.parametrize(
    ("distance", "unit", "fused"),
    [
        (0.074, "nm", False),
        (0.01, "nm", True),
        (0.74, "Å", False),
        (0.1, "Å", True),
        (0.0, "", False),
        (np.nan, "nm", False),
    ],
)
def test_atoms_are_fused_where_they_are_nearer_than_any_bond(distance, unit, fused):
    assert has_fused_atoms(np.array([[0.0, 0, 0], [distance, 0, 0], [9, 9, 9]]), unit) is fused
