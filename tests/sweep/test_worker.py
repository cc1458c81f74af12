"""A worker gives every setting its own system and maps, whatever it has done before."""

import pytest

from nnrep.choices.identity import flat
from nnrep.sweep import worker
from nnrep.sweep.finished import Keep
from nnrep.sweep.queue import Task
from nnrep.sweep.settings import experiment_settings, maps_key, with_fresh_seeds

SMALL = ["system.potential=pure_lj", "system.n=30", "seeds=1", "max_steps=40"]


def settings_of(key, *overrides):
    """Settings of an experiment that differ in one key."""
    settings = experiment_settings("fig2_smoke", [*SMALL, *overrides]).settings
    others = [
        {name: flat(s.plan.plain)[name] for name in flat(s.plan.plain) if name != key} for s in settings
    ]
    return [setting for setting, other in zip(settings, others, strict=True) if other == others[0]]


def energies(settings):
    """What one worker makes of the first seed of each."""
    tasks = tuple(Task(setting, setting.seeds[:1]) for setting in settings)
    done = worker.Chunk(tasks, Keep(), None)()
    assert not done.errors
    return [run.row["energy"] for run in done.runs]


@pytest.mark.parametrize(
    ("key", "overrides"),
    [
        ("modes.of", ["reparam=spectral", "modes.of=graph,backbone"]),
        ("reparam.shift", ["reparam=spectral", "reparam.shift=0.1,0.3"]),
        ("modes.of", ["reparam=cg", "reparam.modes=5", "modes.of=graph,backbone"]),
    ],
)
def test_settings_that_differ_in_their_maps_do_not_share_them(monkeypatch, key, overrides):
    monkeypatch.setattr(worker, "_prepared", {})
    settings = settings_of(key, *overrides)
    assert len({maps_key(setting.plan) for setting in settings}) == len(settings) == 2
    together = energies(settings)
    monkeypatch.setattr(worker, "_prepared", {})
    alone = energies(settings[1:])
    assert together[1:] == alone
    assert together[0] != together[1]


def test_settings_that_differ_in_their_learning_rates_share_their_maps():
    key = "optimizer.learning_rate"
    settings = experiment_settings("fig2_smoke", [*SMALL, "reparam=cg", f"{key}=0.01,0.1"]).settings
    assert len({maps_key(setting.plan) for setting in settings}) < len({s.hash for s in settings})


def test_fresh_seeds_have_the_modes_of_their_own_start():
    setting = experiment_settings("fig2_smoke", [*SMALL, "reparam=cg", "modes.of=hessian"]).settings[0]
    fresh = with_fresh_seeds(setting)
    assert fresh.modes != setting.modes
    assert maps_key(fresh.plan) != maps_key(setting.plan)
