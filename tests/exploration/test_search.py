"""The search: which minima it has, when it ends, and that it goes on from a checkpoint as if unbroken."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from walks import LOWER, UPPER, options, search_of_wells

from nnrep import Stage, Stopping, System, lbfgs, sgd
from nnrep.dynamics.settings import DynamicsSettings
from nnrep.errors import ConfigError, UserError
from nnrep.exploration.finish import Finish, finished
from nnrep.exploration.minima import Met, Minima, Minimum, Same
from nnrep.exploration.outcome import explored
from nnrep.exploration.search import Ended, searched
from nnrep.exploration.settings import ExploreConfig
from nnrep.reparam import identity

FINISH = Finish([Stage("fine", identity(), lbfgs(0.1), Stopping(rms_force=1e-9), 500)], 500)


def never():
    return False


def run(config, seeds=(0,), checkpoint=None, stop_at=np.inf):
    """A search that is stopped once its first ladder has taken so many steps."""
    search, explorer = search_of_wells(config, seeds, checkpoint)
    first = search.ladders[seeds[0]]
    ended = searched(search, explorer, lambda: first.step >= stop_at, lambda seen: None)
    return search, explored(search, explorer.system, FINISH, ended, never)


def test_both_minima_are_met_counted_and_minimised():
    search, outcome = run(options(steps=200))
    table = outcome.to_frame()
    assert outcome.ended is Ended.steps
    assert len(table) == 2
    x = [each.minimum.positions[0, 0] for each in outcome.lowest]
    np.testing.assert_allclose(x, [LOWER, UPPER], atol=1e-3)
    assert table["energy"].is_monotonic_increasing
    assert (table["gradient_rms"] < 1e-8).all()
    assert table["finished"].all()
    assert len(outcome.results) == 2
    assert table["count"].sum() == len(outcome.quenches) == 1 + 2 * 20  # the start, two replicas
    assert outcome.quenches["replica"].tolist()[:3] == [-1, 0, 1]
    assert outcome.quenches["temperature"].tolist()[1:3] == [2.0, 1.0]  # of rungs 1 and 0
    assert outcome.quenches["step"].iloc[-1] == search.ladders[0].step == 200
    assert outcome.steps == 400
    assert outcome.frames.positions.shape == (20, 1, 3)
    assert outcome.exchange["acceptance"].tolist()[0] == 0.25


def test_a_minimisation_that_ends_higher_is_left_out():
    """One step, which goes too far, and is not taken back."""
    far = Finish([Stage("far", identity(), sgd(0.2), Stopping(), 1)], 1)
    search, explorer = search_of_wells(options(steps=30, quench={"rms_force": 1e-2}))
    ended = searched(search, explorer, never, lambda seen: None)
    wild = explored(search, explorer.system, far, ended, never)
    tame = explored(search, explorer.system, FINISH, ended, never)
    assert [each.result for each in wild.lowest] == [None, None]
    assert all(each.result is not None for each in tame.lowest)
    assert wild.lowest[0].minimum.energy == search.lowest > tame.lowest[0].minimum.energy


def test_ladders_go_on_by_turns():
    _, outcome = run(options(steps=50), seeds=(3, 5))
    assert outcome.quenches.groupby("seed").size().to_dict() == {3: 11, 5: 11}
    alone = run(options(steps=50), seeds=(5,))[1]
    own = outcome.quenches[outcome.quenches["seed"] == 5].drop(columns="time_s").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone.quenches.drop(columns="time_s"))


def test_a_search_ends_where_the_lowest_energy_has_not_fallen():
    search, outcome = run(options(steps=10_000, patience=50))
    assert outcome.ended is Ended.patience
    ladder = search.ladders[0]
    assert ladder.step == ladder.fell_at + 50
    assert outcome.lowest[0].minimum.positions[0, 0] == pytest.approx(LOWER, abs=1e-3) or ladder.fell_at == 10


def test_a_search_goes_on_with_more_patience_and_another_min_delta(tmp_path):
    checkpoint = tmp_path / "checkpoint.npz"
    assert run(options(steps=10_000, patience=20), checkpoint=checkpoint)[1].ended is Ended.patience
    for more in ({"patience": 60}, {"patience": 80, "min_delta": 5.0}):
        config = options(steps=10_000, **more)
        resumed, unbroken = run(config, checkpoint=checkpoint)[0], run(config)[0]
        assert resumed.ended() is Ended.patience
        last, alone = resumed.ladders[0], unbroken.ladders[0]
        assert (last.step, last.fell_at) == (alone.step, alone.fell_at)


def test_a_search_ends_at_its_time_limit():
    _, outcome = run(options(time_limit_s=1e-9))
    assert outcome.ended is Ended.time_limit
    assert len(outcome.quenches) == 0


def test_an_interrupted_search_goes_on_to_the_same_numbers(tmp_path):
    config = options(steps=100)
    unbroken = run(config, seeds=(0, 1))[1]
    checkpoint = tmp_path / "checkpoint.npz"
    _, broken = run(config, (0, 1), checkpoint, stop_at=30)
    assert broken.ended is Ended.interrupted
    assert len(broken.quenches) == 2 + 2 * (3 + 2)  # of both ladders
    assert not broken.to_frame()["finished"].any()
    resumed = run(config, (0, 1), checkpoint)[1]
    for name in ("quenches", "exchange"):
        whole, parts = (
            getattr(each, name).drop(columns="time_s", errors="ignore") for each in (unbroken, resumed)
        )
        pd.testing.assert_frame_equal(whole, parts)
    pd.testing.assert_frame_equal(
        unbroken.to_frame().drop(columns="time_s"), resumed.to_frame().drop(columns="time_s")
    )
    np.testing.assert_array_equal(unbroken.frames.positions, resumed.frames.positions)


def test_a_search_that_is_stopped_at_once_goes_on(tmp_path):
    config, checkpoint = options(steps=30), tmp_path / "checkpoint.npz"
    nothing = run(config, checkpoint=checkpoint, stop_at=0)[1]
    assert nothing.ended is Ended.interrupted
    assert (len(nothing.to_frame()), len(nothing.quenches)) == (0, 0)
    resumed, unbroken = run(config, checkpoint=checkpoint)[1], run(config)[1]
    assert resumed.quenches["energy"].tolist() == unbroken.quenches["energy"].tolist()


def test_minima_of_equal_energy_keep_their_own_results():
    apart = Same(np.arange(1), None, -1.0)  # no two are the same
    places = [np.array([[x, 0.1, 0.0]]) for x in (0.9, -0.9)]
    met = [Minimum(1.0, 1.0, each, Met(0, step, 0.0, 0, 1.0)) for step, each in enumerate(places)]

    def equal_wells(positions):
        x, y, z = positions.T
        return jnp.sum((x**2 - 1) ** 2 + y**2 + z**2)

    system = System(equal_wells, places[0])
    minima, _ = finished(Minima(apart, 9, met), 9, None, system, FINISH, never, lambda done, total: None)
    one, other = minima.all
    assert one.energy == other.energy
    assert one.positions[0, 0] == pytest.approx(-other.positions[0, 0], abs=1e-6)
    for each in (one, other):
        np.testing.assert_array_equal(each.result.positions[0], each.positions)


def test_a_search_may_be_stopped_in_the_minimisation_at_its_end():
    search, explorer = search_of_wells(options(steps=30))
    ended = searched(search, explorer, never, lambda seen: None)
    done: list[int] = []
    outcome = explored(
        search,
        explorer.system,
        FINISH,
        ended,
        lambda: len(done) > 0,
        lambda count, total: done.append(count),
    )
    assert (ended, outcome.ended) == (Ended.steps, Ended.interrupted)
    assert len(outcome.lowest) == 2
    assert sum(each.result is not None for each in outcome.lowest) == 1


def test_a_search_ends_where_a_replica_flies_apart(monkeypatch):
    config = options(steps=1000)
    search, explorer = search_of_wells(config)
    advance = explorer.sampler.advance

    def apart(state, steps):
        state, frames = advance(state, steps)
        broken = np.where(state[2] > 30, np.nan, frames.positions) * [[[1.0]], [[1.0]]]
        broken[0] = frames.positions[0]
        return state, frames._replace(positions=broken)

    monkeypatch.setattr(explorer.sampler, "advance", apart)
    ended = searched(search, explorer, never, lambda seen: None)
    outcome = explored(search, explorer.system, FINISH, ended, never)
    assert outcome.ended is Ended.diverged
    assert search.ladders[0].step == 40
    assert outcome.frames.step.tolist() == [10, 20, 30]  # the coldest replica is that which has flown apart
    assert np.isfinite([each.minimum.energy for each in outcome.lowest]).all()
    assert outcome.quenches["energy"].isna().tolist()[-2:] == [False, True]
    assert outcome.lowest[0].result is not None


def test_a_checkpoint_of_other_ladders_is_refused(tmp_path):
    checkpoint = tmp_path / "checkpoint.npz"
    run(options(steps=10), (0,), checkpoint)
    with pytest.raises(UserError, match=r"checkpoint\.npz: is of another search"):
        search_of_wells(options(steps=10), (0, 1), checkpoint)


def test_a_checkpoint_that_lacks_something_is_refused(tmp_path):
    np.savez(tmp_path / "checkpoint.npz", seeds=[0], time_s=1.0)
    with pytest.raises(UserError, match=r"checkpoint\.npz: is no checkpoint of this version; remove it"):
        search_of_wells(options(steps=10), (0,), tmp_path / "checkpoint.npz")


def test_no_default_of_the_dynamics_stands_twice():
    keys = {each.name for each in dataclasses.fields(ExploreConfig)}
    twice = [
        each.name
        for each in dataclasses.fields(DynamicsSettings)
        if each.name in keys and each.default is not dataclasses.MISSING
    ]
    assert twice == []


def test_few_steps_of_a_quench_need_no_other_key():
    assert options(steps=10, quench={"steps": 5}).quench.map_steps > 5


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"quench_every": 7}, "quench_every"),
        ({"steps": 15}, "steps"),
        ({"steps": None}, "time_limit_s"),
        ({"temperatures_k": [2.0, 1.0]}, "temperatures_k"),
        ({"temperatures_k": 300}, "temperatures_k"),
        ({"temperatures_k": []}, "temperatures_k"),
        ({"finished_minima": 1000}, "finished_minima"),
        ({"same": {"rmsd": -1.0}}, "same.rmsd"),
        ({"min_delta": -1.0}, "min_delta"),
        ({"quench": {"rms_force": 0}}, "quench.rms_force"),
        ({"patience": 0}, "patience"),
    ],
)
def test_values_out_of_range_are_named(given, key):
    with pytest.raises(ConfigError) as error:
        options(**{"steps": 100, **given})
    assert error.value.key == key
