"""Sampled pairs and the counter of patience are kept for an epoch; learning rates fall over a run."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hydra import compose, initialize_config_dir

import nnrep
from nnrep.choices.defaults import config_folder
from nnrep.choices.identity import hash_of
from nnrep.choices.settings import build
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan
from nnrep.errors import ConfigError
from nnrep.minimization.optimizers.rates import rate_at
from nnrep.minimization.stopping import Check, Status, Stopping
from nnrep.minimization.stopping.patience import Patience
from nnrep.systems.loop import LoopConfig


def noise(positions, key):
    return jnp.sum(positions**2) * 0 + jax.random.normal(key)


def zero(positions):
    return jnp.sum(positions**2) * 0


@pytest.mark.parametrize("epoch", [1, 5])
def test_a_sample_is_kept_for_an_epoch_of_steps(epoch):
    system = nnrep.System(zero, np.eye(3), energy_sample=noise, sample_epoch=epoch)
    stopping = nnrep.Stopping(min_delta=0, patience=100, check_every=1)
    stages = nnrep.two_stages(None, stopping=stopping)
    history = nnrep.minimize(system, stages, max_steps=15).history
    assert (history["energy"].groupby(history["step"] // epoch).nunique() == 1).all()
    assert history["energy"].nunique() == len(set(history["step"] // epoch))


def test_repelling_pairs_are_kept_where_a_loop_says_so():
    kept = nnrep.load_system("loop", n=20, repulsion_epoch=3000)
    assert kept.sample_epoch == 3000
    assert nnrep.load_system("loop", n=20).sample_epoch == 1
    plain, one, long = (
        {"name": "loop"} | more for more in ({}, {"repulsion_epoch": 1}, {"repulsion_epoch": 2})
    )
    hashes = [hash_of(build(LoopConfig, each)) for each in (plain, one, long)]
    assert hashes[0] == hashes[1] != hashes[2]
    with pytest.raises(ConfigError, match=r"repulsion_epoch: must be from 1"):
        nnrep.load_system("loop", n=20, repulsion_epoch=0)
    with pytest.raises(ConfigError, match=r"sample_epoch: must be from 1"):
        nnrep.System(zero, np.eye(3), sample_epoch=0)


def steps_until_stalled(rule, losses):
    state = rule.start(jnp.zeros((2, 3)))
    for step, loss in enumerate(losses, start=1):
        seen = Check(
            jnp.asarray(step), jnp.zeros((2, 3)), jnp.asarray(loss), jnp.asarray(1.0), jnp.asarray(True)
        )
        state, status = rule.at_check(state, seen)
        if int(status) == Status.stalled:
            return step
    return None


def test_an_epoch_counts_the_checks_of_patience_anew():
    """The loss falls until step 3: three checks later it ends, or three after the epoch that began at 5."""
    losses = [3.0, 2.0, 1.0, *[1.0] * 20]
    assert steps_until_stalled(Patience(0.0, 3), losses) == 6
    assert steps_until_stalled(Patience(0.0, 3, epoch=5), losses) == 8
    # The lowest loss is kept: what comes again is no improvement.
    assert steps_until_stalled(Patience(0.0, 3, epoch=5), [1.0, 5.0, 4.0, 3.0, 2.0, 2.0]) == 4
    Stopping(patience=3, check_every=2, epoch=7).check()
    with pytest.raises(ConfigError, match=r"^epoch: must be longer than patience checks, 6 steps"):
        Stopping(patience=3, check_every=2, epoch=6).check()


@pytest.fixture
def configure():
    register_resolvers()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield lambda *overrides: load_plan(compose("config", overrides=list(overrides)))


def test_epochs_of_both_stages_and_of_listed_ones(configure):
    assert [stage.stopping.epoch for stage in configure("reparam=cg", "schedule.fine.epoch=500").stages] == [
        500
    ] * 2
    listed = configure("schedule=staged", "+schedule.stages.2.epoch=30000000")
    assert [stage.stopping.epoch for stage in listed.stages] == [0, 0, 30_000_000]
    assert configure("reparam=cg").hash == configure("reparam=cg", "schedule.fine.epoch=null").hash
    assert configure("reparam=cg").hash != configure("reparam=cg", "schedule.fine.epoch=500").hash
    for fault in ("schedule.fine.epoch=400", "schedule.fine.epoch=0", "schedule.coarse.epoch=-1"):
        with pytest.raises(ConfigError, match=rf"^{fault.partition('=')[0].replace('.', '[.]')}: must be "):
            configure("reparam=cg", fault)


def test_annealed_learning_rates_fall_by_their_factor_over_the_stage(configure):
    plan = configure("reparam=cg", "schedule.fine.anneal=40", "schedule.coarse.anneal=null", "max_steps=1000")
    coarse, fine = (stage.optimizer.hyperparameters[-1] for stage in plan.stages)
    assert (coarse.rate, fine.initial) == (1.0, 0.01)
    whole = optax.exponential_decay(0.01, 1000, 1 / 40)
    for step in (0, 250, 1000):
        assert rate_at(fine, jnp.asarray(step)) == pytest.approx(float(whole(step)), rel=1e-5)
    assert rate_at(fine, jnp.asarray(1000)) == pytest.approx(0.01 / 40)
    both = configure("reparam=cg", "schedule.fine.anneal=40", "max_steps=1000").stages
    assert [stage.optimizer.hyperparameters[-1].steps for stage in both] == [500, 1000]
    assert configure("reparam=none").hash != configure("reparam=none", "schedule.fine.anneal=40").hash
    with pytest.raises(
        ConfigError, match=r"^schedule[.]coarse[.]anneal: must be null, as optimizer.decay_rate"
    ):
        configure("reparam=cg", "schedule.fine.anneal=40", "optimizer.decay_rate=0.5")
    with pytest.raises(ConfigError, match=r"^schedule[.]fine[.]anneal: must be above 1, or null"):
        configure("reparam=none", "schedule.fine.anneal=1")


def test_an_annealed_run_comes_nearer_to_rest():
    """At a constant rate Adam keeps moving by as much as the rate is."""
    system = nnrep.System(lambda x: jnp.sum(jnp.abs(x)), np.full((4, 3), 0.3))
    ends = []
    for rate in (1e-2, nnrep.exponential_decay(1e-2, 1 / 50, 2000)):
        stopping = nnrep.Stopping(patience=10**6)
        result = nnrep.minimize(
            system, nnrep.two_stages(None, optimizer=nnrep.adam(rate), stopping=stopping), max_steps=2000
        )
        ends.append(float(result.energy[0]))
    assert ends[1] < ends[0] / 5
