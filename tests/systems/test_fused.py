"""Atoms that have fallen together: found wherever they are, and no end of a minimisation."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

import nnrep
from nnrep.minimization import Status
from nnrep.systems.fused import CLOSEST, has_fused_atoms


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


@given(seed=st.integers(0, 2**32 - 1), atoms=st.integers(1, 60), side=st.floats(0, 3))
def test_the_nearest_two_decide_whatever_their_order_and_direction(seed, atoms, side):
    positions = side * np.random.default_rng(seed).random((atoms, 3))
    assert has_fused_atoms(positions, "Å") is bool(np.any(pdist(positions) < CLOSEST["Å"]))


def _opposite_charges(positions):
    """Two charges without radii, each on a spring; a cutoff keeps the energy finite, as rounding may."""
    squared = jnp.sum((positions[0] - positions[1]) ** 2)
    return 1000 * jnp.sum(positions**2) - 30 / jnp.sqrt(squared + 1e-4)


def charges(positions, **more):
    units = {"energy_unit": "kJ/mol", "length_unit": "nm"}
    return nnrep.System(_opposite_charges, np.asarray(positions, float), **units | more)


@pytest.mark.parametrize("optimizer", [nnrep.lbfgs(), nnrep.hopping(nnrep.lbfgs(), size=0.1)])
def test_a_minimisation_that_ends_there_has_diverged(optimizer):
    stage = nnrep.Stage("fine", nnrep.reparam.identity(), optimizer, nnrep.Stopping(patience=10), 300)
    end = nnrep.minimize(charges(np.eye(2, 3)), stage, seeds=2)
    assert (end.energy < -2000).all()
    assert set(end.status) == {Status.diverged}
    for known in ({"bounded": True}, {"length_unit": ""}):
        assert Status.diverged not in nnrep.minimize(charges(np.eye(2, 3), **known), stage, seeds=2).status


def test_what_overlaps_as_yet_or_was_stopped_has_not_diverged():
    far = charges([[3.0, 0, 0], [3.01, 0, 0]])
    stage = nnrep.Stage("fine", nnrep.reparam.identity(), nnrep.adam(1e-6), nnrep.Stopping(), 5)
    end = nnrep.minimize(far, stage)
    assert end.energy[0] > 0
    assert end.status[0] is Status.finished
    stopped = nnrep.minimize(charges(np.zeros((2, 3))), monitor=nnrep.Monitor(should_stop=lambda: True))
    assert stopped.energy[0] < 0
    assert stopped.status[0] is Status.interrupted
