"""From the searches of a folder to its tables, claims, pictures and REPORT.md."""

from pathlib import Path

import pandas as pd

from folding.claims import SMALL, Evidence, claims_of
from folding.commands import commands_of
from folding.energy_study import study_path
from folding.kept import searches_in
from folding.openmm_speed import ps_a_second
from folding.outcomes import outcomes
from folding.pictures import funnel_picture, survival_picture
from folding.report_page import Tables, page
from folding.summary import compare, summarise
from nnrep.figures.claim import claims_table
from nnrep.figures.report import REPORT
from nnrep.figures.saving import save_picture
from nnrep.host.cache import write_whole
from nnrep.records.table import read_table, write_table

QUENCHES = "quenches"


def write_report(folder: Path) -> None:
    """Write everything that follows from FOLDER/quenches/PROBLEM/ into a folder.

    Raises:
        UserError: there are no searches, or one cannot be read.
    """
    kept = list(searches_in(folder / QUENCHES))
    searches = outcomes(kept)
    claims = claims_table(claims_of(Evidence(searches, ps_a_second(kept, SMALL))))
    tables = Tables(searches, summarise(searches), compare(searches), claims, commands_of(kept))
    for name, table in tables._asdict().items():
        write_table(folder / f"{name}.csv", table)
    for problem, of_problem in searches.groupby("problem"):
        own = [search for search in kept if search.problem == problem]
        if of_problem["folded"].any():
            save_picture(survival_picture(problem, of_problem), folder, f"survival-{problem}")
        save_picture(funnel_picture(problem, own), folder, f"funnel-{problem}")
    write_whole(folder / REPORT, page(kept, tables, _energies(folder, searches)).encode())


def _energies(folder: Path, searches: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables of `scripts/bench_folding energies` by problem, of those that have one."""
    paths = {problem: study_path(folder, problem) for problem in searches["problem"].unique()}
    return {problem: read_table(path) for problem, path in paths.items() if path.exists()}
