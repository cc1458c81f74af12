"""Searches for the native structure of a peptide, beside each other.

Each search begins with the extended chain and ends once its lowest minimum, by energy, has been within 2 A
(CA) of the native structure for 3 % of the budget, or with the budget.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from folding.arms.registry import ARMS
from folding.problem import problem_of
from folding.searching import Budget, search

from nnrep.host.runtime import compute_with_one_thread


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="searches that it holds are not made again")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--pdb", default="5AWL")
    parser.add_argument("--solvent", default="gbn2")
    parser.add_argument("--force-field", default="amber14")
    parser.add_argument("--start", default="extended")
    parser.add_argument("--structures", nargs="*", default=[], help="folders of structures")
    parser.add_argument("--evaluations", type=int, default=5_000_000, help="most of a search")
    parser.add_argument("--cpu-s", type=float, default=np.inf, help="most of a search")
    options = parser.parse_args()
    compute_with_one_thread()
    budget = Budget(options.evaluations, options.cpu_s)
    problem = problem_of(options.pdb, options.solvent, options.force_field, options.structures, options.start)
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for name in options.arms:
            path = options.folder / f"{name}-{seed}.csv.gz"
            if path.exists():
                continue
            found = search(problem, ARMS[name](problem), seed, budget)
            table = pd.DataFrame(found.rows)
            np.save(options.folder / f"{name}-{seed}.npy", found.lowest)
            table.to_csv(path, index=False, float_format="%.6g")
            best = table.loc[table["energy"].idxmin()]
            last = table.iloc[-1]
            print(
                f"{name} {seed}: {best.energy:.2f} kJ/mol, {best.rmsd_ca:.2f} A, after "
                f"{best.evaluations:.0f} evaluations; "
                f"{last.evaluations:.0f} evaluations, {last.ps:.0f} ps, {last.cpu_s:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
