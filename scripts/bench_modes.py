"""Time and peak memory of slow modes, against size.

loops     n = 10^3, 10^4, 10^5: k modes; time of the backbone (all its samples) and of the eigenpairs, with
          compilation ("first") and without ("again"), and how the sum of both grows from one size to the next
proteins  a share of the modes; besides, the backbone through the dense Hessian of one sample (n d products
          with the Hessian, compiled before), per sample, beside that of the terms in the same process

Every system is measured in a process of its own, whose peak memory is that of the whole of it. Times are
medians of several rounds.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax

import nnrep
from nnrep.errors import UserError
from nnrep.modes.backbone import Backbone, Sampling, dense_backbone
from nnrep.modes.slow import backbone_of, mode_count, sampling_of
from nnrep.modes.spectrum import slow_modes_of
from nnrep.systems import System

LOOPS = [1_000, 10_000, 100_000]
MOLECULES = ["1PLW", "5AWL", "2JOF", "1L2Y", "1UNC", "2WXC", "3GB1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--loops", type=int, nargs="*", default=LOOPS)
    parser.add_argument("--potentials", nargs="+", default=["pure_lj", "bond_lj"])
    parser.add_argument("--modes", type=int, default=100, help="of a loop")
    parser.add_argument("--molecules", nargs="*", default=MOLECULES, help="files or PDB entries")
    parser.add_argument("--structures", nargs="*", default=[], help="folders of structures")
    parser.add_argument("--share", type=float, default=0.3, help="of the modes of a protein")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(json.loads(options.one), options)))
        return
    print(f"float32, {jax.devices()[0].device_kind}; seconds, medians of {options.rounds}; peak memory in MB")
    for potential in options.potentials:
        show_loops(potential, options)
    show_proteins(options)


def show_loops(potential: str, options: Any) -> None:
    heading("n", "modes", "samples", "backbone", "modes_s", "first", "again", "growth", "peak_MB", "solver")
    before = None
    for n in options.loops:
        seen = in_process({"loop": n, "potential": potential})
        again = seen["backbone"] + seen["spectrum"]
        growth = "" if before is None else f"n^{math.log(again / before[1]) / math.log(n / before[0]):.2f}"
        times = (seen["backbone"], seen["spectrum"], seen["first"], again)
        cells = [n, seen["modes"], seen["samples"], *(f"{t:.3f}" for t in times), growth, seen["peak"]]
        row(*cells, f"{seen['solver']} ({potential})")
        before = n, again


def show_proteins(options: Any) -> None:
    heading(
        "molecule", "atoms", "modes", "backbone", "modes_s", "first", "sample", "dense", "ratio", "peak_MB"
    )
    for name in options.molecules:
        seen = in_process({"protein": name})
        if "refused" in seen:
            print(f"{name:>9} left out: {seen['refused']}")
            continue
        times = [seen[key] for key in ("backbone", "spectrum", "first", "sample", "dense")]
        cells = [name, seen["n"], seen["modes"], *(f"{t:.4f}" for t in times)]
        row(*cells, f"{seen['dense'] / seen['sample']:.0f}", seen["peak"])


def heading(*names: str) -> None:
    row(*names)


def row(*cells: object) -> None:
    print(" ".join(f"{cell!s:>9}" for cell in cells), flush=True)


def in_process(case: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--one", json.dumps(case)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measured(case: dict[str, Any], options: Any) -> dict[str, Any]:
    if "loop" in case:
        system = nnrep.load_system("loop", n=case["loop"], potential=case["potential"])
        return measured_modes(system, options.modes, options.rounds)
    try:
        pdb = None if case["protein"] == "1L2Y" else case["protein"]
        system = nnrep.load_system("protein", pdb=pdb, structures=options.structures)
    except UserError as error:
        return {"refused": str(error)}
    seen = measured_modes(system, mode_count(options.share, system.n), options.rounds)
    one = sampling_of(system, 1, None, 0, Backbone.mean_norm)
    timed = {
        "sample": lambda: backbone_of(system, one),
        "dense": lambda: dense_backbone(system.energy, one),
    }
    return seen | against_dense(timed, options.rounds)


def against_dense(timed: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Medians of two ways to one backbone, taken in turns after each has been compiled."""
    for action in timed.values():
        action()
    times: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, action in timed.items():
            times[name].append(seconds(action))
    return {name: statistics.median(values) for name, values in times.items()}


def measured_modes(system: System, count: int, rounds: int) -> dict[str, Any]:
    sampling: Sampling = sampling_of(system, None, None, 0, Backbone.mean_norm)
    began = time.perf_counter()
    modes = slow_modes_of(backbone_of(system, sampling)[0], count)
    first = time.perf_counter() - began
    backbones, spectra = [], []
    for _ in range(rounds):
        backbones.append(seconds(lambda: backbone_of(system, sampling)))
        matrix, _ = backbone_of(system, sampling)
        spectra.append(seconds(lambda matrix=matrix: slow_modes_of(matrix, count)))
    return {
        "n": system.n,
        "modes": count,
        "samples": sampling.samples,
        "first": first,
        "backbone": statistics.median(backbones),
        "spectrum": statistics.median(spectra),
        "solver": modes.solver,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def seconds(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    jax.block_until_ready(action())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
