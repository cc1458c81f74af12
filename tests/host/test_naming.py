"""Names of functions and settings: one for one thing, in every process."""

import functools
import subprocess
import sys

import jax
import numpy as np
import pytest

from nnrep.energies.amber import amber_energy_and_gradient
from nnrep.energies.classical import classical_energy_and_gradient
from nnrep.energies.with_gradient import energy_with
from nnrep.host.naming import NamelessError, name_of, sources
from nnrep.minimization.optimizers.adam import adam
from nnrep.minimization.stopping import Status

IN_ANOTHER_PROCESS = """
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
