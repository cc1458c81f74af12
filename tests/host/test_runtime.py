"""Threads and clocks: what must be right for numbers and times to mean something."""

import os
import re
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import pandas as pd
import pytest

from nnrep.host.compilation import CompilationClock, compilation_clock
from nnrep.host.threads import VARIABLES, thread_variables, usable_cores


def test_spans_inside_each_other_count_once(monkeypatch):
    clock = CompilationClock()
    for end, duration in ((3.0, 1.0), (4.0, 3.0), (10.0, 1.0), (10.5, 1.0)):
        monkeypatch.setattr(time, "perf_counter", lambda end=end: end)
        clock.note("/jax/core/compile/some", duration)
    clock.note("/jax/something/else", 100.0)
    assert clock.seconds() == pytest.approx(3.0 + 1.5)


def test_the_clock_hears_compilation_and_nothing_else():
    @jax.jit
    def function(x):
        return jnp.linalg.norm(jnp.sin(x)) + 3

    x = jnp.ones(7)
    with compilation_clock() as first:
        began = time.perf_counter()
        jax.block_until_ready(function(x))
        elapsed = time.perf_counter() - began
    assert 0.3 * elapsed < first.seconds() <= elapsed
    with compilation_clock() as second:
        jax.block_until_ready(function(x))
    assert second.seconds() == 0
    jax.block_until_ready(jax.jit(lambda x: x * 5)(x))
    assert second.seconds() == 0  # no longer listening


def test_threads_are_told_to_the_libraries():
    assert thread_variables(None) == {}
    assert thread_variables(3) == dict.fromkeys(VARIABLES, "3")


def in_fresh_process(code: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_threads_are_set_before_numpy_and_once():
    code = "import os, sys; from nnrep.host.threads import limit_threads; limit_threads(1)\n"
    code += "assert os.environ['OPENBLAS_NUM_THREADS'] == '1' and 'numpy' not in sys.modules\n"
    assert in_fresh_process(code + "limit_threads(1)").returncode == 0
    again = in_fresh_process(code + "limit_threads(None)")
    assert "threads: must be the same for all jobs of a process, which has begun with 1" in again.stderr
    many = in_fresh_process(
        "from nnrep.host.threads import limit_threads, usable_cores; limit_threads(usable_cores() + 1)"
    )
    assert re.search(r"threads: must be at most (\d+), .* got (\d+)\n$", many.stderr)
    late = in_fresh_process("import numpy; from nnrep.host.threads import limit_threads; limit_threads(1)")
    assert "threads: cannot be set in a process that has loaded NumPy already" in late.stderr


@pytest.mark.parametrize(
    ("begin", "given", "message"),
    [
        ("pass", "usable_cores() + 1", "must be at most"),
        ("import numpy", "1", "cannot be set in a process that has loaded NumPy already"),
    ],
)
def test_threads_that_are_refused_are_refused_of_every_job_of_a_process(begin, given, message):
    code = f"""{begin}
from nnrep.errors import ConfigError
from nnrep.host.threads import limit_threads, usable_cores
for job in range(3):
    try:
        limit_threads({given})
    except ConfigError as error:
        print(error)
limit_threads(None)
"""
    done = in_fresh_process(code)
    assert done.returncode == 0, done.stderr
    assert [message in line for line in done.stdout.splitlines()] == [True] * 3


def test_a_run_with_one_thread_is_part_of_its_hash(nnrep, command, tmp_path):
    small = ("system.n=30", "system.loop_length=5", "max_steps=100", "reparam=none")
    folder = tmp_path / "sweep"
    result = nnrep("run", "--multirun", *small, "threads=1,2", f"hydra.sweep.dir={folder}")
    assert result.returncode == 2
    (complaint,) = (line for line in result.stderr.splitlines() if "nnrep: " in line)
    assert "job 1: threads: must be the same for all jobs of a process, which has begun with 1" in complaint
    assert command("run", *small, f"hydra.run.dir={tmp_path / 'all'}").returncode == 0
    one, every = (pd.read_csv(path / "runs.csv") for path in (folder / "0", tmp_path / "all"))
    assert one["config_hash"].item() != every["config_hash"].item()


# How many threads XLA computes with after a command has begun, by their name in Linux, and the environment.
POOL = """
import os, pathlib, sys
from nnrep.cli import main
try:
    main()
finally:
    names = [path.read_text() for path in pathlib.Path("/proc/self/task").glob("*/comm")]
    print("pool", sum("XLAEigen" in name for name in names), os.environ.get("NPROC"))
"""


@pytest.mark.skipif(usable_cores() < 2 or sys.platform != "linux", reason="needs two cores, and Linux")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "1 None"),
        (["threads=2"], "2 2"),
        (
            ["reparam=gnn", "schedule=paper", "reparam.hidden=400"],
            f"{usable_cores()} None",
        ),  # whose products pay several threads
    ],
)
def test_a_small_run_computes_with_one_thread_by_default(tmp_path, given, expected):
    small = ["system=loop", "system.n=300", "reparam=none", "max_steps=20", "record.pictures=false"]
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-c", POOL, "run", *small, f"hydra.run.dir={tmp_path / 'run'}", *given]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert f"pool {expected}\n" in done.stdout, done.stderr
