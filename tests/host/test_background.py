"""A computation that should stop is left, and does not hold up the end of the process."""

import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnrep.errors import EXIT_INTERRUPTED
from nnrep.host import background
from nnrep.host.background import LeftError, interruptible

LEAVES = """
import time
from nnrep.host.background import LeftError, interruptible

try:
    interruptible(lambda: time.sleep(100), lambda: True)
except LeftError:
    print("left", end="")
"""


@pytest.mark.parametrize("should_stop", [None, lambda: False])
def test_a_computation_gives_its_value_or_raises_its_error(should_stop):
    assert interruptible(lambda: 7, should_stop) == 7
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 / 0, should_stop)


def test_it_has_the_precision_of_where_it_was_begun():
    for wide in (False, True):
        with jax.enable_x64(wide):
            dtype = interruptible(lambda: jnp.zeros(()).dtype, lambda: False)
        assert dtype == (np.float64 if wide else np.float32)


def test_one_that_should_stop_is_left_unless_it_ends_in_time(monkeypatch):
    monkeypatch.setattr(background, "_left", [])
    release = threading.Event()
    with pytest.raises(LeftError):
        interruptible(release.wait, lambda: True, patience=0.01)
    (left,) = background._left
    release.set()
    left.join()
    assert interruptible(lambda: time.sleep(0.3) or 7, lambda: True, patience=60) == 7


def test_a_process_ends_without_what_it_has_left():
    began = time.perf_counter()
    command = [sys.executable, "-c", LEAVES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_INTERRUPTED, "left", "")
    assert time.perf_counter() - began < 30
