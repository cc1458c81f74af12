"""Pictures of slow modes."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.quiver import Quiver
from picture_checks import check_letters, texts_of

import nnrep
from nnrep.records.chains import side_view
from nnrep.records.mode_shapes_picture import ARROW, mode_shapes_picture
from nnrep.records.robustness_picture import robustness_picture
from nnrep.records.spectrum_picture import spectrum_picture
from nnrep.systems.measures import ANGSTROM_PER_NM

UNIT = "kJ/mol/nm²"


def test_zero_modes_are_not_drawn_at_invented_heights():
    values = np.array([-1e-9, 2e-9, 0.0, -3.0, 5.0, 70.0])
    rigid = np.array([True, True, False, False, False, False])
    figure = spectrum_picture(values, rigid, "protein", UNIT)
    axes, strip = figure.axes
    assert axes.get_yscale() == "log"
    drawn = {tuple(line.get_xdata()): line.get_ydata().tolist() for line in axes.get_lines()}
    assert drawn == {(4,): [3.0], (5, 6): [5.0, 70.0]}
    (zeros,) = strip.get_lines()
    assert zeros.get_xdata().tolist() == [1, 2, 3]
    assert [label.get_text() for label in strip.get_yticklabels()] == ["zero"]
    assert "3 rigid motions: zero in theory, computed to within 2e\N{MINUS SIGN}09 kJ/mol/nm²" in texts_of(
        figure
    )
    assert axes.get_ylabel() == "eigenvalue / kJ/mol/nm²"
    assert strip.get_xlabel() == "mode"
    check_letters(figure)


@pytest.mark.parametrize("values", [[1.0, 2.0], [0.0], [0.0, 1.0]])
def test_spectra_with_and_without_zeros_are_drawn(values):
    figure = spectrum_picture(np.array(values), np.zeros(len(values), bool), "loop", "")
    assert len(figure.axes) == (2 if 0 in values else 1)
    assert figure.axes[0].get_ylabel() == "eigenvalue"
    check_letters(figure)


def test_curves_of_a_chain_have_one_scale_and_name_what_they_are():
    loop = nnrep.load_system("loop", n=20)
    vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(20, 4)))[0]
    figure = mode_shapes_picture(loop, np.zeros((20, 3)), np.arange(4.0), vectors, [1, 2, 3], "")
    assert [axes.get_title() for axes in figure.axes] == ["mode 2: 1", "mode 3: 2", "mode 4: 3"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    line = figure.axes[1].get_lines()[0]
    np.testing.assert_allclose(line.get_ydata(), vectors[:, 2])
    assert line.get_xdata().tolist() == list(range(1, 21))
    assert figure.axes[0].get_ylabel() == "component"
    assert {axes.get_xlabel() for axes in figure.axes} == {"particle"}
    assert any("unit norm" in each for each in texts_of(figure))
    check_letters(figure)


def test_displacements_of_a_chain_are_a_curve_a_component():
    loop = nnrep.load_system("loop", n=20)
    figure = mode_shapes_picture(loop, np.zeros((20, 3)), np.ones(1), np.eye(60)[:, :1], [0], "")
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["x", "y", "z"]


@pytest.fixture(scope="module")
def protein():
    return nnrep.load_system("protein")


def test_a_trace_is_coloured_by_one_scale_with_a_bar(protein):
    positions = np.asarray(protein.positions)
    vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(protein.n, 4)))[0]
    vectors[protein.trace[0], 1] = -0.16  # numbers along the bar have two decimals
    figure = mode_shapes_picture(protein, positions, np.arange(4.0), vectors, [1, 3, 1, 3], UNIT)
    *panels, bar = figure.axes
    assert [axes.get_title() for axes in panels] == 2 * [f"mode 2: 1 {UNIT}", f"mode 4: 3 {UNIT}"]
    largest = abs(vectors[protein.trace][:, [1, 3]]).max()
    assert bar.get_ylim() == pytest.approx((-largest, largest))
    assert bar.get_ylabel() == "component"
    check_letters(figure)


def test_arrows_are_displacements_seen_from_the_side_as_the_trace_is(protein):
    positions = np.asarray(protein.positions, float)
    mode = np.random.default_rng(0).normal(size=(protein.n, 3))
    figure = mode_shapes_picture(protein, positions, np.ones(1), mode.reshape(-1, 1), [0], UNIT)
    (axes,) = figure.axes
    (arrows,) = [each for each in axes.collections if isinstance(each, Quiver)]
    trace = protein.trace
    view = side_view(positions[trace])
    points = ANGSTROM_PER_NM * positions[trace] @ view.T
    np.testing.assert_allclose(arrows.XY, points[:, :2])
    expected = mode[trace] / np.linalg.norm(mode[trace], axis=1).max() @ view.T
    longest = ARROW * np.ptp(points, axis=0).max()
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V], 1), longest * expected[:, :2])
    assert any(isinstance(each, LineCollection) for each in axes.collections)
    assert any(each.endswith(" Å") for each in texts_of(figure))
    check_letters(figure)


def test_every_reference_of_a_robustness_table_is_named():
    rows = [
        (reference, step, epsilon, epsilon**2, 0.9 * epsilon, epsilon)
        for reference, step in (("unweighted graph", np.nan), ("step 0", 0), ("step 80", 80))
        for epsilon in (0.1, 0.5)
    ]
    columns = ["reference", "step", "epsilon", "epsilon_squared", "overlap_of_random", "overlap"]
    figure = robustness_picture(pd.DataFrame(rows, columns=columns), "loop: are the slow modes kept?")
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["unweighted graph", "step 0", "step 80", "random subspace", "epsilon squared"]
    check_letters(figure)
