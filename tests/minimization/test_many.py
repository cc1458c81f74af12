"""Many systems with one call: the results of each alone, shared programs, errors in their places."""

import jax.numpy as jnp
import numpy as np
import pytest
from compilations import counted

import nnrep
from nnrep.errors import ConfigError

N = 8


def springs(x, p):
    return jnp.sum(p * (jnp.linalg.norm(x[1:] - x[:-1], axis=1) - 1) ** 2)


def system(seed, n=N):
    rng = np.random.default_rng(seed)
    return nnrep.System(springs, rng.normal(size=(n, 3)), parameters=rng.uniform(1, 2, n - 1))


def linear(system):
    return nnrep.reparam.linear(nnrep.slow_modes(system, k=3))


def broken(system):
    if system.positions[0, 0] == 5:
        raise RuntimeError("no map")


def fifth():
    return nnrep.System(springs, np.full((N, 3), 5.0), parameters=np.ones(N - 1), name="fifth")


@pytest.mark.parametrize("method", [None, linear, nnrep.reparam.identity()], ids=["none", "made", "map"])
def test_results_are_those_of_each_alone_in_their_order(method):
    systems = [system(0), system(1, n=5), system(2)]
    options = {"seeds": [4], "max_steps": 60, "optimizer": nnrep.adam(0.02)}
    results = nnrep.minimize_many(iter(systems), method, **options)
    for mine, result in zip(systems, results, strict=True):
        alone = nnrep.minimize(mine, linear(mine) if method is linear else method, **options)
        np.testing.assert_array_equal(result.positions, alone.positions)
        assert result.seeds == (4,)


def test_systems_of_one_shape_share_their_programs():
    with counted() as first:
        nnrep.minimize_many([system(0, n=7)], linear, max_steps=40)
    with counted() as others:
        nnrep.minimize_many([system(1, n=7), system(2, n=7)], linear, max_steps=40)
    assert first
    assert others == []


def test_an_error_is_raised_with_the_system_that_it_is_of():
    with pytest.raises(RuntimeError, match="no map") as raised:
        nnrep.minimize_many([system(0), fifth(), system(2)], broken, max_steps=5)
    assert raised.value.__notes__ == ["in systems[1], fifth"]


def test_errors_are_returned_in_the_places_of_results():
    seen = []
    results = nnrep.minimize_many(
        [system(0), fifth(), system(2)],
        broken,
        max_steps=5,
        on_error="return",
        on_result=lambda done, count: seen.append((done, count)),
    )
    assert isinstance(results[1], RuntimeError)
    assert [type(results[at]) for at in (0, 2)] == [nnrep.Result] * 2
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_what_is_to_stop_ends_with_the_system_that_was_under_way():
    monitor = nnrep.Monitor(should_stop=lambda: True)
    (only,) = nnrep.minimize_many([system(0), system(1)], max_steps=1000, monitor=monitor)
    assert only.status == (nnrep.Status.interrupted,)


def test_no_systems_have_no_results():
    assert nnrep.minimize_many([]) == []


@pytest.mark.parametrize(
    ("systems", "options", "message"),
    [
        (3, {}, "^systems: must be a list of systems, got 3"),
        ([1], {}, r"^systems\[0\]: must be a nnrep.System, got 1"),
        ([], {"on_error": "ignore"}, "^on_error: must be raise or return, got 'ignore'"),
        (
            [],
            {"max_step": 3},
            r"^max_step: must be one of .* \(did you mean max_steps",
        ),
        ([], {"monitor": nnrep.Monitor(checkpoint="x")}, r"^monitor\.checkpoint: must be None"),
    ],
)
def test_errors_name_the_argument(systems, options, message):
    with pytest.raises(ConfigError, match=message):
        nnrep.minimize_many(systems, **options)
