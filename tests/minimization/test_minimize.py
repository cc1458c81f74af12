"""The minimisation loop: known minima, early stopping, batches, compilations, interruption."""

from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flat import chained, minimize

import nnrep
from nnrep.errors import ConfigError, UserError
from nnrep.minimization.loop import run_chunk
from nnrep.minimization.stopping.rule import Rule

Status = nnrep.Status


def chain_energy(x):
    """Springs that want x_{i+1} - x_i = (1, 0), the first particle held at 0: convex, with minimum 0."""
    stretch = x[1:] - x[:-1] - jnp.asarray([1.0, 0.0])
    return jnp.sum(stretch**2) + jnp.sum(x[0] ** 2)


def bowl(x):
    """Minimum 1.5 at x = 2."""
    return jnp.sum((x - 2.0) ** 2) + 1.5


def chain(n=12, seed=0):
    noise = 0.3 * np.random.default_rng(seed).normal(size=(n, 2))
    return nnrep.System(energy=chain_energy, positions=np.arange(n)[:, None] * [0.7, 0.2] + noise)


MAPS = {
    "identity": lambda modes: nnrep.reparam.identity(),
    "linear": nnrep.reparam.linear,
    "graph": lambda modes: nnrep.reparam.graph(modes, 8),
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize(
    "optimizer",
    [nnrep.adam(0.01), optax.adam(0.01), nnrep.sgd(0.02), nnrep.lbfgs(0.1), nnrep.fire(0.1)],
    ids=["adam", "optax", "sgd", "lbfgs", "fire"],
)
def test_known_minimum_is_found_through_every_map(name, optimizer):
    system = chain()
    reparam = MAPS[name](nnrep.slow_modes(system, k=4))
    result = minimize(
        system,
        reparam,
        optimizer=optimizer,
        stopping=nnrep.Stopping(min_delta=1e-6),
        coarse_stopping=nnrep.Stopping(min_delta=1e-3),
        max_steps=30_000,
    )
    assert result.status == (Status.stalled,)
    assert result.energy[0] == pytest.approx(0, abs=1e-3)
    assert result.gradient_rms[0] < 2e-2
    assert (result.steps_coarse[0] > 0) == (name != "identity")
    assert np.isnan(result.energy_coarse[0]) == (name == "identity")


def test_energies_are_the_exact_ones_of_the_positions():
    system = nnrep.load_system("loop", n=50)
    modes = nnrep.slow_modes(system, k=10)
    result = minimize(system, nnrep.reparam.linear(modes), seeds=2, max_steps=400)
    for energies, positions in [
        (result.energy, result.positions),
        (result.energy_coarse, result.positions_coarse),
        (result.energy_start, result.positions_start),
    ]:
        np.testing.assert_allclose(energies, [system.energy(jnp.asarray(x)) for x in positions], rtol=1e-12)
    gradient = jax.grad(system.energy)(jnp.asarray(result.positions[1]))
    assert result.gradient_rms[1] == pytest.approx(float(jnp.sqrt(jnp.mean(gradient**2))))


def test_coarse_stage_stays_in_the_span_of_the_modes_and_the_fine_stage_leaves_it():
    system = nnrep.load_system("loop", n=50)
    modes = nnrep.slow_modes(system, k=10)
    result = minimize(system, nnrep.reparam.linear(modes), max_steps=600)
    outside = np.eye(50) - np.asarray(modes.vectors @ modes.vectors.T)
    assert abs(outside @ result.positions_coarse[0]).max() < 1e-8
    assert abs(outside @ result.positions[0]).max() > 1e-3


def test_seeds_start_and_end_apart_and_repeat_exactly():
    system = nnrep.load_system("loop", n=40)
    once, again = (minimize(system, seeds=[3, 5], max_steps=100) for _ in range(2))
    np.testing.assert_array_equal(once.positions, again.positions)
    np.testing.assert_array_equal(once.history["energy"], again.history["energy"])
    assert abs(once.positions_start[0] - once.positions_start[1]).max() > 0.1
    np.testing.assert_array_equal(once.positions_start[0], system.start(3))


@cache
def loop_through(name):
    """A loop and a map to it."""
    system = nnrep.load_system("loop", n=40)
    return system, MAPS[name](nnrep.slow_modes(system, k=10))


HASTY = {"stopping": nnrep.Stopping(min_delta=1e-4, patience=2, check_every=7), "max_steps": 2000}


@cache
def alone_through(name, seed):
    return minimize(*loop_through(name), seeds=[seed], **HASTY)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_a_seed_does_not_depend_on_its_neighbours(name, batch_size):
    """Replicas of a batch stop and change stage at different steps, yet as if each ran alone."""
    seeds = [0, 1, 2]
    batch = minimize(*loop_through(name), seeds=seeds, batch_size=batch_size, **HASTY)
    assert len(set(batch.steps_fine)) > 1
    for place, seed in enumerate(seeds):
        alone = alone_through(name, seed)
        assert alone.steps_coarse[0] == batch.steps_coarse[place]
        assert alone.steps_fine[0] == batch.steps_fine[place]
        assert alone.energy[0] == pytest.approx(batch.energy[place], rel=1e-6)
        history = batch.history[batch.history["seed"] == seed].reset_index(drop=True)
        np.testing.assert_allclose(history["energy"], alone.history["energy"], rtol=1e-6)


def test_stopping_rule_counts_checks_without_improvement():
    """A loss that falls by exactly 1 a step for 30 steps, then stays."""

    def energy(x):
        return jnp.maximum(jnp.sum(x), -30.0)

    system = nnrep.System(energy=energy, positions=np.zeros((1, 1)))
    stopping = nnrep.Stopping(min_delta=0.5, patience=3, check_every=5, divergence=1e9)
    result = minimize(system, optimizer=nnrep.sgd(1.0), stopping=stopping)
    # The lowest loss, -30, is first seen at the check after step 30; the third check without an
    # improvement comes after step 45.
    assert result.status == (Status.stalled,)
    assert result.steps_fine[0] == 45
    assert list(result.history["step"]) == list(range(5, 46, 5))
    np.testing.assert_allclose(result.history["energy"], [-5, -10, -15, -20, -25, -30, -30, -30, -30])


@pytest.mark.parametrize("max_steps", [0, 1, 19, 20, 50])
@pytest.mark.parametrize("name", MAPS)
def test_step_limit_is_kept_to_the_step(name, max_steps):
    system = chain()
    reparam = MAPS[name](nnrep.slow_modes(system, k=4))
    result = minimize(system, reparam, max_steps=max_steps, seeds=2)
    assert result.status == (Status.step_limit,) * 2
    np.testing.assert_array_equal(result.steps_coarse + result.steps_fine, max_steps)
    np.testing.assert_array_equal(result.evaluations, max_steps)
    assert result.history.groupby("seed")["step"].max().tolist() == ([max_steps] * 2 if max_steps else [])


def test_one_step_of_a_clamped_optimiser():
    system = nnrep.System(energy=bowl, positions=np.zeros((1, 2)))
    result = minimize(system, optimizer=chained(nnrep.sgd, 0.5, clamp=0.1), max_steps=1)
    np.testing.assert_allclose(result.positions[0], 0.05)  # the gradient is -4, clamped to -0.1


def test_learning_rate_decays_exponentially():
    system = nnrep.System(energy=lambda x: jnp.sum(x), positions=np.zeros((1, 1)))
    decaying = chained(nnrep.sgd, 1.0, decay_rate=0.5, decay_steps=1)
    result = minimize(system, optimizer=decaying, max_steps=3)
    np.testing.assert_allclose(result.positions[0], -(1 + 0.5 + 0.25))


@pytest.mark.parametrize("optimizer", [nnrep.adam(1e6), nnrep.sgd(1e6)], ids=["adam", "sgd"])
@pytest.mark.parametrize("potential", ["pure_lj", "bond_lj"])
@pytest.mark.parametrize("name", MAPS)
def test_divergence_keeps_the_last_finite_positions(name, potential, optimizer):
    system = nnrep.load_system("loop", n=40, potential=potential)
    reparam = MAPS[name](nnrep.slow_modes(system, k=10))
    result = minimize(system, reparam, optimizer=optimizer, seeds=2, max_steps=500)
    assert result.status == (Status.diverged,) * 2
    assert np.all(np.isfinite(result.positions))
    assert np.all(np.isfinite(result.energy))
    assert abs(result.positions).max() < 1e4


def test_divergence_of_one_seed_leaves_the_others_alone():
    """A wall beyond which the energy is NaN, which only seed 1 runs into."""

    def start(key):
        return jnp.where(jax.random.key_data(key)[-1] == key_word, 0.95, 0.0) * jnp.ones((1, 1))

    from nnrep.systems.system import start_key

    key_word = jax.random.key_data(start_key(1))[-1]
    system = nnrep.System(
        energy=lambda x: jnp.sum(jnp.where(x > 1, jnp.nan, -(x**2))),
        positions=np.zeros((1, 1)),
        draw_start=start,
    )
    options = {"optimizer": nnrep.sgd(0.1), "max_steps": 1000}
    result = minimize(system, seeds=3, **options)
    assert [status.name for status in result.status] == ["stalled", "diverged", "stalled"]
    assert result.positions[1, 0, 0] == pytest.approx(0.95)
    assert np.isfinite(result.energy).all()
    alone = minimize(system, seeds=[2], **options)
    np.testing.assert_array_equal(alone.positions[0], result.positions[2])


def test_divergence_takes_back_positions_whose_energy_is_not_finite():
    """A wall at 1 beyond which the energy is NaN, checked after every step and run into from 0.95."""
    system = nnrep.System(
        energy=lambda x: jnp.sum(jnp.where(x > 1, jnp.nan, -(x**2))), positions=np.full((1, 1), 0.95)
    )
    for check_every in (1, 2, 20):
        stopping = nnrep.Stopping(check_every=check_every)
        result = minimize(system, optimizer=nnrep.sgd(0.1), stopping=stopping)
        assert result.status == (Status.diverged,)
        assert result.positions[0, 0, 0] == pytest.approx(0.95)
        assert np.isfinite(result.energy[0])


def test_energy_that_is_not_finite_at_the_start_is_a_divergence():
    system = nnrep.System(energy=lambda x: jnp.sum(x) * jnp.nan, positions=np.zeros((2, 2)))
    assert minimize(system, max_steps=0).status == (Status.diverged,)


@pytest.mark.parametrize(("scale", "goal", "rate"), [(1e-4, 10.0, 0.01), (0.0, 5000.0, 5.0)])
def test_a_long_way_from_a_small_start_is_no_divergence(scale, goal, rate):
    def energy(x):
        return jnp.sum((x - goal * jnp.asarray([[1.0, 0.0], [0.0, 0.0]])) ** 2)

    start = scale * np.random.default_rng(0).normal(size=(2, 2))
    result = minimize(nnrep.System(energy=energy, positions=start), optimizer=nnrep.adam(rate))
    assert result.status == (Status.stalled,)
    assert result.energy[0] == pytest.approx(0, abs=1e-2)


def test_line_search_optimisers_of_optax_get_what_they_need():
    result = minimize(chain(), optimizer=optax.lbfgs(), seeds=2, batch_size=2, max_steps=500)
    assert result.status == (Status.stalled,) * 2
    np.testing.assert_allclose(result.energy, 0, atol=1e-8)
    assert result.steps_fine[0] < 500


def test_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    small = nnrep.load_system("loop", n=20)
    minimize(small, checkpoint=path, should_stop=lambda: True)
    for system, options in [
        (nnrep.load_system("loop", n=30), {}),
        (small, {"seeds": 2}),
        (small, {"seeds": [1]}),
    ]:
        with pytest.raises(UserError, match="the checkpoint is of another run"):
            minimize(system, checkpoint=path, **options)
    for content in (b"", b"PK junk", b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="not a readable checkpoint"):
            minimize(small, checkpoint=path)


def springs(x, strength):
    return strength * chain_energy(x)


def parametrised(strength=1.0, seed=0, **more):
    return nnrep.System(energy=springs, positions=chain(seed=seed).positions, parameters=strength, **more)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Below(Rule):
    """Of one's own: an energy at which a stage ends."""

    energy: float

    def at_check(self, state, seen):
        return state, jnp.where(seen.loss < self.energy, Status.converged, Status.running)


def coarse_stage(rate=0.01, k=4, sign=1.0, **changes):
    modes = nnrep.slow_modes(parametrised(), k=k)
    modes = modes._replace(vectors=sign * modes.vectors)
    stopping = nnrep.Stopping(rms_force=1e-9, rules=(Below(-1e9),))
    one = nnrep.Stage("one", nnrep.reparam.linear(modes), nnrep.adam(rate), stopping, 500, nnrep.Fit(5))
    return one._replace(**changes)


OTHER_RUNS = {
    "energy": (lambda: (parametrised(5.0), coarse_stage()), {}),
    "starts": (lambda: (parametrised(seed=1), coarse_stage()), {}),
    "seeds": (lambda: (parametrised(), coarse_stage()), {"seeds": [1]}),
    "sizes or stages": (lambda: (parametrised(), coarse_stage(k=5)), {}),
    "map": (lambda: (parametrised(), coarse_stage(sign=-1.0)), {}),
    "optimisers, stopping rules, fits, limits, restarts or record_every": (
        lambda: (parametrised(), coarse_stage(rate=0.02)),
        {},
    ),
    "limits, restarts": (lambda: (parametrised(), coarse_stage()), {"max_steps": 301}),
    "fits, limits": (lambda: (parametrised(), coarse_stage(fit=nnrep.Fit(6))), {}),
    "stopping rules, fits": (
        lambda: (parametrised(), coarse_stage(stopping=nnrep.Stopping(rms_force=1e-9, rules=(Below(-2e9),)))),
        {},
    ),
    "rules, fits": (
        lambda: (parametrised(), coarse_stage(stopping=nnrep.Stopping(rms_force=1e-8, rules=(Below(-1e9),)))),
        {},
    ),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The checkpoint of a run, and where the run itself ends."""
    jax.config.update("jax_enable_x64", True)
    path = tmp_path_factory.mktemp("kept") / "checkpoint.npz"
    given = (parametrised(), coarse_stage())
    chunks: list = []
    monitor = nnrep.Monitor(chunks.append, lambda: len(chunks) > 1, path)
    assert nnrep.minimize(*given, max_steps=300, monitor=monitor).status == (Status.interrupted,)
    return path, nnrep.minimize(*given, max_steps=300).positions


@pytest.mark.parametrize("what", OTHER_RUNS)
def test_a_checkpoint_of_a_run_with_other_numbers_is_refused(kept, what):
    """Which has the same sizes, and would go on without a word."""
    path, _ = kept
    given, options = OTHER_RUNS[what]
    wanted = f"{path}: the checkpoint is of another run, with other .*{what}.*; remove it to start again"
    with pytest.raises(UserError, match=wanted):
        nnrep.minimize(*given(), monitor=nnrep.Monitor(checkpoint=path), **{"max_steps": 300} | options)


def test_a_checkpoint_of_a_run_that_keeps_other_frames_is_refused(kept):
    monitor = nnrep.Monitor(checkpoint=kept[0], record_every=20)
    with pytest.raises(UserError, match="restarts or record_every; remove it"):
        nnrep.minimize(parametrised(), coarse_stage(), max_steps=300, monitor=monitor)


def test_a_checkpoint_of_another_precision_is_refused(kept):
    jax.config.update("jax_enable_x64", False)
    with pytest.raises(UserError, match="the checkpoint is of another run, with other precision"):
        nnrep.minimize(
            parametrised(), coarse_stage(), max_steps=300, monitor=nnrep.Monitor(checkpoint=kept[0])
        )


@pytest.mark.parametrize("lacking", ["starts", "start_energy", "numbers", "standing"])
def test_a_checkpoint_that_lacks_what_tells_its_run_is_refused(kept, tmp_path, lacking):
    path, positions = kept
    with np.load(path) as archive:
        arrays = dict(archive)
    for name, left_out in [("own.npz", ""), ("other.npz", lacking)]:
        np.savez(tmp_path / name, **{key: each for key, each in arrays.items() if key != left_out})
    own, other = (nnrep.Monitor(checkpoint=tmp_path / name) for name in ("own.npz", "other.npz"))
    resumed = nnrep.minimize(parametrised(), coarse_stage(), max_steps=300, monitor=own)
    np.testing.assert_array_equal(resumed.positions, positions)
    with pytest.raises(UserError, match=r"other\.npz: is no checkpoint of this version; remove it"):
        nnrep.minimize(parametrised(), coarse_stage(), max_steps=300, monitor=other)


@pytest.mark.parametrize(
    ("reparam", "message"),
    [
        ("cg", "map_or_stages: must be a Reparametrization, a Stage or a list"),
        (
            nnrep.reparam.graph(nnrep.SlowModes(*map(jnp.ones, [(3,), (5, 3), (3,)]))),
            "reparam: must be two functions init",
        ),
    ],
)
def test_unusable_maps_are_named(reparam, message):
    with pytest.raises(ConfigError, match=message):
        minimize(chain(), reparam)


def test_integers_of_numpy_are_integers():
    system = nnrep.load_system("loop", n=np.int64(20))
    modes = nnrep.slow_modes(system, k=np.int64(5))
    reparam = nnrep.reparam.graph(modes, hidden=np.int32(4))
    result = minimize(system, reparam, seeds=np.arange(2), max_steps=20)
    assert result.seeds == (0, 1)


def test_sweep_over_traced_numbers_compiles_once():
    # A size that no other test uses, so that the count starts here.
    modes = nnrep.slow_modes(nnrep.load_system("loop", n=37), k=9)
    before = run_chunk.jitted._cache_size()
    for learning_rate, clamp, min_delta, patience, cap in [
        (0.01, 0.1, 1e-6, 2, 0.01),
        (0.02, 0.2, 1e-5, 3, 0.02),
        (0.05, None, 1e-4, 4, 0.03),
    ]:
        system = nnrep.load_system("loop", n=37, lj_cap=cap)
        stopping = nnrep.Stopping(min_delta=min_delta, patience=patience, check_every=patience)
        minimize(
            system,
            nnrep.reparam.linear(modes),
            optimizer=chained(nnrep.adam, learning_rate, clamp=clamp),
            stopping=stopping,
            max_steps=100 * patience,
        )
    assert run_chunk.jitted._cache_size() == before + 2  # a coarse and a fine stage


def test_history_and_times_add_up():
    system = nnrep.load_system("loop", n=40)
    modes = nnrep.slow_modes(system, k=10)
    result = minimize(system, nnrep.reparam.graph(modes, 8), seeds=[4, 1], max_steps=1000)
    history = result.history
    assert history["seed"].drop_duplicates().tolist() == [4, 1]
    for place, seed in enumerate([4, 1]):
        rows = history[history["seed"] == seed]
        assert rows["step"].is_monotonic_increasing
        assert rows["time_s"].is_monotonic_increasing
        assert rows["step"].iloc[-1] == result.steps_coarse[place] + result.steps_fine[place]
        assert rows["time_s"].iloc[-1] == pytest.approx(result.time_minimize_s[place], rel=1e-6)
        coarse = rows[rows["stage"] == "coarse"]
        assert coarse["step"].iloc[-1] == result.steps_coarse[place]


@cache
def unbroken_through(name):
    return minimize(*loop_through(name), seeds=2, max_steps=3000)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("stop_after", [1, 2, 30, 60])
def test_resumed_run_equals_the_unbroken_one(monkeypatch, tmp_path, name, stop_after):
    monkeypatch.setattr("nnrep.minimization.run.CHUNK_SECONDS", 0.0)  # the host looks at every check
    unbroken = unbroken_through(name)
    options = {"seeds": 2, "max_steps": 3000, "checkpoint": tmp_path / "checkpoint.npz"}
    chunks = iter(range(100))
    broken = minimize(*loop_through(name), should_stop=lambda: next(chunks) == stop_after - 1, **options)
    assert Status.interrupted in broken.status
    assert broken.evaluations.sum() < unbroken.evaluations.sum()
    resumed = minimize(*loop_through(name), **options)
    np.testing.assert_array_equal(resumed.positions, unbroken.positions)
    np.testing.assert_array_equal(resumed.energy, unbroken.energy)
    np.testing.assert_array_equal(resumed.energy_coarse, unbroken.energy_coarse)
    np.testing.assert_array_equal(resumed.steps_coarse, unbroken.steps_coarse)
    assert resumed.status == unbroken.status
    columns = ["seed", "stage", "step", "energy", "gradient_norm"]
    assert resumed.history[columns].equals(unbroken.history[columns])


def test_single_precision_goes_through_all_of_it():
    jax.config.update("jax_enable_x64", False)
    system = nnrep.load_system("loop", n=40)
    modes = nnrep.slow_modes(system, k=10)
    result = minimize(system, nnrep.reparam.graph(modes, 8), seeds=2, max_steps=500)
    assert result.positions.dtype == "float32"
    assert result.energy.dtype == "float32"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds: must be an integer from 1"),
        ({"seeds": [1, 1]}, "seeds: must be an integer from 1"),
        ({"seeds": [-1]}, "seeds: must be an integer from 1"),
        ({"seeds": []}, "seeds: must be an integer from 1"),
        ({"seeds": True}, "seeds: must be an integer from 1"),
        ({"max_steps": -1}, "max_steps: must be from 0 to 2"),
        ({"batch_size": 0}, "batch_size: must be at least 1"),
        ({"stopping": nnrep.Stopping(patience=0)}, "patience: must be from 1 to 2"),
        ({"stopping": nnrep.Stopping(min_delta=-1.0)}, "min_delta: must be zero or positive"),
        ({"optimizer": "adam"}, "optimizer: must be an optimiser of nnrep"),
    ],
)
def test_unusable_arguments_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        minimize(chain(), **options)


@pytest.mark.parametrize("learning_rate", [0, -1, np.nan, np.inf])
def test_unusable_learning_rates_are_named(learning_rate):
    with pytest.raises(ConfigError, match="learning_rate: must be positive"):
        nnrep.adam(learning_rate)


@pytest.mark.parametrize(
    ("energy", "positions", "message"),
    [
        (lambda x: x, np.zeros((3, 2)), "energy: must be a scalar function"),
        (bowl, np.zeros(3), "positions: must be real numbers of shape"),
        (bowl, np.full((3, 2), np.nan), "positions: must be finite"),
    ],
)
def test_unusable_systems_are_named(energy, positions, message):
    with pytest.raises(ConfigError, match=message):
        nnrep.System(energy=energy, positions=positions)
