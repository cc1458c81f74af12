"""What every registered optimiser and every stopping rule must do."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnrep
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.minimization.loop import run_chunk
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.minimization.stopping import Check, Step, Stopping
from nnrep.minimization.stopping.registry import RULES

AT_REST = Stopping(min_delta=0, patience=10**6, rms_force=1e-6)


def bowl(x):
    """Minimum 1.5 at x = 2, ten times as steep in one direction."""
    return jnp.sum(jnp.asarray([1.0, 10.0]) * (x - 2.0) ** 2) + 1.5


def settings_of(name, **given):
    return build(OPTIMIZERS[name], {"name": name, **given})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_reaches_a_known_minimum(name):
    system = nnrep.System(energy=bowl, positions=np.linspace(-1, 1, 8).reshape(4, 2))
    optimizer = settings_of(name, clamp=None, decay_rate=0.9, decay_steps=200).build(0.05)
    result = nnrep.minimize(system, nnrep.two_stages(optimizer=optimizer, stopping=AT_REST), max_steps=20_000)
    assert result.status == (nnrep.Status.converged,)
    np.testing.assert_allclose(result.positions, 2, atol=1e-5)
    assert result.energy[0] == pytest.approx(1.5, abs=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_numbers_of_an_optimiser_are_traced(name):
    system = nnrep.System(energy=bowl, positions=np.ones((4, 2)))
    run_chunk.jitted.clear_cache()
    for rate, clamp, decay in ((0.1, None, 1.0), (0.01, 0.5, 0.9)):
        optimizer = settings_of(name, clamp=clamp, decay_rate=decay).build(rate)
        nnrep.minimize(system, optimizer=optimizer, max_steps=20)
    assert run_chunk.jitted._cache_size() == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_numbers_of_an_optimiser_out_of_range_are_named(name):
    for key, value in {"learning_rate": 0, "clamp": 0, "decay_rate": 2, "decay_steps": 0}.items():
        with pytest.raises(ConfigError, match=f"^{key}: must be"):
            settings_of(name, **{key: value})


@pytest.mark.parametrize(
    "rule",
    Stopping(rms_force=0.5, rules=(lambda check: check.loss < -1,)).tests,
    ids=lambda rule: type(rule).__name__,
)
def test_a_rule_keeps_the_shapes_of_what_it_remembers(rule):
    """Else the compiled loop could not carry it."""
    rule.check()
    x = jnp.ones((3, 2))
    state = rule.start(x)
    loss = jnp.asarray(1.0)
    assert rule.at_step(Step(jnp.asarray(0), x, loss, x, len(x))).shape == ()
    after, status = rule.at_check(state, Check(jnp.asarray(5), x, loss, loss, jnp.asarray(True)))
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
    assert jax.tree.map(jnp.result_type, after) == jax.tree.map(jnp.result_type, state)
    assert int(status) in set(nnrep.Status)


@pytest.mark.parametrize("name", RULES)
def test_keys_of_rules_are_those_of_a_checked_dataclass(name):
    assert dataclasses.fields(RULES[name].settings)


def test_a_rule_is_one_function():
    def deep_enough(check):
        return check.loss < 2.0

    system = nnrep.System(energy=bowl, positions=np.zeros((4, 2)))
    stopping = Stopping(min_delta=0, patience=10**6, check_every=1, rules=(deep_enough,))
    result = nnrep.minimize(system, nnrep.two_stages(optimizer=nnrep.sgd(1e-2), stopping=stopping))
    assert result.status == (nnrep.Status.converged,)
    losses = result.history["energy"].to_numpy()
    assert losses[-1] < 2.0 <= losses[-2]


def test_what_is_no_rule_is_refused():
    with pytest.raises(ConfigError, match=r"^rules: must be stopping rules, or functions of a Check, got 3"):
        Stopping(rules=(3,)).check()
