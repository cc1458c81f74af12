"""The search: which minima it has, when it ends, and that it goes on from a checkpoint as if unbroken."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from walks import LOWER, UPPER, options, search_of_wells

from nnrep import Stage, Stopping, System, lbfgs, sgd
from nnrep.dynamics.replica_exchange import LAST_STEP
from nnrep.dynamics.settings import DynamicsSettings
from nnrep.errors import ConfigError, UserError
from nnrep.exploration.finish import Finish, finished
from nnrep.exploration.minima import Met, Minima, Minimum, Same
from nnrep.exploration.outcome import explored
from nnrep.exploration.quench import Quenched
from nnrep.exploration.round import Frames, Order, Round, Start
from nnrep.exploration.search import Ended, searched
from nnrep.exploration.settings import MOST_ANNEALING, MOST_STEPS, ExploreConfig
from nnrep.reparam import identity

FINISH = Finish([Stage("fine", identity(), lbfgs(0.1), Stopping(rms_force=1e-9), 500)], 500)


def never():
    return False


def run(config, seeds=(0,), checkpoint=None, stop_at=np.inf, apart=()):
    """A search that is stopped once its first ladder has taken so many steps; see `flying_apart`."""
    search, explorer = search_of_wells(config, seeds, checkpoint)
    explorer.sampler = flying_apart(explorer.sampler, dict(apart))
    first = search.ladders[seeds[0]]
    ended = searched(search, explorer, lambda: first.step >= stop_at, lambda seen: None)
    return search, explored(search, explorer.system, FINISH, ended, never)


def flying_apart(sampler, at):
    """A sampler whose coldest replica is lost once the ladder of a seed has taken `at[seed]` steps."""

    class Apart(type(sampler)):
        def advance(self, state, steps):
            state, frames = super().advance(state, steps)
            positions = np.array(frames.positions)
            if int(state[2]) >= at.get(int(state[1]), np.inf):
                positions[1] = np.nan
            return (positions, *state[1:]), frames._replace(positions=positions)

    return Apart()


def same_numbers(one, other):
    for name in ("quenches", "exchange"):
        tables = (getattr(each, name).drop(columns="time_s", errors="ignore") for each in (one, other))
        pd.testing.assert_frame_equal(*tables)
    pd.testing.assert_frame_equal(*(each.to_frame().drop(columns="time_s") for each in (one, other)))
    np.testing.assert_array_equal(one.frames.positions, other.frames.positions)
    assert (one.ended, one.diverged) == (other.ended, other.diverged)


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
    energies = outcome.quenches.groupby("step")["energy"].min().to_numpy()
    assert waited(energies[None], 0.1, ladder.step // 10) == 5  # rounds of ten steps
    fell_at = ladder.step - 50
    assert outcome.lowest[0].minimum.positions[0, 0] == pytest.approx(LOWER, abs=1e-3) or fell_at == 10


def waited(energies, min_delta, until):
    """Steps without a fall of the lowest of all; energies (ladders, steps)."""
    lowest, fell_at = np.inf, until
    for step, energy in enumerate(np.min(energies, axis=0)[: until + 1]):
        if energy < lowest - min_delta:
            lowest, fell_at = energy, step
    return until - fell_at


@pytest.mark.parametrize("draw", range(20))
def test_patience_is_of_the_lowest_energy_of_all_ladders_however_far_each_is(draw):
    """Rounds of ladders come by turns, or some are ahead, as where each has a process of its own."""
    random = np.random.default_rng(draw)
    falls_by = random.exponential(0.2, (3, 40)) * (random.random((3, 40)) < 0.1)
    energies = -np.cumsum(falls_by, axis=1)
    config = options(steps=100_000, patience=6, min_delta=0.1, exchange_every=1, quench_every=1)
    expected = next((step for step in range(40) if waited(energies, 0.1, step) >= 6), None)
    for ahead in (0, 4):
        search, _ = search_of_wells(config, (0, 1, 2))
        for seed in range(3):
            search.take(Order(seed, None), Start((), quenched_to(energies[seed, 0])))
        step = [0, 0, 0]
        while search.ended() is None and min(step) < 39:
            slowest = min(step)
            free = [seed for seed in range(3) if step[seed] <= min(slowest + ahead, 38)]
            seed = int(random.choice(free))
            step[seed] += 1
            search.take(Order(seed, ()), round_to(energies[seed, step[seed]]))
        assert (search.ended() is Ended.patience) == (expected is not None)
        assert min(step) == (39 if expected is None else expected)


def quenched_to(energy):
    return Quenched(np.zeros((1, 3)), float(energy), 0.0, 1)


def round_to(energy):
    one = np.ones(1, int)
    frames = Frames(np.zeros((1, 1, 3)), np.zeros(1, int), np.zeros(1), np.ones(1), one, one, one)
    return Round((), 1, frames, (quenched_to(energy),))


def test_a_search_goes_on_with_more_patience_and_another_min_delta(tmp_path):
    checkpoint = tmp_path / "checkpoint.npz"
    assert run(options(steps=10_000, patience=20), checkpoint=checkpoint)[1].ended is Ended.patience
    for more in ({"patience": 60}, {"patience": 80, "min_delta": 5.0}):
        config = options(steps=10_000, **more)
        resumed, unbroken = run(config, checkpoint=checkpoint)[0], run(config)[0]
        assert resumed.ended() is Ended.patience
        last, alone = resumed.ladders[0], unbroken.ladders[0]
        assert (last.step, last.lows) == (alone.step, alone.lows)


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
    same_numbers(unbroken, resumed)


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


def _falling_together(positions):
    squared = jnp.sum((positions[0] - positions[1]) ** 2)
    return 1000 * jnp.sum(positions**2) - 30 / jnp.sqrt(squared + 1e-4)


def test_a_schedule_at_the_end_that_joins_atoms_leaves_the_minimum_as_it_was():
    """As point charges do; on an energy that is bounded they have a minimum there."""
    start = 0.03 * np.eye(2, 3)
    met = Minimum(float(_falling_together(start)), 1.0, start, Met(0, 0, 0.0, 0, 1.0))
    system = System(_falling_together, start, energy_unit="kJ/mol", length_unit="nm")
    for bounded in (False, True):
        minima = Minima(Same(np.arange(2), None, -1.0), 9, [met])
        own = dataclasses.replace(system, bounded=bounded)
        (end,) = finished(minima, 9, None, own, FINISH, never, lambda done, total: None)[0].all
        assert (end.result is None) is (end.energy == met.energy) is not bounded


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


def test_a_search_ends_where_a_replica_of_its_only_ladder_flies_apart():
    search, outcome = run(options(steps=1000), apart={0: 40})
    assert outcome.ended is Ended.diverged
    assert outcome.diverged == (0,)
    assert search.ladders[0].step == 40
    assert outcome.frames.step.tolist() == [10, 20, 30]  # the coldest replica is that which has flown apart
    assert np.isfinite([each.minimum.energy for each in outcome.lowest]).all()
    assert outcome.quenches["energy"].isna().tolist()[-2:] == [False, True]
    assert outcome.lowest[0].result is not None


@pytest.mark.parametrize("limits", [{"steps": 80}, {"steps": 10_000, "patience": 50}])
def test_ladders_go_on_where_another_flies_apart(limits, tmp_path):
    """To the numbers that they have without it, also if they are broken before or after."""
    config, apart = options(**limits), {1: 20, 3: 40}
    search, whole = run(config, seeds=(0, 1, 2, 3), apart=apart)
    assert whole.ended is Ended("patience" if "patience" in limits else "steps")
    assert whole.diverged == (1, 3)
    assert [search.ladders[seed].step for seed in (1, 3)] == [20, 40]
    assert search.ladders[0].step == search.ladders[2].step >= 50
    alone = run(options(steps=search.ladders[2].step), seeds=(2,))[1].quenches.drop(columns="time_s")
    own = whole.quenches[whole.quenches["seed"] == 2].drop(columns="time_s").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone)
    for stop_at in (10, 20, 30, 40):
        checkpoint = tmp_path / f"{stop_at}.npz"
        broken = run(config, (0, 1, 2, 3), checkpoint, stop_at, apart)[1]
        assert broken.ended is Ended.interrupted
        same_numbers(whole, run(config, (0, 1, 2, 3), checkpoint, apart=apart)[1])


def test_steps_of_rounds_under_way_are_shown_and_never_fewer_than_before(tmp_path):
    config, checkpoint = options(steps=50), tmp_path / "checkpoint.npz"
    run(config, (0, 1), checkpoint, stop_at=20)
    search, explorer = search_of_wells(config, (0, 1), checkpoint)
    seen = []
    searched(search, explorer, never, lambda progress: seen.append(progress.steps))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (20 + 10 + 5, 100)
    assert {steps % 10 for steps in seen} == {0, 5}


def test_a_bar_ends_at_the_steps_that_ladders_can_still_take():
    search, _ = run(options(steps=80), seeds=(0, 1), apart={1: 20})
    seen = search.progress()
    assert (seen.steps, seen.steps_limit, seen.running) == (100, 100, 0)


def test_a_search_without_a_limit_of_steps_ends_before_they_cannot_be_counted():
    config = options(steps=None, time_limit_s=1e9)
    search, explorer = search_of_wells(config)
    searched(search, explorer, lambda: search.ladders[0].step > 0, lambda seen: None)
    search.ladders[0].step = config.last_step - 10
    assert searched(search, explorer, never, lambda seen: None) is Ended.steps
    assert search.ladders[0].step == config.last_step <= MOST_STEPS
    assert MOST_STEPS + MOST_ANNEALING < LAST_STEP


@pytest.mark.parametrize("place", ["advance", "quench"])
def test_a_search_that_is_stopped_in_its_first_round_has_its_start(place, tmp_path, monkeypatch):
    config, checkpoint = options(steps=30), tmp_path / "checkpoint.npz"
    search, explorer = search_of_wells(config, checkpoint=checkpoint)
    owner, reached = explorer.sampler if place == "advance" else explorer, []
    compute = getattr(owner, place)

    def followed(*arguments):
        if search.ladders[0].state is None:  # the start
            return compute(*arguments)
        reached.append(place)
        return compute(*arguments) if place == "advance" else None  # as a quench that has not ended in time

    with monkeypatch.context() as patch:
        patch.setattr(owner, place, followed)
        ended = searched(search, explorer, lambda: bool(reached), lambda seen: None)
    broken = explored(search, explorer.system, FINISH, ended, never)
    assert broken.ended is Ended.interrupted
    assert broken.quenches["replica"].tolist() == [-1]
    assert len(broken.to_frame()) == 1
    same_numbers(run(config)[1], run(config, checkpoint=checkpoint)[1])


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
        ({"steps": 2**31}, "steps"),
        ({"patience": 2**31}, "patience"),
        ({"quench_every": 2**31 - 2**31 % 5, "steps": None, "patience": 1}, "quench_every"),
        ({"quench": {"anneal_steps": 2**31}}, "quench.anneal_steps"),
    ],
)
def test_values_out_of_range_are_named(given, key):
    with pytest.raises(ConfigError) as error:
        options(**{"steps": 100, **given})
    assert error.value.key == key
