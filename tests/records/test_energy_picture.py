"""The picture of how the energy falls."""

import numpy as np
import pandas as pd
import pytest
from picture_checks import check_letters, texts_of

import nnrep
from nnrep.records.energy_picture import MOST_LABELLED, energy_picture

LOOP = nnrep.load_system("loop", n=20)


def history_of(seeds, stages=("coarse", "fine"), energies=(5.0, -1.0)):
    """Two checks a stage; the energies of later seeds are higher."""
    rows = [
        (
            seed,
            stage,
            20 * (2 * place + check + 1),
            energies[place % len(energies)] + seed + 0.1 * (1 - check),
        )
        for seed in seeds
        for place, stage in enumerate(stages)
        for check in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["seed", "stage", "step", "energy"])


def lines_of(figure):
    return [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "-"]


def marks_of(figure):
    return [
        line for line in figure.axes[0].get_lines() if line.get_linestyle() != "-" and len(line.get_xdata())
    ]


def test_what_is_drawn_is_the_distance_above_the_lowest_of_all_seeds():
    history = history_of([3, 4])
    figure = energy_picture(LOOP, history)
    assert figure.axes[0].get_yscale() == "log"
    first, second = lines_of(figure)
    np.testing.assert_allclose(first.get_xdata(), [20, 40, 60, 80])
    np.testing.assert_allclose(first.get_ydata(), [6.1, 6.0, 0.1, 0.0], atol=1e-12)
    np.testing.assert_allclose(second.get_ydata(), [7.1, 7.0, 1.1, 1.0])
    low, high = figure.axes[0].get_ylim()
    assert 0 < low < 0.1
    assert high > 7.1


def test_the_lowest_energy_is_marked_at_the_edge_and_not_at_a_height():
    figure = energy_picture(LOOP, history_of([3, 4]))
    (lowest,) = [mark for mark in marks_of(figure) if mark.get_marker() == "v"]
    assert lowest.get_xdata().tolist() == [80]
    assert lowest.get_ydata().tolist() == [0]
    assert lowest.get_transform() == figure.axes[0].get_xaxis_transform()


def test_every_end_of_a_stage_has_the_mark_of_its_stage():
    stages = ["coarse", "spectral", "fine", "coarse", "spectral", "fine"]  # a second attempt
    figure = energy_picture(LOOP, history_of([0], stages, energies=(5, 4, 3, 2, 1, 0.5)))
    ends = {mark.get_marker(): mark.get_xdata().tolist() for mark in marks_of(figure)}
    assert ends == {"o": [40, 160], "s": [80, 200], "^": [120], "v": [240]} | {"^": ends["^"]}
    at_edge = [mark.get_xdata().tolist() for mark in marks_of(figure) if mark.get_marker() == "^"]
    assert at_edge == [[120], [240]]  # the last end is the lowest energy as well
    assert {f"end of {stage}" for stage in stages} <= set(texts_of(figure))


def test_units_seeds_and_what_is_lowest_are_named():
    figure = energy_picture(nnrep.load_system("protein"), history_of([3, 4]))
    axes, texts = figure.axes[0], texts_of(figure)
    assert axes.get_xlabel() == "step"
    assert axes.get_ylabel() == "energy above the lowest / kJ/mol"
    assert "1L2Y: the lowest energy at a check is 2 kJ/mol" in texts
    assert {"seed 3: ends at 2", "seed 4: ends at 3"} <= set(texts)
    check_letters(figure)


def test_a_loop_is_compared_with_its_bound_and_says_that_energies_are_sampled():
    figure = energy_picture(LOOP, history_of([0], energies=(5.0, LOOP.energy_bound / 2)))
    assert figure.axes[0].get_ylabel() == "sampled energy above the lowest"
    assert any("50.0 % of the lower bound" in text for text in texts_of(figure))
    check_letters(figure)


def test_many_seeds_have_a_bar_of_colours_in_the_place_of_a_legend():
    seeds = range(100, 100 + MOST_LABELLED + 1)
    figure = energy_picture(LOOP, history_of(seeds))
    _, bar = figure.axes
    assert bar.get_ylabel() == "seed"
    texts = texts_of(figure)
    assert not any(text.startswith("seed 1") for text in texts)
    assert {"100", "110"} <= set(texts)
    assert len({line.get_color() for line in lines_of(figure)}) == len(seeds)
    assert len(energy_picture(LOOP, history_of(seeds[:-1])).axes) == 1
    check_letters(figure)


@pytest.mark.parametrize("energy", [np.nan, np.inf])
def test_energies_that_are_not_finite_are_left_out(energy):
    history = history_of([0, 1])
    history.loc[history["seed"] == 1, "energy"] = energy
    assert len(lines_of(energy_picture(LOOP, history))) == 1
    history["energy"] = energy
    assert lines_of(energy_picture(LOOP, history)) == []


def test_a_single_check_is_drawn():
    figure = energy_picture(LOOP, history_of([0]).iloc[:1])
    assert figure.axes[0].get_yscale() == "linear"
    check_letters(figure)
