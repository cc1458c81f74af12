"""Chains of particles on paper."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from nnrep.records.chains import (
    MOST_LINES,
    along,
    draw_chain,
    main_part,
    round_length,
    scale_bar,
    side_view,
    smooth_tube,
    to_scale,
    within,
)


def helix(n=60):
    turn = np.arange(n) / 2
    return np.stack([np.cos(turn), np.sin(turn), 0.2 * turn], axis=1)


def axes_of(width=3.0, height=2.0):
    return Figure(figsize=(width, height)).add_axes((0, 0, 1, 1))


def limits(positions, reach=1.2):
    axes = axes_of()
    outside = draw_chain(axes, positions, reach, np.eye(3))
    return np.array([axes.get_xlim(), axes.get_ylim()]), outside


def test_pieces_that_fly_off_do_not_set_the_scale_and_are_counted():
    blown = helix()
    blown[:10] += 1000
    window, outside = limits(blown)
    assert outside == 10
    np.testing.assert_allclose(window, limits(helix()[10:])[0])
    blown[5:] += 1000  # most are of one piece still
    assert limits(blown)[0].min() > 900


def test_the_main_part_of_what_is_in_small_pieces_is_what_is_not_far():
    cloud = np.random.default_rng(0).normal(size=(200, 3))
    cloud[:20] *= 100
    main = main_part(cloud, np.arange(200))
    assert main[20:].all()
    assert main[:20].sum() < 3
    assert main_part(cloud[20:]).all()  # pieces are not known
    assert main_part(np.zeros((1, 3)), np.zeros(1, int)).all()


@given(st.integers(0, 2**31 - 1), st.sampled_from([2, 3]))
def test_a_view_is_a_rotation_with_the_widest_direction_first(seed, dim):
    spread = np.array([5, 2, 0.5])[:dim]
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]
    positions = (np.random.default_rng(seed).normal(size=(300, dim)) * spread) @ rotation
    view = side_view(positions)
    np.testing.assert_allclose(view @ view.T, np.eye(dim), atol=1e-12)
    assert np.linalg.det(view) == pytest.approx(1)  # no mirror image
    widths = np.std(positions @ view.T, axis=0)
    assert (np.diff(widths) < 0).all()


def test_both_directions_have_one_scale_whatever_the_shape_of_the_axes():
    for width, height in ((4.0, 1.0), (1.0, 3.0)):
        axes = axes_of(width, height)
        to_scale(axes, helix())
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        assert (right - left) / width == pytest.approx((high - low) / height)
        assert within(axes, helix()).all()


def test_a_link_as_long_as_the_reach_is_broken():
    chain = np.arange(5)[:, None] * np.array([[1.0, 0.0]])
    chain[2:] += 1
    chain[4:] += 1
    axes = axes_of()
    draw_chain(axes, chain, 1.5, np.eye(2))
    broken, tube, dots = axes.collections
    assert len(broken.get_segments()) == 2
    assert len(tube.get_segments()) == 2 * 2  # each with its edge
    np.testing.assert_allclose(dots.get_offsets(), chain[4:])  # the one without a link


def test_what_is_nearer_to_the_viewer_is_drawn_later():
    crossing = np.array([[-1, 0, 0.0], [1, 0, 0], [0, 1, -5], [0, -1, -5]])
    axes = axes_of()
    draw_chain(axes, crossing, None, np.eye(3))
    tube = axes.collections[1].get_segments()
    np.testing.assert_allclose(tube[0], crossing[2:, :2])
    np.testing.assert_allclose(tube[-1], crossing[:2, :2])


def test_colours_run_along_the_chain():
    axes = axes_of()
    draw_chain(axes, helix(), 1.2)
    colors = axes.collections[1].get_colors()[1::2]  # the links, without their edges; the nearest one last
    along_it = matplotlib.colormaps["viridis"](np.linspace(0, 1, 60))[:-1]
    np.testing.assert_allclose(np.sort(colors, axis=0), np.sort(along_it, axis=0))


def test_a_large_chain_is_pixels_in_a_pdf():
    for n, expected in ((50, False), (MOST_LINES + 2, True)):
        axes = axes_of()
        draw_chain(axes, helix(n), 1.2)
        assert all(bool(each.get_rasterized()) == expected for each in axes.collections)


def test_a_smooth_tube_goes_through_its_points_and_leaves_gaps():
    points = helix(10)
    first = np.array([0, 1, 2, 5, 6, 7, 8])  # no link from 3 to 4, nor from 4 to 5
    tube = smooth_tube(points, first, along(10))
    ends = tube.points[tube.links]
    drawn = ends.reshape(-1, 3)
    for place in (0, 1, 2, 3, 5, 6, 7, 8, 9):
        assert np.linalg.norm(drawn - points[place], axis=1).min() < 1e-12
    assert np.linalg.norm(drawn - points[4], axis=1).min() > 0.3
    assert np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).max() < 0.3  # no line spans a gap
    assert len(tube.colors) == len(tube.links)


def test_a_smooth_tube_of_a_straight_line_is_straight():
    points = np.arange(5)[:, None] * np.array([[2.0, 0, 0]])
    tube = smooth_tube(points, np.arange(4), along(5))
    np.testing.assert_allclose(tube.points[:, 1:], 0)
    assert tube.points[:, 0].min() == 0
    assert tube.points[:, 0].max() == 8


@given(st.floats(1e-6, 1e6))
def test_bars_have_round_lengths(most):
    length = round_length(most)
    assert 0.4 * most < length <= most * (1 + 1e-6)
    assert float(f"{length:.0e}") == pytest.approx(length)
    assert f"{length:.0e}"[0] in "125"


def test_the_bar_is_as_long_as_it_says():
    axes = axes_of()
    to_scale(axes, helix())
    scale_bar(axes, "Å")
    (bar,), (label,) = axes.get_lines(), axes.texts
    length, unit = label.get_text().split()
    low, high = axes.get_xlim()
    assert np.diff(bar.get_xdata()).item() * (high - low) == pytest.approx(float(length))
    assert unit == "Å"
