"""A system brought to rest."""

from dataclasses import replace

import numpy as np
import pytest

import nnrep
from nnrep.minimization.at_rest import at_rest, rest_of
from nnrep.minimization.stopping import Status


@pytest.fixture
def dimer():
    """Two atoms of a cluster, of which each seed draws the start."""
    system = nnrep.load_system("cluster", n=2)
    return replace(system, positions=np.array([[0.0, 0, 0], [1.3, 0, 0]]))


def test_it_begins_at_the_positions_and_ends_where_no_force_is_left(dimer):
    assert dimer.draw_start is not None
    result = at_rest(dimer, 1000, nnrep.Monitor())
    assert result.status[0] is Status.converged
    assert result.gradient_rms[0] < rest_of(dimer) == 1e-8
    assert result.energy[0] == pytest.approx(-1, abs=1e-12)
    np.testing.assert_allclose(result.positions[0][:, 1:], 0, atol=1e-9)  # along the line of the two


def test_without_steps_it_does_not_say_that_it_is_at_rest(dimer):
    assert at_rest(dimer, 1, nnrep.Monitor()).status[0] is Status.step_limit


def test_a_system_with_units_is_at_rest_by_them(dimer):
    assert rest_of(replace(dimer, energy_unit="kJ/mol", length_unit="nm")) == 1e-3
