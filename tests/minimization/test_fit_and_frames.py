"""What surrounds the steps: the fit to the start, measures in the history, frames on the way, checkpoints."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from flat import minimize

import nnrep
from nnrep.errors import ConfigError
from nnrep.minimization import Fit
from nnrep.minimization.checkpoint import load_checkpoint, save_checkpoint
from nnrep.minimization.fit import fit_params
from nnrep.minimization.history import History


def well(x):
    return jnp.sum((x - jnp.arange(3.0)) ** 2) + jnp.sum((x[1:] - x[:-1]) ** 2)


def measured(x):
    return {"height": jnp.mean(x[:, 2]), "size": jnp.max(abs(x))}


def system(n=10):
    start = np.random.default_rng(0).normal(size=(n, 3))
    return nnrep.System(energy=well, positions=start, measure=measured)


def network(hidden=24):
    return nnrep.reparam.graph(nnrep.slow_modes(system(), 5), hidden)


OPTIONS = {
    "optimizer": nnrep.adam(0.02),
    "stopping": nnrep.Stopping(min_delta=0.0, patience=1000, check_every=5),
    "max_steps": 200,
    "seeds": 2,
}


def test_fit_brings_the_network_to_the_start_and_is_charged_apart():
    one, reparam = system(), network(64)
    plain = minimize(one, reparam, **OPTIONS)
    fitted = minimize(one, reparam, fit=Fit(max_steps=2000, learning_rate=1e-2, patience=200), **OPTIONS)
    start = np.asarray(one.positions)
    errors = [np.mean((result.positions_start - start) ** 2, axis=(1, 2)) for result in (plain, fitted)]
    assert (errors[0] > 0.5).all()
    assert (errors[1] < 0.02).all()
    assert (plain.time_fit_s == 0).all()
    assert (fitted.time_fit_s > 0).all()


def test_fit_keeps_to_its_steps_and_stops_early():
    reparam, positions = network(), jnp.asarray(system().positions)
    params = reparam.init(jax.random.key(0), positions)

    def error(params):
        return float(jnp.mean((reparam.decode(params) - positions) ** 2))

    untouched = fit_params(reparam.decode, params, positions, Fit(max_steps=0))
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), untouched, params))
    few, many = (error(fit_params(reparam.decode, params, positions, Fit(steps))) for steps in (10, 600))
    assert many < few < error(params)
    # Nothing improves by more than that, so it ends after `patience` steps.
    early = fit_params(reparam.decode, params, positions, Fit(5000, patience=10, min_delta=1e3))
    same = fit_params(reparam.decode, params, positions, Fit(11))
    assert error(early) == pytest.approx(error(same), rel=1e-6)


def test_history_has_the_measures_of_the_positions_at_each_check():
    result = minimize(system(), None, **OPTIONS)
    assert list(result.history.columns[-2:]) == ["height", "size"]
    last = result.history.groupby("seed").last()
    for seed in range(2):
        expected = measured(jnp.asarray(result.positions[seed]))
        for name, value in expected.items():
            assert last.loc[seed, name] == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize("reparam", ["none", "gnn"])
def test_frames_are_the_positions_at_the_steps_asked_for(reparam):
    chosen = None if reparam == "none" else network()
    result = minimize(system(), chosen, record_every=20, **OPTIONS)
    frames = result.frames
    assert frames.seed.tolist() == sorted(frames.seed)
    for seed in range(2):
        mine = frames.seed == seed
        assert frames.step[mine].tolist() == list(range(0, 201, 20))
        np.testing.assert_array_equal(frames.positions[mine][0], result.positions_start[seed])
        np.testing.assert_array_equal(frames.positions[mine][-1], result.positions[seed])
    short = minimize(system(), chosen, **OPTIONS | {"max_steps": 40})
    same = frames.positions[(frames.seed == 0) & (frames.step == 40)]
    if reparam == "none":
        np.testing.assert_array_equal(same[0], short.positions[0])
    assert minimize(system(), chosen, **OPTIONS).frames is None


def test_the_last_frame_of_an_early_end_is_kept():
    stopping = nnrep.Stopping(min_delta=0.0, patience=1, check_every=5)
    result = minimize(
        system(), None, record_every=1000, **OPTIONS | {"stopping": stopping, "max_steps": 5000}
    )
    for seed in range(2):
        mine = result.frames.seed == seed
        assert result.frames.step[mine].tolist() == [0, result.steps_fine[seed]]


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_resumed_history_has_the_types_of_an_unbroken_one(before, tmp_path):
    def rows(step):
        ints, floats = np.array([4, 1]), np.array([0.5, 2.0])
        return (ints, np.full(2, "fine"), step + ints, floats, floats.astype(np.float32), floats, ints > 2)

    whole, broken, resumed = (History(["bonded"], [4, 1]) for _ in range(3))
    for step in range(5):
        whole.add(rows(step))
    for step in range(before):
        broken.add(rows(step))
    save_checkpoint(tmp_path / "kept.npz", {"history": broken.snapshot()})
    resumed.restore(load_checkpoint(tmp_path / "kept.npz")["history"])
    for step in range(before, 5):
        resumed.add(rows(step))
    pd.testing.assert_frame_equal(resumed.table(), whole.table())


def drawn_apart(key):
    return jnp.asarray(system(4).positions) * jax.random.uniform(key, minval=0.5, maxval=8.0)


@pytest.mark.parametrize("max_steps", [400, 96, 77])
def test_frames_of_a_batch_are_those_of_its_replicas_alone_wherever_these_stop(max_steps):
    """They come to rest between checks, and where their second stage begins they have other limits."""
    one = nnrep.System(energy=well, positions=system(4).positions, draw_start=drawn_apart)
    rest = nnrep.Stopping(min_delta=0.0, patience=1000, check_every=5, rms_force=0.5)
    stages = [
        nnrep.Stage(name, nnrep.reparam.identity(), nnrep.sgd(rate), stopping, max_steps)
        for name, rate, stopping in [("first", 0.02, rest), ("second", 0.001, OPTIONS["stopping"])]
    ]

    def run(batch_size):
        chunks = []
        options = {"batch_size": batch_size, "record_every": 10, "on_progress": chunks.append}
        # A chunk without a step would be followed by another one, for ever.
        watch = {"should_stop": lambda: len(chunks) > 1000}
        return minimize(one, stages=stages, seeds=4, max_steps=max_steps, **options, **watch)

    alone, together = run(1), run(4)
    assert nnrep.Status.interrupted not in together.status
    assert len(set(alone.steps_coarse % 5)) > 1
    assert together.status == alone.status
    np.testing.assert_array_equal(together.evaluations, alone.evaluations)
    np.testing.assert_allclose(together.positions, alone.positions, rtol=1e-12)
    np.testing.assert_array_equal(together.frames.seed, alone.frames.seed)
    np.testing.assert_array_equal(together.frames.step, alone.frames.step)
    np.testing.assert_allclose(together.frames.positions, alone.frames.positions, rtol=1e-12)


@pytest.mark.parametrize("stop_after", [1, 3, 12])
def test_frames_and_fit_survive_an_interruption(tmp_path, stop_after):
    options = OPTIONS | {"record_every": 20, "fit": Fit(50)}
    reparam, checkpoint = network(), tmp_path / "checkpoint.npz"
    whole = minimize(system(), reparam, **options)
    chunks: list = []
    watch = {"on_progress": chunks.append, "should_stop": lambda: len(chunks) > stop_after}
    broken = minimize(system(), reparam, checkpoint=checkpoint, **watch, **options)
    assert nnrep.Status.interrupted in broken.status
    resumed = minimize(system(), reparam, checkpoint=checkpoint, **options)
    np.testing.assert_array_equal(resumed.positions, whole.positions)
    for mine, theirs in zip(resumed.frames, whole.frames, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    columns = [name for name in whole.history if name != "time_s"]
    assert resumed.history[columns].equals(whole.history[columns])


def test_a_checkpoint_is_saved_now_and_then_not_at_every_chunk(tmp_path, monkeypatch):
    saved = []
    module = __import__("nnrep.minimization.minimizer", fromlist=["save_checkpoint"])
    monkeypatch.setattr(module, "save_checkpoint", lambda *arguments: saved.append(time.perf_counter()))
    chunks = []
    options = OPTIONS | {"max_steps": 5000, "record_every": 20, "on_progress": chunks.append}
    began = time.perf_counter()
    minimize(system(), None, checkpoint=tmp_path / "c.npz", **options)
    elapsed = time.perf_counter() - began
    assert len(chunks) > 100
    assert 1 <= len(saved) <= 1 + elapsed / module.CHECKPOINT_SECONDS


@pytest.mark.parametrize("every", [0, -20, 7, 2.5])
def test_frames_between_checks_are_refused(every):
    with pytest.raises(ConfigError, match="record_every: must be a multiple of check_every = 5"):
        minimize(system(), None, record_every=every, **OPTIONS)


def test_node_features_reach_the_network():
    one, features = system(), jnp.eye(10)[:, :4]
    modes = nnrep.slow_modes(one, 5)
    reparam = nnrep.reparam.graph(modes, 8, residual="concat", features=features)
    params = reparam.init(jax.random.key(0), one.positions)
    assert params["latent"].shape == (10, 8)
    assert params["layers"][0]["conv"].shape == (12, 4)
    other = nnrep.reparam.graph(modes, 8, residual="concat", features=features[::-1])
    assert abs(reparam.decode(params) - other.decode(params)).max() > 1e-3


def test_self_weight_of_a_graph():
    edges = np.array([[0, 1], [1, 2]])
    reparam = nnrep.reparam.graph(nnrep.reparam.edge_graph(edges, 3, 0.2), 4)
    expected = [[0.2, 1, 0], [1, 0.2, 1], [0, 1, 0.2]]
    np.testing.assert_allclose(reparam.decode.propagate(jnp.eye(3)), expected)
    with pytest.raises(ConfigError, match="self_weight"):
        nnrep.reparam.edge_graph(edges, 3, -1.0)


ENDLESS = Fit(10**6, patience=10**6)


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_run_that_is_stopped_during_its_fit_is_interrupted_at_its_start(seeds, tmp_path):
    one, checkpoint = system(), tmp_path / "checkpoint.npz"
    options = OPTIONS | {"seeds": seeds, "fit": ENDLESS, "record_every": 20, "checkpoint": checkpoint}
    result = minimize(one, network(), should_stop=lambda: True, **options)
    assert set(result.status) == {nnrep.Status.interrupted}
    assert (result.evaluations.tolist(), len(result.history)) == ([0] * seeds, 0)
    for positions in (*result.positions, *result.positions_start):
        np.testing.assert_array_equal(positions, one.positions)
    np.testing.assert_allclose(result.energy, well(jnp.asarray(one.positions)))
    assert not checkpoint.exists()  # a half-fitted map is none that a run goes on from


def test_a_run_that_is_stopped_during_a_later_fit_goes_on_from_before_it(tmp_path):
    """And one that is stopped during its first fit once more leaves the checkpoint as it is."""
    one, checkpoint, path = system(), tmp_path / "checkpoint.npz", network()
    stopping, steps = OPTIONS["stopping"], 40
    stages = [
        nnrep.Stage(name, path, nnrep.adam(0.02), stopping, steps, Fit(50)) for name in ("first", "second")
    ]
    options = {"stages": stages, "max_steps": 2 * steps, "seeds": 2}
    whole, seen = minimize(one, **options), []
    in_second = {"on_progress": seen.append, "should_stop": lambda: any(p.stage_steps >= 80 for p in seen)}
    broken = minimize(one, checkpoint=checkpoint, **in_second, **options)
    assert set(broken.status) == {nnrep.Status.interrupted}
    assert broken.evaluations.tolist() == [steps, steps]
    again = minimize(one, checkpoint=checkpoint, should_stop=lambda: True, **options)
    assert set(again.status) == {nnrep.Status.interrupted}
    resumed = minimize(one, checkpoint=checkpoint, **options)
    np.testing.assert_array_equal(resumed.positions, whole.positions)
    assert resumed.status == whole.status


def test_many_runs_end_with_the_one_that_is_stopped_during_its_fit():
    stages = nnrep.two_stages(network(), optimizer=nnrep.adam(0.02), fit=ENDLESS)
    monitor = nnrep.Monitor(should_stop=lambda: True)
    results = nnrep.minimize_many([system(), system()], stages, max_steps=50, monitor=monitor)
    assert [result.status for result in results] == [(nnrep.Status.interrupted,)]
