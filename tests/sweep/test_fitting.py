"""Overrides of an experiment: which points have their keys, and whether settings are still its own."""

import pytest

from nnrep.errors import UserError
from nnrep.sweep.fitting import fitting
from nnrep.sweep.settings import experiment_settings


def test_an_override_is_for_the_points_whose_choice_has_its_key():
    plain, network = ["reparam=none", "system.n=9"], ["reparam=gnn", "system.n=9"]
    given = ["reparam.hidden=8", "optimizer.learning_rate=1", "system.loop_length=5"]
    points = [[*point, *given] for point in (plain, network)]
    assert fitting(points, given) == [[*plain, *given[1:]], points[1]]
    assert fitting(points[1:], given) == points[1:]
    nowhere = ["reparam.nothing=1"]
    unknown = [[*point, *nowhere] for point in (plain, network)]
    assert fitting(unknown, nowhere) == unknown
    assert fitting([nowhere], nowhere) == [nowhere]  # without a choice in the point, any may be meant


@pytest.mark.parametrize(
    ("overrides", "changed"),
    [
        ([], False),
        (["seeds=3", "paths.structures=[.]"], False),
        (["threads=2"], False),
        (["threads=2", "reparam.activation=tanh"], False),  # the default
        (["schedule.fine.patience=1"], True),
        (["reparam.activation=relu"], True),
        (["optimizer.learning_rate=1e-6"], True),
        (["system.repulsion=exact"], True),
    ],
)
def test_settings_that_are_none_of_the_figures_are_known(overrides, changed):
    experiment = experiment_settings("fig2", overrides)
    assert experiment.changed == (tuple(overrides) if changed else ())


def test_a_key_of_no_choice_is_refused():
    with pytest.raises(UserError, match=r"^reparam\.nothing: unknown key"):
        experiment_settings("fig2", ["reparam.nothing=2"])
