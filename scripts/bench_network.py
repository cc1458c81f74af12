"""What the network of schedule=network adds on loops: an ablation over seeds on which nothing was tuned.

network      schedule=network: the network, all modes at once, free positions
3 layers, 1  the same with a shallower network
untrained    the network at the start of its stage only: no step through it
linear       a linear map of as many parameters (all but three a layer) in the place of the network, the same
             steps: the smoothing filter before the network's layers, X = S Z
linear slow  the same at the learning rate of schedule=smooth, a third
without      the other two stages alone, from the start of the seed
smooth       schedule=smooth: the linear map, and springs in the place of the couplings

No seed is restarted. Energies are shares of the lower bound; "at 97 %" counts seeds that come within 3 % of
it; "CPU s" is what a seed takes on one core, without compilation. --out keeps the table as CSV.
"""

import argparse
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan
from nnrep.host.runtime import compute_with_one_thread, configure_jax
from nnrep.host.terminal import progress_bar
from nnrep.job import built_maps, loaded_system, minimized, prepared
from nnrep.minimization import Monitor, Result

POTENTIALS = ["pure_lj", "bond_lj"]
LINEAR = [
    "schedule.stages.0.reparam={name:spectral,shift:0.03,power:2,start_length:0.8}",
    "+schedule.stages.0.modes={of:graph}",
]
METHODS = {
    "network": ["schedule=network"],
    "3 layers": ["schedule=network", "schedule.stages.0.reparam={name:egnn,layers:3}"],
    "1 layer": ["schedule=network", "schedule.stages.0.reparam={name:egnn,layers:1}"],
    "untrained": ["schedule=network", "schedule.stages.0.max_steps=0"],
    "linear": ["schedule=network", *LINEAR],
    "linear slow": ["schedule=network", *LINEAR, "schedule.stages.0.optimizer.learning_rate=1e-3"],
    "without": ["schedule=network", "schedule.stages.0.reparam=none", "schedule.stages.0.max_steps=0"],
    "smooth": ["schedule=smooth"],
}
COLUMNS = ["potential", "n", "method", "seeds", "median", "worst", "reached", "within_2", "steps", "cpu_s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=1000, help="the first seed")
    parser.add_argument("--loops", type=int, nargs="+", default=[400, 1000], help="their sizes")
    parser.add_argument("--potentials", nargs="+", default=POTENTIALS, choices=POTENTIALS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--out", type=Path, help="a CSV file")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    compute_with_one_thread()
    configure_jax("float32")
    register_resolvers("run")
    print(" ".join(f"{name:>11}" for name in COLUMNS), flush=True)
    rows: list[dict[str, Any]] = []
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        for potential, n, method in product(options.potentials, options.loops, options.methods):
            rows.append(ablated(potential, n, method, seeds))
            print(" ".join(f"{_shown(rows[-1][name]):>11}" for name in COLUMNS), flush=True)
            if options.out:
                pd.DataFrame(rows, columns=COLUMNS).to_csv(options.out, index=False)


def ablated(potential: str, n: int, method: str, seeds: range) -> dict[str, Any]:
    """A row of the table."""
    of_loop = [f"system.potential={potential}", f"system.n={n}", "schedule.restarts=0", *METHODS[method]]
    _run([*of_loop, "seeds=1"])  # this compiles
    began = time.process_time()
    result, bound = _run([*of_loop, f"seeds={list(seeds)}"])
    cpu_s = (time.process_time() - began) / len(seeds)
    share = result.energy / bound
    return {
        "potential": potential,
        "n": n,
        "method": method,
        "seeds": len(seeds),
        "median": float(np.median(share)),
        "worst": float(np.min(share)),
        "reached": int(np.sum(share >= 0.97)),
        "within_2": int(np.sum(share >= 0.98)),
        "steps": int(np.median(result.steps_coarse + result.steps_fine)),
        "cpu_s": cpu_s,
    }


def _run(overrides: list[str]) -> tuple[Result, float]:
    plan, molecule = prepared(load_plan(compose("config", overrides=overrides)))
    with progress_bar(quiet=True) as bar:
        system = loaded_system(plan, molecule, bar, lambda: False)
        result = minimized(plan, system, built_maps(system, plan), Monitor())
    assert system.energy_bound is not None
    return result, float(system.energy_bound)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
