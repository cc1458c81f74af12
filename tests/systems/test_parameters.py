"""Energies with parameters: traced, so that systems which differ in their numbers share every program."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compilations import counted

import nnrep
from nnrep.errors import ConfigError
from nnrep.systems.system import with_energy

N = 9


def springs(x, p):
    """A chain whose springs have a strength each and one length, with the first particle held at a place."""
    stretch = jnp.linalg.norm(x[1:] - x[:-1], axis=1) - p["length"]
    return jnp.sum(p["strength"] * stretch**2) + jnp.sum((x[0] - p["origin"]) ** 2)


def numbers(strength=1.0, length=1.0, origin=0.0):
    return {"strength": np.full(N - 1, strength), "length": length, "origin": np.full(3, origin)}


def start(seed=0):
    return np.random.default_rng(seed).normal(size=(N, 3))


def system(seed=0, **values):
    return nnrep.System(energy=springs, positions=start(seed), parameters=numbers(**values))


def of_numbers(**values):
    """The same energy with its numbers as Python's."""
    fixed = numbers(**values)
    return nnrep.System(energy=lambda x: springs(x, fixed), positions=start())


def test_energy_gradient_and_hessian_are_those_of_the_function_with_its_numbers():
    values = {"strength": 2.5, "length": 0.8, "origin": 0.3}
    mine, plain = system(**values), of_numbers(**values)
    x = mine.positions
    assert float(mine.energy(x)) == pytest.approx(float(plain.energy(x)), rel=1e-12)
    np.testing.assert_allclose(jax.grad(mine.energy)(x), jax.grad(plain.energy)(x), rtol=1e-12)
    for options in ({"k": 4}, {"k": 12, "of": "hessian"}):
        found, wanted = (nnrep.slow_modes(each, **options).values for each in (mine, plain))
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


SCHEDULES = {
    "positions": lambda system: None,
    "linear": lambda system: nnrep.reparam.linear(nnrep.slow_modes(system, k=4)),
    "stages": lambda system: [
        nnrep.Stage("free", nnrep.reparam.identity(), nnrep.lbfgs(0.1), nnrep.Stopping(), 30),
        nnrep.Stage(
            "newton",
            nnrep.reparam.cholesky_at_start(system, shift=0.1),
            nnrep.lbfgs(0.1),
            nnrep.Stopping(),
            30,
        ),
    ],
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_other_numbers_compile_nothing(name):
    def run(**values):
        mine = system(**values)
        return nnrep.minimize(mine, SCHEDULES[name](mine), max_steps=60)

    with counted() as compiled:
        first = run()
    assert compiled
    with counted() as compiled:
        second = run(seed=1, strength=3.0, length=2.0, origin=-1.0)
    assert compiled == []
    assert first.energy[0] != second.energy[0]
    assert second.energy[0] < second.energy_start[0]


def test_another_structure_is_compiled_anew():
    nnrep.minimize(system(), max_steps=5)
    single = nnrep.System(springs, start(), parameters=numbers() | {"strength": 2.0})
    with counted() as compiled:
        result = nnrep.minimize(single, max_steps=5)
    assert compiled
    assert result.energy[0] == pytest.approx(float(single.energy(jnp.asarray(result.positions[0]))))


def test_parameters_are_replaced_as_other_attributes_are():
    other = replace(system(), parameters=numbers(strength=7.0))
    x = other.positions
    assert float(other.energy(x)) == pytest.approx(float(springs(x, numbers(strength=7.0))))
    moved = replace(other, positions=start(3))
    assert float(moved.energy(x)) == pytest.approx(float(other.energy(x)))


def test_parameters_and_batches_and_restarts_work_together():
    mine = replace(
        system(strength=2.0),
        draw_start=lambda key: jax.random.normal(key, (N, 3)),
        contacts=nnrep.systems.system.Contacts(np.array([[0, N - 1]]), 100.0),  # never met
    )
    whole = nnrep.minimize(mine, seeds=3, max_steps=60, batch_size=2, restarts=nnrep.Restarts(1))
    single = nnrep.minimize(mine, seeds=[2], max_steps=60, restarts=nnrep.Restarts(1))
    np.testing.assert_allclose(whole.energy[2], single.energy[0], rtol=1e-6)
    for energy, positions in zip(whole.energy, whole.positions, strict=True):
        assert energy == pytest.approx(float(springs(jnp.asarray(positions), numbers(strength=2.0))))


def test_an_interrupted_run_goes_on_with_the_same_parameters(tmp_path):
    mine, file = system(strength=2.0), tmp_path / "checkpoint.npz"
    stopping = nnrep.Monitor(checkpoint=file, should_stop=lambda: True)
    begun = nnrep.minimize(mine, max_steps=200, monitor=stopping)
    assert begun.status == (nnrep.Status.interrupted,)
    resumed = nnrep.minimize(mine, max_steps=200, monitor=nnrep.Monitor(checkpoint=file))
    np.testing.assert_array_equal(resumed.positions, nnrep.minimize(mine, max_steps=200).positions)


def test_another_energy_is_added_to_one_with_parameters():
    from nnrep.energies.energy import Energy
    from nnrep.energies.sum import with_gradient

    pull = Energy(jnp.asarray(2.0), with_gradient(lambda p, x: p * jnp.sum(x**2)), lambda p, x: {"pull": p})
    both = with_energy(system(), pull)
    x = both.positions
    assert float(both.energy(x)) == pytest.approx(float(springs(x, numbers())) + 2 * float(jnp.sum(x**2)))


def test_numbers_come_to_the_precision_of_the_process():
    jax.config.update("jax_enable_x64", False)
    kinds = {leaf.dtype for leaf in jax.tree.leaves(system(length=2).parameters)}
    assert kinds == {np.dtype(np.float32), np.dtype(np.int32)}


@pytest.mark.parametrize(
    ("energy", "parameters", "message"),
    [
        (springs, {"length": "long"}, r"^parameters\['length'\]: must be a number or an array of numbers"),
        (springs, [1.0, springs], r"^parameters\[1\]: must be a number"),
        (
            lambda x: jnp.sum(x),
            1.0,
            r"^energy: must be a function of positions \(n, d\) and parameters, got one",
        ),
        (springs, None, r"^energy: must be a function of positions \(n, d\), got one"),
        (lambda x, p: x * p, 1.0, "^energy: must be a scalar function of the positions"),
    ],
)
def test_errors_name_the_argument(energy, parameters, message):
    with pytest.raises(ConfigError, match=message):
        nnrep.System(energy=energy, positions=start(), parameters=parameters)
