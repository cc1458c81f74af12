"""What has failed, and beginning it anew."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flat import chained, minimize

import nnrep
from nnrep.errors import ConfigError
from nnrep.minimization.attempts import Attempts, Outcomes
from nnrep.systems.measures import PIECE_REACH, has_failed
from nnrep.systems.system import Contacts

Stage, Status, Stopping = nnrep.Stage, nnrep.Status, nnrep.Stopping
NEVER = Stopping(min_delta=0, patience=10**6, check_every=5)
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def square(**options):
    """A chain of four that wants to be a square: three bonds, and a contact of its ends."""
    bonds = Contacts(np.array([[0, 1], [1, 2], [2, 3]]), 1.0)
    parts = {"bonds": bonds, "contacts": Contacts(np.array([[0, 3]]), 1.0)} | options
    return nnrep.System(energy=lambda x: jnp.sum(x**2), positions=SQUARE, **parts)


def moved(particle, to):
    x = SQUARE.copy()
    x[particle] = to
    return x


def test_a_square_is_a_success():
    assert not has_failed(square(), SQUARE)
    assert not has_failed(square(), SQUARE, min_contact_fraction=1.0)
    assert not has_failed(square(), 1.05 * SQUARE)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_not_finite_has_failed(broken):
    assert has_failed(square(), moved(2, [broken, 0.0]), min_contact_fraction=0.0)


@pytest.mark.parametrize(("distance", "tangled"), [(0.0, True), (0.49, True), (0.51, False)])
@pytest.mark.parametrize("kind", ["bond", "contact"])
def test_a_tangled_pair_has_failed(kind, distance, tangled):
    x = moved(2, [1.0, distance]) if kind == "bond" else moved(3, [0.0, distance])
    assert has_failed(square(), x, min_contact_fraction=0.0) == tangled


def test_a_pair_that_is_not_coupled_may_be_near():
    assert not has_failed(square(), moved(2, [0.0, 0.01]), min_contact_fraction=0.0)


@pytest.mark.parametrize(("gap", "apart"), [(PIECE_REACH - 0.01, False), (PIECE_REACH + 0.01, True)])
def test_a_piece_apart_has_failed(gap, apart):
    """Both ends go on one side; their contact is satisfied."""
    x = SQUARE - np.array([[gap - 1, 0], [0, 0], [0, 0], [gap - 1, 0]])
    assert has_failed(square(), x) == apart


def test_too_few_contacts_have_failed():
    two = Contacts(np.array([[0, 3], [0, 2]]), 1.0)  # the diagonal is none
    system = square(contacts=two)
    assert not has_failed(system, SQUARE)
    assert not has_failed(system, SQUARE, min_contact_fraction=0.5)
    assert has_failed(system, SQUARE, min_contact_fraction=0.51)
    assert has_failed(square(), moved(3, [0.0, 1.2]))
    assert not has_failed(square(), moved(3, [0.0, 1.2]), min_contact_fraction=0.0)


def test_a_system_that_names_no_contacts_fails_by_nothing_but_its_bonds():
    far = moved(3, [50.0, 0.0])
    assert not has_failed(square(contacts=None), far, min_contact_fraction=1.0)
    assert has_failed(square(contacts=None), moved(1, [0.1, 0.0]))
    assert not has_failed(square(contacts=None, bonds=None), moved(1, [0.1, 0.0]))
    assert has_failed(square(contacts=None, bonds=None), moved(1, [np.nan, 0.0]))


COUNT = 3
DIVERGED, CONVERGED = Status.diverged, Status.converged


def outcomes_at(number, energies, statuses):
    """Outcomes whose positions, coarse positions and RMS forces are all this number."""
    positions, each = np.full((COUNT, 2, 2), float(number)), np.full(COUNT, float(number))
    energies, codes = np.asarray(energies), np.asarray([int(status) for status in statuses])
    return Outcomes(np.zeros(COUNT, bool), positions, energies, each, codes, positions)


def ended(attempts, number, energies, statuses=(CONVERGED,) * COUNT, which=(True,) * COUNT):
    attempts.end(np.asarray(which), outcomes_at(number, energies, statuses))


@pytest.mark.parametrize("most", [0, 5])
def test_the_lower_of_two_outcomes_is_kept(most):
    attempts = Attempts(nnrep.Restarts(most), lambda positions: False, COUNT, jnp.zeros((2, 2)))
    assert not attempts.outcomes.done.any()
    ended(attempts, 1, [5.0, np.nan, 3.0], which=(True, True, False))
    assert attempts.outcomes.done.tolist() == [True, True, False]
    ended(attempts, 2, [6.0, 9.0, 3.0])
    assert attempts.outcomes.done.all()
    assert attempts.outcomes.gradient_rms.tolist() == [1, 2, 2]
    ended(attempts, 3, [4.0, np.nan, 3.0])
    assert attempts.outcomes.energy.tolist() == [4.0, 9.0, 3.0]
    assert attempts.outcomes.positions[:, 0, 0].tolist() == [3, 2, 2]
    assert attempts.outcomes.coarse[:, 0, 0].tolist() == [3, 2, 2]


@pytest.mark.parametrize("resumed", [False, True])
def test_the_attempt_that_has_ended_decides_and_a_failed_one_loses(resumed):
    """The first attempts diverge, fail by their positions, and end at an energy that is not finite."""
    judged = []

    def has_failed(positions):
        judged.append(positions[0, 0])
        return bool(positions[0, 0] == 1)  # the first attempt

    def made():
        return Attempts(nnrep.Restarts(5), has_failed, COUNT, jnp.zeros((2, 2)))

    go_on, attempts = np.ones(COUNT, bool), made()
    ended(attempts, 1, [5.0, 5.0, np.nan], (DIVERGED, CONVERGED, CONVERGED))
    assert attempts.begin_next(go_on).tolist() == [True, True, True]
    if resumed:
        snapshot, attempts = attempts.snapshot(), made()
        attempts.restore(snapshot)
    # One that has diverged, or failed, lower than before; one that has not failed, but ends higher.
    ended(attempts, 2, [4.0, 6.0, 7.0], (DIVERGED, CONVERGED, CONVERGED))
    assert attempts.outcomes.energy.tolist() == [4.0, 6.0, 7.0]
    assert attempts.begin_next(go_on).tolist() == [True, False, False]
    ended(attempts, 3, [8.0, 0.0, 0.0], which=(True, False, False))
    assert attempts.outcomes.energy.tolist() == [8.0, 6.0, 7.0]
    assert attempts.outcomes.status.tolist() == [CONVERGED] * COUNT
    assert attempts.begin_next(go_on).tolist() == [False] * COUNT
    assert attempts.restarted.tolist() == [2, 1, 1]
    # Each attempt is judged once, unless it has diverged; a resumed run judges what it has kept.
    assert sorted(judged) == sorted([1, *[2, 2], 3] + [1] * resumed)


def pair_energy(x):
    """Two particles with a minimum at distance 1, and a higher one near 3, in which they are apart."""
    r = jnp.sqrt(jnp.sum((x[1] - x[0]) ** 2) + 1e-12)
    return (r - 1) ** 2 * (r - 3) ** 2 + 0.1 * r


def draw_pair(key):
    return jnp.asarray([[0.0, 0.0], [1.0, 0.0]]) * jax.random.uniform(key, minval=0.5, maxval=3.5)


@cache
def pair(length=1.0):
    """About half of its starts fail; with a contact of another length, all do."""
    jax.config.update("jax_enable_x64", True)
    contact = Contacts(np.array([[0, 1]]), length)
    return nnrep.System(
        energy=pair_energy, positions=draw_pair(jax.random.key(0)), draw_start=draw_pair, contacts=contact
    )


def settle(system, **options):
    given = {"optimizer": nnrep.sgd(0.02), "stopping": Stopping(min_delta=1e-9), "max_steps": 100_000}
    return minimize(system, **(given | options))


def attempts(system, seed, count, **options):
    """The attempts that a seed makes, each run for itself."""
    for attempt in range(count):
        start = dataclasses.replace(system, positions=system.start(seed, attempt), draw_start=None)
        yield settle(start, seeds=[seed], **options)


def test_every_attempt_has_another_start():
    starts = [np.asarray(pair().start(seed, attempt)) for seed in (0, 1) for attempt in range(4)]
    assert len({start.tobytes() for start in starts}) == 8
    np.testing.assert_array_equal(pair().start(0), pair().start(0, 0))
    np.testing.assert_array_equal(pair().start(0, 2), pair().start(0, 2))


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_failed_seeds_are_begun_anew_until_they_succeed(batch_size):
    once = settle(pair(), seeds=8, batch_size=batch_size)
    failed = np.array([has_failed(pair(), x) for x in once.positions])
    assert 1 < failed.sum() < 7
    again = settle(pair(), seeds=8, restarts=20, batch_size=batch_size)
    assert not any(has_failed(pair(), x) for x in again.positions)
    np.testing.assert_array_equal(again.restarts > 0, failed)
    assert again.restarts.max() > 1  # one has failed twice
    assert again.status == (Status.stalled,) * 8
    # What has not failed is as if nothing were begun anew, to the last bit.
    fine = ~failed
    for name in ("positions", "energy", "gradient_rms", "evaluations", "steps_fine", "positions_start"):
        np.testing.assert_array_equal(getattr(again, name)[fine], getattr(once, name)[fine])
    assert np.all(again.evaluations[failed] > once.evaluations[failed])
    np.testing.assert_array_equal(again.evaluations, again.steps_coarse + again.steps_fine)
    for seed in range(8):
        steps = again.history.loc[again.history["seed"] == seed, "step"]
        assert steps.is_monotonic_increasing
        assert steps.iloc[-1] == again.evaluations[seed]


def test_restarts_are_deterministic():
    first, second = (settle(pair(), seeds=4, restarts=5) for _ in range(2))
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.restarts, second.restarts)
    for seed in range(4):
        alone = settle(pair(), seeds=[seed], restarts=5)
        np.testing.assert_array_equal(alone.positions[0], first.positions[seed])
        assert alone.evaluations[0] == first.evaluations[seed]


@pytest.mark.parametrize("restarts", [0, 1, 4])
def test_the_lowest_end_is_kept_and_all_attempts_are_counted(restarts):
    """Cut off on its way down, so that all ends differ."""
    short = {"stages": [Stage("only", nnrep.reparam.identity(), nnrep.sgd(0.02), NEVER, 12)]}
    short |= {"optimizer": None, "stopping": None, "max_steps": 1000}
    result = settle(pair(10.0), seeds=3, restarts=restarts, **short)
    np.testing.assert_array_equal(result.restarts, restarts)
    np.testing.assert_array_equal(result.evaluations, 12 * (restarts + 1))
    for seed in range(3):
        ends = list(attempts(pair(10.0), seed, restarts + 1, **short))
        lowest = ends[int(np.argmin([end.energy[0] for end in ends]))]
        assert len({float(end.energy[0]) for end in ends}) == restarts + 1
        np.testing.assert_array_equal(result.positions[seed], lowest.positions[0])
        assert result.energy[seed] == lowest.energy[0]
        assert result.gradient_rms[seed] == lowest.gradient_rms[0]
        assert result.status[seed] == lowest.status[0]


@pytest.mark.parametrize("max_steps", [0, 11, 12, 13, 30, 36, 1000])
def test_no_seed_takes_more_steps_than_it_may(max_steps):
    stages = [Stage("only", nnrep.reparam.identity(), nnrep.sgd(0.02), NEVER, 12)]
    result = minimize(pair(10.0), stages=stages, seeds=2, restarts=100, max_steps=max_steps)
    most = min(max_steps, 101 * 12)
    np.testing.assert_array_equal(result.evaluations, most)
    np.testing.assert_array_equal(result.restarts, max(0, -(-max_steps // 12) - 1))
    assert result.history["step"].max() == most or max_steps == 0


@cache
def coil(n=40):
    jax.config.update("jax_enable_x64", True)
    return nnrep.load_system("loop", n=n)


@cache
def three_stages():
    reparam = nnrep.reparam
    modes = nnrep.slow_modes(coil(), k=8, of="graph")
    optimizer = chained(nnrep.adam, 0.05, clamp=0.1)
    return [
        Stage("cg", reparam.linear(modes), optimizer, NEVER, 10),
        Stage(
            "spectral", reparam.spectral_map(nnrep.slow_modes(coil(), k=40, of="graph")), optimizer, NEVER, 15
        ),
        Stage("none", reparam.identity(), optimizer, NEVER, 10),
    ]


def test_loops_are_begun_anew_through_all_stages():
    options = {"stages": three_stages(), "seeds": 2, "min_contact_fraction": 1.0}
    once = minimize(coil(), **options, max_steps=200)
    result = minimize(coil(), **options, max_steps=200, restarts=3)
    np.testing.assert_array_equal(result.restarts, 3)
    np.testing.assert_array_equal(result.evaluations, 4 * 35)
    np.testing.assert_array_equal(result.steps_coarse, 4 * 25)
    np.testing.assert_array_equal(result.steps_fine, 4 * 10)
    assert np.all(result.energy <= once.energy)
    np.testing.assert_array_equal(result.positions_start, once.positions_start)
    np.testing.assert_array_equal(result.energy_start, once.energy_start)
    energies = [coil().energy(jnp.asarray(x)) for x in result.positions]
    np.testing.assert_allclose(result.energy, energies, rtol=1e-12)
    cut = minimize(coil(), **options, max_steps=60, restarts=3)
    np.testing.assert_array_equal(cut.evaluations, 60)
    np.testing.assert_array_equal(cut.restarts, 1)
    np.testing.assert_array_equal(cut.steps_coarse, 25 + 25)


def resumed_everywhere(system, tmp_path, **options):
    """A run that is interrupted after each of the host's looks and resumed is the unbroken one."""
    looks = []
    unbroken = minimize(system, **options, should_stop=lambda: bool(looks.append(0)))
    for stop_after in range(1, len(looks)):
        checkpoint = tmp_path / f"{stop_after}.npz"
        chunks = iter(range(1, 1000))
        broken = minimize(
            system,
            **options,
            checkpoint=checkpoint,
            should_stop=lambda c=chunks, s=stop_after: next(c) == s,
        )
        assert np.all(broken.evaluations <= unbroken.evaluations)
        resumed = minimize(system, **options, checkpoint=checkpoint)
        for name in ("positions", "energy", "gradient_rms", "evaluations", "restarts", "steps_coarse"):
            message = f"{name}, stopped after {stop_after} looks"
            np.testing.assert_array_equal(getattr(resumed, name), getattr(unbroken, name), err_msg=message)
        assert resumed.status == unbroken.status
        numbers = resumed.history.drop(columns="time_s")
        assert numbers.equals(unbroken.history.drop(columns="time_s"))
    return unbroken


