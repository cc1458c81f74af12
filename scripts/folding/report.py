"""From the searches of a folder to its tables, claims, pictures and REPORT.md."""

from pathlib import Path

from folding.claims import SMALL, Evidence, claims_of
from folding.commands import commands_of
from folding.kept import names_in, searches_in
from folding.openmm_speed import ps_a_second
from folding.outcomes import outcomes
from folding.pictures import funnel_picture, survival_picture
from folding.problem_names import common_names
from folding.report_page import Tables, page
from folding.study_files import studies_in
from folding.summary import compare, summarise
from nnrep.figures.claim import claims_table
from nnrep.figures.report import REPORT
from nnrep.figures.saving import save_picture
from nnrep.host.cache import write_whole
from nnrep.records.table import write_table

QUENCHES = "quenches"


def write_report(folder: Path) -> None:
    """Write everything that follows from FOLDER/quenches/PROBLEM/ into a folder.

    Raises:
        UserError: there are no searches, one cannot be read, or those of a folder are of several problems.
    """
    kept = list(searches_in(folder / QUENCHES))
    problems = {
        problem: common_names(path := folder / QUENCHES / problem, names_in(path))
        for problem in dict.fromkeys(one.problem for one in kept)
    }
    searches, studies = outcomes(kept), studies_in(folder, problems)
    claims = claims_table(claims_of(Evidence(searches, ps_a_second(kept, SMALL))))
    tables = Tables(
        searches, summarise(searches), compare(searches), claims, commands_of(kept, studies.values())
    )
    for name, table in tables._asdict().items():
        write_table(folder / f"{name}.csv", table)
    for problem, of_problem in searches.groupby("problem"):
        own = [search for search in kept if search.problem == problem]
        if of_problem["folded"].any():
            save_picture(survival_picture(problem, of_problem), folder, f"survival-{problem}")
        save_picture(funnel_picture(problem, own), folder, f"funnel-{problem}")
    write_whole(folder / REPORT, page(kept, tables, problems, studies).encode())
