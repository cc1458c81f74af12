"""Every method on every system, side by side in one run: energies, evaluations, times.

loops      n = 400 and 1000, pure LJ and Bond+LJ, twenty seeds; energies as a share of the lower bound;
           L-BFGS and FIRE want the exact repulsion, and take half a minute a seed at n = 1000
large      schedule=smooth at n = 1000, 10 000 and 100 000: time against size
proteins   from the native start, to an RMS force of 0.5 kJ/mol/nm: OpenMM's LocalEnergyMinimizer (platform
           CPU, one thread and all), L-BFGS (memory 10) and FIRE, and schedule=relaxed; in vacuum, and in
           the solvents of --solvents; rmsd_ca is to the given structure, in Angstrom
replicas   ten perturbed replicas of 2JOF: schedule=relaxed in one batch against OpenMM one after the other
Times are in seconds: `modes` what maps and Hessians took, `loop` the minimisation, `sum` both, `compile`
apart. Each is the median over seeds (loops) or over rounds (proteins). --out keeps the table as CSV.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir

from nnrep.baselines.openmm_minimizer import MinimizerConfig
from nnrep.baselines.openmm_minimizer import minimized as openmm_minimized
from nnrep.baselines.simulation import SeedMonitor
from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import Plan, load_plan
from nnrep.host.runtime import configure_jax
from nnrep.host.terminal import progress_bar
from nnrep.job import built_maps, loaded_system, minimized, prepared
from nnrep.minimization import Monitor, Result
from nnrep.minimization.exact import evaluate
from nnrep.records.rows import total_cost
from nnrep.structures.force_field import Continuum
from nnrep.structures.selection import chain_atoms
from nnrep.structures.simulation import Held
from nnrep.systems import System
from nnrep.systems.measures import rmsd
from nnrep.systems.solvents.registry import SOLVENTS

POTENTIALS = ["pure_lj", "bond_lj"]
LOOPS = {
    "GD": ["reparam=none"],
    "CG": ["reparam=cg"],
    "GNN": ["reparam=gnn", "schedule=paper"],
    "L-BFGS": ["reparam=none", "optimizer=lbfgs", "optimizer.learning_rate=0.1", "system.repulsion=exact"],
    "FIRE": ["reparam=none", "optimizer=fire", "optimizer.learning_rate=0.1", "system.repulsion=exact"],
    "staged": ["schedule=staged"],
    "smooth": ["schedule=smooth"],
    "network": ["schedule=network"],
}
THREADS = (1, None) if len(os.sched_getaffinity(0)) > 1 else (1,)  # of OpenMM; None: all
AT_REST = ["schedule.fine.rms_force=0.5", "schedule.fine.patience=1000", "schedule.fine.min_delta=0"]
PROTEINS = {
    "L-BFGS": ["reparam=none", "optimizer=lbfgs", "optimizer.learning_rate=0.02", *AT_REST],
    "FIRE": ["reparam=none", "optimizer=fire", "optimizer.learning_rate=0.005", *AT_REST],
    "relaxed": ["schedule=relaxed"],
}
COLUMNS = [
    "system",
    "method",
    "runs",
    "median",
    "worst",
    "reached",
    "evaluations",
    "rms_force",
    "rmsd_ca",
    "modes_s",
    "loop_s",
    "sum_s",
    "compile_s",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["loops", "large", "proteins", "replicas"])
    parser.add_argument("--structures", nargs="*", default=[], help="folders of structures")
    parser.add_argument("--seeds", type=int, default=20, help="of loops")
    parser.add_argument("--loops", type=int, nargs="+", default=[400, 1000], help="their sizes")
    parser.add_argument("--potentials", nargs="+", default=POTENTIALS, choices=POTENTIALS)
    parser.add_argument("--methods", nargs="+", default=list(LOOPS), choices=list(LOOPS), help="on loops")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5, help="of proteins")
    parser.add_argument("--molecules", nargs="+", default=["5AWL", "2JOF", "2WXC"], help="of proteins")
    parser.add_argument(
        "--solvents", nargs="+", default=["vacuum"], choices=list(SOLVENTS), help="of proteins"
    )
    parser.add_argument("--out", type=Path, help="a CSV file")
    options = parser.parse_args()
    configure_jax("float32")
    register_resolvers("run")
    rows: list[dict[str, Any]] = []
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        for part in options.parts:
            for row in PARTS[part](options):
                rows.append(row)
                print(" ".join(f"{_shown(row.get(name, '')):>12}" for name in COLUMNS), flush=True)
                if options.out:
                    pd.DataFrame(rows, columns=COLUMNS).to_csv(options.out, index=False)


def loops(options: Any) -> Any:
    """Every method on every loop."""
    for potential in options.potentials:
        for n in options.loops:
            for method in options.methods:
                overrides = LOOPS[method]
                of_loop = [f"system.n={n}", f"system.potential={potential}", f"seeds={options.seeds}"]
                system, result, modes_s = _run([*of_loop, *overrides])
                yield _of_loop(f"{potential} n={n}", method, system, result, modes_s)


def large(options: Any) -> Any:
    """Time against size, one seed; the last column is the whole, with the exact energies of start and end."""
    for n in options.sizes:
        overrides = ["schedule=smooth", "schedule.restarts=0", f"system.n={n}"]
        system, result, modes_s = _run(overrides)
        yield _of_loop(f"pure_lj n={n}", "smooth", system, result, modes_s)


def proteins(options: Any) -> Any:
    """Minimisers from the native start; programs are compiled in a round that is not counted."""
    for molecule in options.molecules:
        for solvent in options.solvents:
            base = ["system=protein", f"system.pdb={molecule}", f"system.solvent={solvent}"]
            base += [f"paths.structures=[{','.join(options.structures)}]", "seeds=[0]", "max_steps=60000"]
            name = molecule if solvent == "vacuum" else f"{molecule} {solvent}"
            actions: dict[str, Callable[[], dict[str, Any]]] = {
                method: _ours(name, method, [*base, *overrides]) for method, overrides in PROTEINS.items()
            }
            plan, system = _system(base)
            start = np.asarray(system.positions)[None]
            for threads in THREADS:
                called = f"OpenMM, {threads or 'all'} thread{'s' * (threads is None)}"
                actions[called] = _openmm(name, called, system, start, threads, plan.config.system.continuum)
            yield from _in_turns(actions, options.rounds)


def replicas(options: Any) -> Any:
    """Ten perturbed replicas in one batch; times are of one replica."""
    base = ["system=protein", "system.pdb=2JOF", f"paths.structures=[{','.join(options.structures)}]"]
    base += ["system.start=perturbed", "system.perturbation=0.1", "seeds=10", "max_steps=60000"]
    system = _system(base)[1]
    starts = np.stack([np.asarray(system.start(seed)) for seed in range(10)])
    name = "2JOF x 10"
    actions = {"relaxed": _ours(name, "relaxed", [*base, "schedule=relaxed"])}
    for threads in THREADS:
        called = f"OpenMM, {threads or 'all'} thread{'s' * (threads is None)}"
        actions[called] = _openmm(name, called, system, starts, threads)
    yield from _in_turns(actions, max(1, options.rounds - 2))


def _system(overrides: list[str]) -> tuple[Plan, System]:
    plan, molecule = prepared(load_plan(compose("config", overrides)))
    with progress_bar(quiet=True) as bar:
        return plan, loaded_system(plan, molecule, bar, lambda: False)


def _run(overrides: list[str]) -> tuple[System, Result, float]:
    plan, system = _system(overrides)
    maps = built_maps(system, plan)
    result = minimized(plan, system, maps, Monitor())
    return system, result, total_cost(maps).fresh_s


def _of_loop(name: str, method: str, system: System, result: Result, modes_s: float) -> dict[str, Any]:
    share = result.energy / float(system.energy_bound or np.nan)
    loop_s = result.time_minimize_s + result.time_fit_s
    return {
        "system": name,
        "method": method,
        "runs": len(share),
        "median": float(np.median(share)),
        "worst": float(np.min(share)),
        "reached": int(np.sum(share >= 0.97)),
        "evaluations": int(np.median(result.evaluations)),
        "rms_force": float(np.median(result.gradient_rms)),
        "modes_s": modes_s,
        "loop_s": float(np.median(loop_s)),
        "sum_s": float(np.median(loop_s)) + modes_s,
        "compile_s": float(result.time_compile_s.sum()),
    }


def _ours(name: str, method: str, overrides: list[str]) -> Callable[[], dict[str, Any]]:
    def action() -> dict[str, Any]:
        system, result, modes_s = _run(overrides)
        count = len(result.seeds)
        modes = modes_s / count + float(result.time_modes_s.mean())
        loop = float(result.time_minimize_s.mean())
        return {
            **_of_results(name, method, result.energy, result.gradient_rms),
            "rmsd_ca": _rmsd_ca(system, result.positions),
            "evaluations": int(np.median(result.evaluations)),
            "modes_s": modes,
            "loop_s": loop,
            "sum_s": modes + loop,
            "compile_s": float(result.time_compile_s.mean()),
        }

    return action


def _openmm(
    name: str,
    method: str,
    system: System,
    starts: np.ndarray,
    threads: int | None,
    continuum: Continuum | None = None,
) -> Callable[[], dict[str, Any]]:
    def action() -> dict[str, Any]:
        assert system.molecule is not None
        settings = MinimizerConfig(tolerance=0.5, threads=threads, record_every=10**6)
        began = time.perf_counter()
        trajectories = [
            openmm_minimized(
                system.molecule, settings, start, Held(), SeedMonitor(None, None, 1, 0), continuum
            )
            for start in starts
        ]
        elapsed = (time.perf_counter() - began) / len(starts)
        positions = np.stack([end.frames[-1].positions for end in trajectories]).astype(np.float32)
        ended = [evaluate(system, one) for one in positions]
        energy, rms = (np.stack(each) for each in zip(*ended, strict=True))
        steps = int(np.median([end.frames[-1].step for end in trajectories]))
        row = _of_results(name, method, energy, rms)
        rmsd_ca = _rmsd_ca(system, positions)
        return row | {"evaluations": steps, "rmsd_ca": rmsd_ca, "loop_s": elapsed, "sum_s": elapsed}

    return action


def _rmsd_ca(system: System, positions: np.ndarray) -> float:
    """Median over replicas (R, n, 3) in nm of the RMSD of their CA to the given structure, in Angstrom."""
    assert system.molecule is not None
    assert system.reference is not None
    ca = chain_atoms(system.molecule.topology, "CA")
    reference = np.asarray(system.reference)[ca]
    return float(np.median([10 * float(rmsd(one[ca], reference)) for one in positions]))


def _of_results(name: str, method: str, energy: np.ndarray, rms: np.ndarray) -> dict[str, Any]:
    return {
        "system": name,
        "method": method,
        "runs": len(energy),
        "median": float(np.median(energy)),
        "worst": float(np.max(energy)),
        "reached": int(np.sum(rms < 0.5)),
        "rms_force": float(np.median(rms)),
    }


def _in_turns(actions: dict[str, Callable[[], dict[str, Any]]], rounds: int) -> Any:
    """Medians over rounds, each of which runs every action once, after one round that is not counted."""
    compiled = {method: action() for method, action in actions.items()}
    seen = [{method: action() for method, action in actions.items()} for _ in range(rounds)]
    for method in actions:
        row = {}
        for key, first in seen[0][method].items():
            values = [each[method][key] for each in seen]
            row[key] = first if isinstance(first, str) else statistics.median(values)
        row["compile_s"] = compiled[method].get("compile_s", "")
        yield row


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


PARTS = {"loops": loops, "large": large, "proteins": proteins, "replicas": replicas}

if __name__ == "__main__":
    main()
