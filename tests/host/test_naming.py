"""Names of functions and settings: one for one thing, in every process."""

import functools
import subprocess
import sys

import jax
import numpy as np
import pytest

from nnrep import load_system
from nnrep.choices.settings import build
from nnrep.energies.amber import amber_energy_and_gradient
from nnrep.energies.classical import classical_energy_and_gradient
from nnrep.energies.with_gradient import energy_with
from nnrep.host.naming import NamelessError, name_of, sources
from nnrep.host.stored import keep_whole_programs
from nnrep.minimization.batches import decoded, initial_params
from nnrep.minimization.optimizers.adam import adam
from nnrep.minimization.stopping import Status
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.reparam.build import built_map
from nnrep.reparam.registry import MAPS

IN_ANOTHER_PROCESS = """
from nnrep import load_system
from nnrep.choices.settings import build
from nnrep.energies.amber import amber_energy_and_gradient
from nnrep.energies.with_gradient import energy_with
from nnrep.host.naming import name_of, sources
print(name_of(energy_with(amber_energy_and_gradient)), sources())
"""


def test_another_process_has_the_same_names():
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{name_of(energy_with(amber_energy_and_gradient))} {sources()}"


def test_what_differs_has_other_names():
    values = [
        None,
        True,
        1,
        1.0,
        "1",
        (1, 2),
        [1, 2],
        {"a": 1},
        Status.running,
        Status,
        np.dtype(np.float32),
        adam,
        functools.partial(adam, 0.1),
        functools.partial(adam, 0.2),
        amber_energy_and_gradient,
        energy_with(amber_energy_and_gradient),
        energy_with(classical_energy_and_gradient),
        adam(0.1).build,
        jax.jit,
    ]
    names = [name_of(value) for value in values]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", MAPS)
def test_programs_of_every_map_have_a_name(name, tmp_path):
    """Else each command compiles them anew."""
    system = load_system("loop", n=20, loop_length=5)
    settings = build(MAPS[name], {"name": name})
    reparam = built_map(system, settings, ModesConfig(of=ModesOf.graph), 4, {"threads": 1}).reparam
    keep_whole_programs(tmp_path)
    try:
        assert initial_params._key("program", (reparam, 0, 0, system.positions)) is not None
        params = jax.eval_shape(initial_params.jitted, reparam, 0, 0, system.positions)
        assert decoded._key("program", (reparam.decode, params, 0)) is not None
    finally:
        keep_whole_programs(None)


def own(x: float) -> float:
    return x


@pytest.mark.parametrize("value", [own, lambda x: x, np.zeros(2), object(), [own], functools.partial(own)])
def test_what_another_process_may_not_have_has_no_name(value):
    with pytest.raises(NamelessError):
        name_of(value)


def test_a_function_that_was_replaced_has_no_name(monkeypatch):
    """Its old name would give the program of another function."""
    module = sys.modules[amber_energy_and_gradient.__module__]
    monkeypatch.setattr(module, "amber_energy_and_gradient", own)
    with pytest.raises(NamelessError):
        name_of(own)
