"""Large loops.

sum    error and time of the fast sum over all pairs, against n
runs   energies, times and memory of whole commands, for each size, schedule and seed

Errors of the sum are relative to the sum pair by pair in double precision up to `--exact` particles, and
beyond it to a fast sum with more Chebyshev's points. `start` is the random start of a loop, `coil` where
springs lead from there. Times are of the processors.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import nnrep
from nnrep.energies.fast_sum import Accuracy, fast_sum_and_gradient
from nnrep.energies.loop import exact_sum_and_gradient
from nnrep.reparam import from_springs

CAP = 0.01
FINER = Accuracy(7, 0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["sum", "runs"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--exact", type=int, default=10_000, help="largest sum pair by pair")
    parser.add_argument("--schedules", nargs="+", default=["smooth"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    for part in options.parts:
        PARTS[part](options)


def sums(options: Any) -> None:
    """A row for each size and shape."""
    show("n", "shape", "relative error", "of the gradient", "fast / s", "pair by pair / s")
    for n in options.sizes:
        system = nnrep.load_system("loop", n=n)
        start = np.asarray(system.start(0), np.float32)
        coil = np.asarray(jax.jit(from_springs(system, 1000).init)(jax.random.key(0), jnp.asarray(start)))
        for shape, x in (("start", start), ("coil", coil)):
            (total, gradient), fast_s = timed(fast_sum_and_gradient, x)
            if n <= options.exact:
                _, exact_s = timed(exact_sum_and_gradient, x)
                with jax.enable_x64(True):
                    (best, slopes), _ = timed(exact_sum_and_gradient, x.astype(np.float64))
            else:
                exact_s = float("nan")
                (best, slopes), _ = timed(lambda x, cap: fast_sum_and_gradient(x, cap, FINER), x)
            error = abs(float(total) / float(best) - 1)
            of_gradient = np.linalg.norm(gradient - slopes) / np.linalg.norm(slopes)
            show(n, shape, f"{error:.1e}", f"{of_gradient:.1e}", f"{fast_s:.3f}", f"{exact_s:.3f}")


def timed(function: Callable, x: np.ndarray) -> tuple[Any, float]:
    """Value of a function of positions and cap, and the processor time that it takes once it is compiled."""
    compiled, positions = jax.jit(function), jnp.asarray(x)
    jax.block_until_ready(compiled(positions, CAP))
    began = time.process_time()
    value = jax.block_until_ready(compiled(positions, CAP))
    return jax.tree.map(np.asarray, value), time.process_time() - began


def runs(options: Any) -> None:
    """A row for each size, schedule and seed; restarts are left out."""
    show(
        "n",
        "schedule",
        "seed",
        "energy / bound",
        "loop / s",
        "all / s",
        "of processors / s",
        "memory / GB",
        "end",
    )
    with tempfile.TemporaryDirectory() as folder:
        for n in options.sizes:
            for schedule in options.schedules:
                for seed in options.seeds:
                    show(
                        n,
                        schedule,
                        seed,
                        *measured(n, schedule, seed, Path(folder, f"{n}-{schedule}-{seed}")),
                    )


def measured(n: int, schedule: str, seed: int, out: Path) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "nnrep",
        "run",
        f"schedule={schedule}",
        f"system.n={n}",
        f"seeds=[{seed}]",
    ]
    command += ["schedule.restarts=0", "record.pictures=false", f"hydra.run.dir={out}"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # of this process alone
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    with (out / "runs.csv").open() as rows:
        row = next(csv.DictReader(rows))
    share = float(row["energy"]) / float(row["energy_bound"])
    numbers = [f"{share:.4f}", f"{float(row['time_minimize_s']):.1f}", f"{seconds:.1f}"]
    numbers += [f"{usage.ru_utime + usage.ru_stime:.1f}", f"{usage.ru_maxrss / 1e6:.2f}"]
    return [*numbers, row["status"]]


def show(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


PARTS = {"sum": sums, "runs": runs}

if __name__ == "__main__":
    main()
