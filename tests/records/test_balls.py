"""Particles without bonds are drawn as balls: how large, in which order, and what lies outside."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from nnrep.records.balls import SIZE, draw_balls, usual_distance


def lattice(side=3, spacing=2.0):
    return spacing * np.array(list(itertools.product(range(side), repeat=3)), float)


def drawn(positions, main=None):
    axes = Figure().add_subplot()
    view = np.eye(positions.shape[1])
    outside = draw_balls(axes, positions, view, np.ones(len(positions), bool) if main is None else main)
    return axes, axes.collections[0], outside


def test_balls_are_half_as_wide_as_neighbours_are_apart():
    assert usual_distance(lattice()) == pytest.approx(2.0)
    _, balls, outside = drawn(lattice())
    np.testing.assert_allclose(balls._widths * 2, SIZE * 2.0)  # it keeps half of them
    assert outside == 0


def test_nearer_balls_are_drawn_later():
    positions = np.random.default_rng(0).normal(size=(20, 3))
    _, balls, _ = drawn(positions)
    order = np.argsort(positions[:, 2])
    np.testing.assert_allclose(balls.get_offsets(), positions[order, :2])


def test_what_has_flown_off_does_not_set_the_window():
    positions = np.vstack([lattice(), [[500.0, 0, 0]]])
    axes, _, outside = drawn(positions, np.arange(len(positions)) < 27)
    assert outside == 1
    assert axes.get_xlim()[1] < 10


@pytest.mark.parametrize("positions", [np.zeros((1, 3)), np.zeros((4, 3)), np.zeros((2, 2))])
def test_particles_in_one_place_are_drawn(positions):
    _, balls, outside = drawn(positions)
    assert np.isfinite(balls._widths).all()
    assert outside == 0
