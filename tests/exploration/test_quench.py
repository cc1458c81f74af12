"""Where quenches end."""

from dataclasses import replace
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

import nnrep
from nnrep.choices.settings import build
from nnrep.dynamics.units import UNITS
from nnrep.errors import ConfigError
from nnrep.exploration.quench import quench_stages, quenched
from nnrep.exploration.settings import USUAL, ExploreConfig, QuenchConfig
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


def copper(depth, size):
    """Six particles that are bound as copper is, by pairs; depth and size of a pair's well in any units."""

    def energy(depth, size, positions):
        apart = jnp.sum((positions[:, None] - positions[None]) ** 2, axis=-1) + jnp.eye(6)
        third = (size**2 / apart) ** 3
        return 2 * depth * jnp.sum(jnp.where(jnp.eye(6, dtype=bool), 0, third**2 - third))

    corners = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    shaken = corners + 0.15 * np.random.default_rng(0).normal(size=corners.shape)
    return partial(energy, depth, size), 0.8 * size * shaken


def test_every_unit_that_dynamics_knows_has_its_own_usual_numbers():
    assert set(USUAL) == {energy for energy, _ in UNITS}
    with pytest.raises(ConfigError, match="energy_unit: must be one of kJ/mol, eV, or empty, got hartree"):
        build(QuenchConfig, {}).rest("hartree")


@pytest.mark.parametrize(
    ("energy_unit", "length_unit", "depth", "size"),
    [("kJ/mol", "nm", 40.0, 0.23), ("eV", "Å", 40.0 / 96.485, 2.3), ("", "", 1.0, 1.0)],
)
def test_a_quench_leaves_less_undecided_than_what_minima_differ_by(energy_unit, length_unit, depth, size):
    """In all units, those of ASE as well."""
    energy, shaken = copper(depth, size)
    system = nnrep.System(energy, shaken, energy_unit=energy_unit, length_unit=length_unit)
    config = build(ExploreConfig, {})
    stages = quench_stages(config.quench, energy_unit, nnrep.lbfgs())
    found = quenched(system, stages, shaken, config.quench.steps)
    assert found.evaluations > 5
    assert found.energy == pytest.approx(-12.712062 * depth, abs=0.1 * USUAL[energy_unit].energy)
    assert config.least_fall(energy_unit) == USUAL[energy_unit].energy
    assert config.least_fall(energy_unit, 100) == pytest.approx(USUAL[energy_unit].energy / 100)
    assert build(ExploreConfig, {"min_delta": 0.5, "patience": 5000}).least_fall(energy_unit, 100) == 0.5


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
    assert np.isnan(quenched(system, stages, near, 200).energy)
    known = replace(system, bounded=True)  # a minimum all the same, as soft pairs have them
    assert quenched(known, stages, near, 200).energy < -2000
