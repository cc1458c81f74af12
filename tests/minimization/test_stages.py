"""Minimisation in any list of stages: what ends one, what the next begins from, and all that is counted."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flat import chained, minimize
from structure_texts import tripeptide

import nnrep
from nnrep.errors import ConfigError, UserError
from nnrep.minimization.stage_run import StageRun
from nnrep.modes.graph import coupling_graph
from nnrep.modes.spectrum import laplacian
from nnrep.systems.protein import ProteinConfig, protein_system
from nnrep.systems.system import start_key

N = 30
Stage, Status, Stopping = nnrep.Stage, nnrep.Status, nnrep.Stopping
NEVER = Stopping(min_delta=0, patience=10**6, check_every=5)
EXACT = ("none", "spectral", "at_start")


@cache
def loop(n=N):
    jax.config.update("jax_enable_x64", True)
    return nnrep.load_system("loop", n=n, loop_length=5)


@cache
def maps():
    """Every kind of map, by name."""
    system = loop()
    return {
        "none": nnrep.reparam.identity(),
        "cg": nnrep.reparam.linear(nnrep.slow_modes(system, k=6, of="graph")),
        "spectral": nnrep.reparam.spectral_map(laplacian(coupling_graph(system))),
        "gnn": nnrep.reparam.graph(nnrep.slow_modes(system, k=6, of="graph"), 8),
        "at_start": nnrep.reparam.spectral_at_start(system),
    }


def stage(name, max_steps, stopping=NEVER, rate=0.01):
    return Stage(name, maps()[name], chained(nnrep.adam, rate, clamp=0.1), stopping, max_steps)


def run(names, max_steps=10_000, steps=15, **options):
    stages = [stage(name, steps) for name in names]
    return minimize(loop(), stages=stages, max_steps=max_steps, **options)


def same(first, second):
    """That two results are of the same numbers, to the last bit."""
    for name in ("positions", "energy", "gradient_rms", "energy_coarse", "evaluations", "restarts"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
    for name in ("steps_coarse", "steps_fine", "positions_start", "positions_coarse"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
    assert first.status == second.status
    numbers = first.history.drop(columns="time_s")
    assert numbers.equals(second.history.drop(columns="time_s"))


@pytest.mark.parametrize("name", ["none", "cg", "gnn", "spectral", "at_start"])
def test_a_list_is_the_papers_schedule(name):
    """Of two stages, or without a map of one."""
    optimizer, coarse = chained(nnrep.adam, 0.01, clamp=0.1), chained(nnrep.adam, 0.1, clamp=0.1)
    rule, coarse_rule = Stopping(min_delta=1e-4, patience=2), Stopping(min_delta=1e-3, patience=2)
    options = {"seeds": 2, "max_steps": 300}
    reparam = maps()[name]
    classical = minimize(
        loop(),
        reparam,
        optimizer=optimizer,
        coarse_optimizer=coarse,
        stopping=rule,
        coarse_stopping=coarse_rule,
        **options,
    )
    fine = Stage("fine", nnrep.reparam.identity(), optimizer, rule, 300)
    first = [] if name == "none" else [Stage("coarse", reparam, coarse, coarse_rule, 150)]
    same(minimize(loop(), stages=[*first, fine], **options), classical)


def test_a_fit_belongs_to_its_stage():
    fit = nnrep.minimization.Fit(max_steps=30)
    reparam, options = maps()["gnn"], {"optimizer": nnrep.adam(0.01), "max_steps": 40}
    classical = minimize(loop(), reparam, fit=fit, **options)
    stages = [
        Stage("coarse", reparam, nnrep.adam(0.01), Stopping(), 20, fit),
        Stage("fine", nnrep.reparam.identity(), nnrep.adam(0.01), Stopping(), 40),
    ]
    listed = minimize(loop(), stages=stages, max_steps=40)
    same(listed, classical)
    assert listed.time_fit_s[0] > 0


ORDERS = [
    ("none", "cg", "spectral", "gnn", "at_start"),
    ("at_start", "gnn", "spectral", "cg", "none"),
    ("spectral", "at_start", "none", "none", "spectral", "at_start"),
    ("gnn",),
    ("at_start",),
]


@pytest.mark.parametrize("names", ORDERS, ids="-".join)
def test_any_sequence_of_maps_runs(names):
    result = run(names, seeds=2)
    assert result.status == (Status.finished,) * 2
    np.testing.assert_array_equal(result.evaluations, 15 * len(names))
    np.testing.assert_array_equal(result.steps_fine, 15)
    np.testing.assert_array_equal(result.steps_coarse, 15 * (len(names) - 1))
    for seed in range(2):
        rows = result.history[result.history["seed"] == seed]
        assert rows["step"].tolist() == list(range(5, 15 * len(names) + 1, 5))
        assert rows["stage"].tolist() == [name for name in names for _ in range(3)]
    energies = [loop().energy(jnp.asarray(x)) for x in result.positions]
    np.testing.assert_allclose(result.energy, energies, rtol=1e-12)
    assert (result.positions_coarse is None) == (len(names) == 1)


@pytest.mark.parametrize("name", ["none", "cg", "spectral", "gnn", "at_start"])
def test_exact_maps_begin_where_the_stage_before_has_ended(name):
    before = run([name], seeds=2)
    stages = [stage(name, 15), *(stage(exact, 0) for exact in (*EXACT, "spectral"))]
    after = minimize(loop(), stages=stages, seeds=2, max_steps=100)
    np.testing.assert_allclose(after.positions, before.positions, atol=1e-12)
    np.testing.assert_allclose(after.energy, before.energy, rtol=1e-10)
    np.testing.assert_array_equal(after.evaluations, before.evaluations)
    np.testing.assert_allclose(after.energy_coarse, before.energy, rtol=1e-10)


def test_a_map_that_is_not_exact_begins_from_what_it_leaves():
    before = run(["none"]).positions[0]
    after = minimize(loop(), stages=[stage("none", 15), stage("cg", 0)], max_steps=100)
    reparam = maps()["cg"]
    expected = reparam.decode(reparam.init(jax.random.key(0), jnp.asarray(before)))
    np.testing.assert_allclose(after.positions[0], expected, atol=1e-12)
    np.testing.assert_allclose(after.positions_coarse[0], before, atol=1e-12)


def test_modes_at_the_start_are_taken_anew_in_every_stage():
    """Else a second stage would be the first one gone on with."""
    rest = [stage("at_start", 20), stage("at_start", 20)]
    twice = minimize(loop(), stages=rest, max_steps=100)
    middle = dataclasses.replace(loop(), positions=jnp.asarray(twice.positions_coarse[0]), draw_start=None)
    reparam = maps()["at_start"]
    origin, _, scales = reparam.init(jax.random.key(0), middle.positions).held
    np.testing.assert_array_equal(origin, middle.positions)
    first = reparam.init(jax.random.key(0), loop().start(0)).held[2]
    assert abs(scales - first).max() > 1e-3
    assert np.all(twice.time_modes_s > 0)
    assert np.all(run(["cg"]).time_modes_s == 0)


@pytest.mark.parametrize("max_steps", [0, 1, 14, 15, 16, 31, 44, 45, 46, 100])
def test_steps_of_all_stages_are_within_the_limit(max_steps):
    result = run(["cg", "spectral", "none"], max_steps=max_steps, seeds=2)
    taken = min(max_steps, 45)
    np.testing.assert_array_equal(result.evaluations, taken)
    np.testing.assert_array_equal(result.steps_coarse, min(max_steps, 30))
    np.testing.assert_array_equal(result.steps_fine, taken - min(max_steps, 30))
    assert result.status == (Status.finished if max_steps >= 45 else Status.step_limit,) * 2
    steps = result.history.groupby("seed")["step"].max().tolist()
    assert steps == ([taken] * 2 if taken else [])


@pytest.mark.parametrize(
    "names",
    [
        ("cg", "spectral", "at_start", "none"),
        ("at_start", "at_start", "gnn"),
        ("none",),
        ("none", "at_start"),
    ],
    ids="-".join,
)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_resumed_stages_equal_the_unbroken_ones(monkeypatch, tmp_path, names, batch_size):
    """Stopped after each of the looks that the host takes at the loop."""
    monkeypatch.setattr("nnrep.minimization.run.CHUNK_SECONDS", 0.0)
    options = {"seeds": 2, "steps": 10, "batch_size": batch_size}
    looks = []
    unbroken = run(names, **options, should_stop=lambda: bool(looks.append(0)))
    for stop_after in range(1, len(looks)):
        checkpoint = tmp_path / f"{stop_after}.npz"
        chunks = iter(range(1, 1000))
        options_here = options | {"checkpoint": checkpoint}
        broken = run(names, **options_here, should_stop=lambda c=chunks, s=stop_after: next(c) == s)
        assert broken.evaluations.sum() <= unbroken.evaluations.sum()
        same(run(names, **options_here), unbroken)


def test_a_checkpoint_of_other_stages_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    looks = iter(range(100))
    run(["cg", "none"], checkpoint=path, should_stop=lambda: next(looks) == 3)
    for names in (["spectral", "gnn"], ["cg"]):
        with pytest.raises(UserError, match="the checkpoint is of another run"):
            run(names, checkpoint=path)


def test_an_optimizer_beside_stages_is_refused():
    with pytest.raises(ConfigError, match=r"^optimizer: must be left out, as stages have their own"):
        nnrep.minimize(loop(), [stage("none", 1)], optimizer=nnrep.adam())


@pytest.mark.parametrize("given", [[], ["cg"], "cg", 3])
def test_what_is_neither_map_nor_stage_is_refused(given):
    with pytest.raises(ConfigError, match=r"^map_or_stages: must be a Reparametrization, a Stage or a list"):
        nnrep.minimize(loop(), given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reparam": None}, "reparam: must be a nnrep.reparam.Reparametrization"),
        ({"reparam": "cg"}, "reparam: must be a nnrep.reparam.Reparametrization"),
        ({"optimizer": "adam"}, "optimizer: must be an optimiser of nnrep"),
        ({"max_steps": -1}, "max_steps: must be from 0"),
        ({"max_steps": 1.5}, "max_steps: must be from 0"),
        ({"stopping": Stopping(patience=0)}, "patience: must be from 1"),
        ({"stopping": Stopping(rms_force=-1.0)}, r"rms_force: must be zero \(never\) or positive"),
        ({"stopping": Stopping(rms_force=float("nan"))}, "rms_force: must be zero"),
        ({"fit": nnrep.minimization.Fit(learning_rate=0)}, "learning_rate: must be positive"),
    ],
)
def test_unusable_stages_are_named(change, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        minimize(loop(), stages=[stage("none", 1), stage("none", 1)._replace(**change)])


def test_frames_fall_on_the_checks_of_every_stage():
    with pytest.raises(ConfigError, match=r"^record_every: must be a multiple of check_every = 7"):
        minimize(loop(), stages=[stage("none", 1), stage("cg", 1, Stopping(check_every=7))], record_every=20)
    result = run(["cg", "at_start", "none"], record_every=10)
    assert result.frames.step.tolist() == [0, 10, 15, 25, 30, 40, 45]
    np.testing.assert_array_equal(result.frames.positions[-1], result.positions[0])


@pytest.mark.parametrize(
    "rest", [("none",), ("cg", "none"), ("gnn",), ("spectral", "at_start")], ids="-".join
)
def test_what_has_diverged_stays_where_it_was(rest):
    """The maps of the stages that are left do not move it either."""
    wild = stage("none", 50)._replace(optimizer=nnrep.sgd(1e9))
    alone = minimize(loop(), stages=[wild], max_steps=100)
    assert alone.status == (Status.diverged,)
    result = minimize(loop(), stages=[wild, *(stage(name, 5) for name in rest)], max_steps=100)
    assert result.status == (Status.diverged,)
    np.testing.assert_allclose(result.positions, alone.positions, atol=1e-9)
    np.testing.assert_array_equal(result.evaluations, alone.evaluations)


def bowl(x):
    return jnp.sum((x - 1.0) ** 2)


def sliding(rms_force, check_every=20, **options):
    """Down a bowl by gradient descent: each step leaves 0.8 of the force, which is 2 at first."""
    system = nnrep.System(energy=bowl, positions=np.zeros((3, 2)))
    rule = Stopping(min_delta=0, patience=10**6, check_every=check_every, rms_force=rms_force)
    return minimize(system, optimizer=nnrep.sgd(0.1), stopping=rule, max_steps=500, **options)


@pytest.mark.parametrize("check_every", [1, 3, 20, 1000])
@pytest.mark.parametrize(("rms_force", "step"), [(2.1, 1), (2.0, 2), (1.5, 3), (1e-3, 36)])
def test_a_stage_ends_at_the_step_at_which_it_is_at_rest(rms_force, step, check_every):
    """The force before step k is 2 * 0.8^(k - 1)."""
    assert 2 * 0.8 ** (step - 1) < rms_force
    result = sliding(rms_force, check_every)
    assert result.status == (Status.converged,)
    assert result.evaluations[0] == step
    assert result.gradient_rms[0] < rms_force
    # It stays where the force was seen.
    np.testing.assert_allclose(result.positions[0], 1 - 0.8 ** (step - 1), rtol=1e-12)
    assert result.history["step"].iloc[-1] == step


@pytest.mark.parametrize("rms_force", [0.0, 1e-300])
def test_no_force_is_too_small_where_none_is_asked_for(rms_force):
    result = sliding(rms_force)
    assert result.status == (Status.step_limit,)
    assert result.evaluations[0] == 500


@pytest.mark.parametrize("name", ["none", "spectral", "at_start", "cg"])
@pytest.mark.parametrize("optimizer", [nnrep.lbfgs(0.1), nnrep.fire(0.1), nnrep.adam(0.02)])
def test_at_rest_is_of_the_forces_on_particles(name, optimizer):
    """Not of the gradient with respect to what is moved; the results of any check_every are the same."""
    exact = nnrep.load_system("loop", n=N, loop_length=5, repulsion="exact")
    found = []
    for check_every in (7, 50):
        rule = Stopping(min_delta=0, patience=10**6, check_every=check_every, rms_force=5e-3)
        only = Stage("only", maps()[name], optimizer, rule, 3000)
        found.append(minimize(exact, stages=[only], max_steps=3000))
    first, second = found
    assert first.evaluations[0] == second.evaluations[0]
    np.testing.assert_allclose(first.positions, second.positions, atol=1e-9)
    if name != "cg":  # few modes cannot bring all particles to rest
        assert first.status == (Status.converged,)
    for result in found:
        at_rest = result.status == (Status.converged,)
        assert at_rest == (result.gradient_rms[0] < 5e-3)


def wells(seeds_far):
    """A bowl for each seed, from near or far."""
    words = [int(jax.random.key_data(start_key(seed))[-1]) for seed in seeds_far]

    def start(key):
        far = jnp.isin(jax.random.key_data(key)[-1], jnp.asarray(words, jnp.uint32))
        return jnp.where(far, 1e3, 1.5) * jnp.ones((2, 2))

    return nnrep.System(energy=bowl, positions=np.zeros((2, 2)), draw_start=start)


def at_rest(name, rms_force, max_steps=10):
    rule = Stopping(min_delta=0, patience=10**6, check_every=4, rms_force=rms_force)
    return Stage(name, nnrep.reparam.identity(), nnrep.sgd(0.1), rule, max_steps)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_stages_that_are_left_are_skipped_by_what_is_at_rest(batch_size):
    """Each replica for itself; the far one goes through all of them."""
    stages = [at_rest("one", 0.5), at_rest("two", 0.5), at_rest("three", 0.5)]
    system = wells([1])
    result = minimize(system, stages=stages, seeds=3, max_steps=100, batch_size=batch_size)
    # From 1.5 the force is 1 at the first step, 0.8^3 at the fourth and below 0.5 at the fifth.
    assert [status.name for status in result.status] == ["converged", "step_limit", "converged"]
    assert result.evaluations.tolist() == [5, 30, 5]
    assert result.steps_coarse.tolist() == [5, 20, 5]
    assert result.steps_fine.tolist() == [0, 10, 0]
    np.testing.assert_allclose(result.positions[0], 1 + 0.5 * 0.8**4)
    np.testing.assert_array_equal(result.positions_coarse[0], result.positions[0])
    assert set(result.history[result.history["seed"] == 0]["stage"]) == {"one"}
    for place in range(3):
        alone = minimize(system, stages=stages, seeds=[place], max_steps=100)
        np.testing.assert_array_equal(alone.positions[0], result.positions[place])
        assert alone.evaluations[0] == result.evaluations[place]


@pytest.mark.parametrize(
    ("forces", "steps"),
    [((0.5, 0.9, 0.5), 5), ((0.5, 0.2, 0.5), 5 + 4 + 1), ((0.5, 0.0, 0.5), 16), ((0.5, 0.5, 0), 16)],
)
def test_only_what_no_stage_would_move_ends_early(forces, steps):
    """A stage that asks for less force, or for none, is not skipped; one that asks for more is."""
    stages = [at_rest(str(index), force) for index, force in enumerate(forces)]
    result = minimize(wells([]), stages=stages, max_steps=100)
    assert result.evaluations[0] == steps


def test_no_stage_begins_without_steps(monkeypatch):
    """Maps of later stages may take a Hessian each, and maps that are not exact would move what is done."""
    begun = []

    class Counted(StageRun):
        def __init__(self, stage, *arguments):
            begun.append(stage.name)
            super().__init__(stage, *arguments)

    monkeypatch.setattr("nnrep.minimization.run.StageRun", Counted)
    stages = [at_rest("one", 0.0, 10), at_rest("two", 0.0, 10), at_rest("three", 0.0, 10)]
    result = minimize(wells([]), stages=stages, max_steps=14, seeds=2)
    assert begun == ["one", "two"]
    assert result.status == (Status.step_limit,) * 2
    assert result.evaluations.tolist() == [14, 14]
    assert result.steps_coarse.tolist() == [14, 14]


def test_what_has_converged_by_patience_alone_goes_on():
    flat = Stopping(min_delta=1e9, patience=1, check_every=4)
    stages = [at_rest("one", 0.0)._replace(stopping=flat), at_rest("two", 1e-3, 100)]
    result = minimize(wells([]), stages=stages, max_steps=200)
    assert result.steps_coarse[0] == 4 * 2
    assert result.gradient_rms[0] < 1e-3


def test_resumed_after_an_early_end_equals_the_unbroken_one(monkeypatch, tmp_path):
    monkeypatch.setattr("nnrep.minimization.run.CHUNK_SECONDS", 0.0)
    stages = [at_rest("one", 0.5), at_rest("two", 0.5), at_rest("three", 0.5)]
    options = {"stages": stages, "seeds": 3, "max_steps": 100}
    looks = []
    unbroken = minimize(wells([1]), **options, should_stop=lambda: bool(looks.append(0)))
    for stop_after in range(1, len(looks)):
        checkpoint = tmp_path / f"{stop_after}.npz"
        chunks = iter(range(1, 1000))
        broken = minimize(
            wells([1]),
            **options,
            checkpoint=checkpoint,
            should_stop=lambda c=chunks, s=stop_after: next(c) == s,
        )
        assert np.all(np.isfinite(broken.energy))
        same(minimize(wells([1]), **options, checkpoint=checkpoint), unbroken)


@pytest.mark.slow
def test_a_protein_comes_to_rest_in_float32():
    """To a force that is well above what roundings make of the one of a peptide, about 0.2 kJ/mol/nm."""
    jax.config.update("jax_enable_x64", False)
    system = protein_system(ProteinConfig(perturbation=0.1), tripeptide())
    rule = Stopping(min_delta=0, patience=100)
    free = Stage("free", nnrep.reparam.identity(), nnrep.lbfgs(0.02), rule._replace(rms_force=7.0), 20_000)
    stiff = rule._replace(rms_force=2.0)
    reparam = nnrep.reparam.spectral_at_start(system, 7e-4)
    modes = Stage("spectral", reparam, nnrep.lbfgs(1.5e-3), stiff, 200)
    result = minimize(system, stages=[free, *[modes] * 10], max_steps=20_000)
    assert result.status == (Status.converged,)
    assert result.gradient_rms[0] < 2
    assert system.positions.dtype == "float32"