@pytest.mark.parametrize("batch_size", [1, 2])
def test_resumed_restarts_equal_the_unbroken_ones(monkeypatch, tmp_path, batch_size):
    monkeypatch.setattr("nnrep.minimization.run.CHUNK_SECONDS", 0.0)
    options = {"stages": three_stages(), "seeds": 2, "min_contact_fraction": 1.0, "batch_size": batch_size}
    unbroken = resumed_everywhere(coil(), tmp_path, restarts=1, max_steps=60, **options)
    assert unbroken.restarts.tolist() == [1, 1]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_resumed_restarts_of_some_seeds_equal_the_unbroken_ones(monkeypatch, tmp_path, batch_size):
    monkeypatch.setattr("nnrep.minimization.run.CHUNK_SECONDS", 0.0)
    stages = [Stage(name, nnrep.reparam.identity(), nnrep.sgd(0.05), NEVER, 15) for name in ("one", "two")]
    options = {"stages": stages, "seeds": 4, "batch_size": batch_size}
    unbroken = resumed_everywhere(pair(), tmp_path, restarts=3, max_steps=100, **options)
    assert 0 in unbroken.restarts
    assert unbroken.restarts.max() > 0


def resting(name, rms_force, max_steps):
    rule = Stopping(min_delta=0, patience=10**6, check_every=5, rms_force=rms_force)
    return Stage(name, nnrep.reparam.identity(), nnrep.sgd(0.05), rule, max_steps)


