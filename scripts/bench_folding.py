"""Searches for the native structure of a peptide, beside each other.

    scripts/bench_folding run RESULTS/quenches/5AWL     # searches, a file each
    scripts/bench_folding report RESULTS                # tables, pictures and REPORT.md from the searches
    scripts/bench_folding energies RESULTS --minima DIR # minima of searches, in several force fields
    scripts/bench_folding smoke RESULTS                 # run and report, on alanine dipeptide, in minutes

Each search begins with the extended chain and ends with its budget; sooner, once its lowest minimum is within
2 A (CA) of the native structure and lower than all that are known to be elsewhere (--energy).
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from folding.arms.registry import ARMS
from folding.circumstances import circumstances
from folding.energy_study import energy_study
from folding.problem import problem_of
from folding.report import write_report
from folding.running import run_searches
from folding.searching import Budget
from folding.smoke import smoke
from folding.study_files import save_study

from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, UserError
from nnrep.host.runtime import compute_with_one_thread


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_run(commands.add_parser("run", help="search"))
    _add_energies(commands.add_parser("energies", help="is the native basin the lowest?"))
    for name, words in (("report", "holds quenches/PROBLEM/"), ("smoke", "of searches and report")):
        commands.add_parser(name).add_argument("folder", type=Path, help=words)
    options = parser.parse_args()
    compute_with_one_thread()
    try:
        {
            "run": _run,
            "energies": _energies,
            "report": lambda given: write_report(given.folder),
            "smoke": lambda given: smoke(given.folder),
        }[options.command](options)
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted: searches that have ended are kept, one under way is not", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_OK


def _add_run(parser: argparse.ArgumentParser) -> None:
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
    parser.add_argument(
        "--energy", type=float, default=-np.inf, help="kJ/mol; a native minimum below it ends a search"
    )


def _run(options: Any) -> None:
    problem = problem_of(options.pdb, options.solvent, options.force_field, options.structures, options.start)
    budget = Budget(options.evaluations, options.cpu_s, options.energy)
    run_searches(problem, options.folder, options.arms, options.seeds, budget)


def _add_energies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="in which energies-PDB.csv is written")
    parser.add_argument(
        "--minima", nargs="+", type=Path, required=True, help="folders of nnrep explore, or of searches"
    )
    parser.add_argument("--pdb", default="5AWL")
    parser.add_argument("--force-fields", nargs="+", default=["amber14"])
    parser.add_argument("--solvents", nargs="+", default=["gbn2", "obc2"])
    parser.add_argument("--structures", nargs="*", default=[], help="folders of structures")


def _energies(options: Any) -> None:
    problems = (
        (name, solvent, problem_of(options.pdb, solvent, name, options.structures, "native"))
        for name in options.force_fields
        for solvent in options.solvents
    )
    made, began = circumstances(), time.monotonic()
    table = pd.DataFrame(energy_study(problems, options.minima))
    save_study(options.folder, options.pdb, table, made, time.monotonic() - began)
    print(table.to_string(index=False, float_format="{:.2f}".format))


if __name__ == "__main__":
    sys.exit(main())
