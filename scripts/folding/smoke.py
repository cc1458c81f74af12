"""Every kind of arm on a molecule of 22 atoms, in a minute: nothing folds, but the report is whole."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from dipeptide import dipeptide_file

from folding.arms.registry import ARMS
from folding.naming import one_of_each
from folding.problem import problem_of
from folding.report import QUENCHES, write_report
from folding.running import run_searches
from folding.searching import Budget

MOLECULE = "alanine-dipeptide"
EVALUATIONS = 20_000  # of a search
SEEDS = (0,)


def smoke(folder: Path) -> None:
    """Searches of alanine dipeptide in GBn2 by an arm of each kind, into a folder, and their report."""
    with TemporaryDirectory() as given:
        path = str(dipeptide_file(Path(given)))
        problem = problem_of(path, "gbn2", "amber14", [], "native")
    budget = Budget(EVALUATIONS, np.inf, -np.inf)
    run_searches(problem, folder / QUENCHES / MOLECULE, one_of_each(ARMS), SEEDS, budget)
    write_report(folder)