def test_what_has_failed_at_rest_is_begun_anew():
    """Stages that are left are skipped by what is at rest, and all begin with the first."""
    stages = [resting("one", 1e-2, 1000), resting("two", 1e-2, 1000)]
    result = minimize(pair(10.0), stages=stages, seeds=2, restarts=2, max_steps=10_000)
    assert result.restarts.tolist() == [2, 2]
    assert result.status == (Status.converged,) * 2
    assert set(result.history["stage"]) == {"one"}
    np.testing.assert_array_equal(result.steps_coarse, result.evaluations)
    np.testing.assert_array_equal(result.steps_fine, 0)


def test_what_has_failed_at_rest_is_begun_anew_after_an_interruption(monkeypatch, tmp_path):
    """Some seeds are at rest after the first stage, others only after the second."""
    monkeypatch.setattr("nnrep.minimization.run.CHUNK_SECONDS", 0.0)
    stages = [resting("one", 0.1, 4), resting("two", 0.1, 100)]
    unbroken = resumed_everywhere(pair(10.0), tmp_path, stages=stages, seeds=4, restarts=2, max_steps=1000)
    assert unbroken.restarts.tolist() == [2] * 4
    stages_seen = unbroken.history.query("step <= 8").groupby("seed")["stage"].nunique()
    assert sorted(set(stages_seen)) == [1, 2]


@pytest.mark.parametrize("missing", ["draw_start", "contacts"])
def test_systems_that_cannot_be_begun_anew_are_refused(missing):
    system = dataclasses.replace(pair(), **{missing: None})
    with pytest.raises(ConfigError, match=r"^restarts: must be 0, as the system draws no starts or names no"):
        minimize(system, restarts=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"restarts": -1}, "restarts: must be from 0 to 100, got -1"),
        ({"restarts": 101}, "restarts: must be from 0 to 100"),
        ({"restarts": 1.5}, "restarts: must be from 0 to 100"),
        ({"restarts": True}, "restarts: must be from 0 to 100"),
        ({"min_contact_fraction": -0.1}, "min_contact_fraction: must be from 0 to 1"),
        ({"min_contact_fraction": 1.1}, "min_contact_fraction: must be from 0 to 1"),
    ],
)
def test_unusable_numbers_are_named(options, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        minimize(pair(), **options)
