"""The part of REPORT.md on energies: whether the native basin is the lowest."""

from collections.abc import Mapping

import pandas as pd

from folding.described import described
from folding.problem import FOLDED
from folding.problem_names import ProblemNames
from folding.study_files import Study
from nnrep.figures.markdown import formatted_table

EXPLAINED = (
    "Is the native basin the lowest? Of the minima that were kept (the lowest of a search, and those that "
    "`nnrep explore` lists), minimised in each force field and solvent: the lowest one within "
    f"{FOLDED:g} A (CA) of the native structure, and the lowest of all others. A gap above zero: the native "
    "basin is the lowest that is known."
)
TITLES = {
    "force_field": ("force field", "{}"),
    "solvent": ("solvent", "{}"),
    "minima": ("minima", "{}"),
    "native_energy": ("native, minimised / kJ/mol", "{:.2f}"),
    "near_energy": ("lowest near it", "{:.2f}"),
    "near_rmsd_ca": ("its RMSD / A", "{:.2f}"),
    "elsewhere_energy": ("lowest elsewhere", "{:.2f}"),
    "elsewhere_rmsd_ca": ("its RMSD / A", "{:.2f}"),
    "gap": ("gap", "{:.2f}"),
}


def energies_part(study: Study, searches: pd.DataFrame, names: ProblemNames) -> list[str]:
    """A table of a problem's study and what explains it.

    Args:
        study: of the problem.
        searches: of the problem, see `folding.outcomes`.
        names: of the problem of the searches.
    """
    table, words = with_lower_quench(study.table, searches, names)
    table = table.assign(gap=table["elsewhere_energy"] - table["near_energy"])
    return [EXPLAINED + words, formatted_table(table, TITLES)]


def with_lower_quench(
    table: pd.DataFrame, searches: pd.DataFrame, names: ProblemNames
) -> tuple[pd.DataFrame, str]:
    """The table of a study with the lowest quench elsewhere of the searches, where that is lower; in words.

    Only the lowest minimum of a search is kept: a search that folds has met minima elsewhere, too.
    """
    own = (table["force_field"] == names.force_field) & (table["solvent"] == names.solvent)
    lower = own & (table["elsewhere_energy"] > searches["elsewhere_energy"].min())
    if not lower.any():
        return table, ""
    lowest = searches.loc[searches["elsewhere_energy"].idxmin()]
    kept = float(table.loc[lower, "elsewhere_energy"].iloc[0])
    changed = table.copy()
    for name in ("elsewhere_energy", "elsewhere_rmsd_ca"):
        changed.loc[lower, name] = lowest[name]
    return changed, (
        f" In {names.force_field} and {names.solvent} the lowest elsewhere is a quench of "
        f"{described(lowest['arm']).title} {lowest['seed']}, whose positions are not kept; of the others it "
        f"is {kept:.2f} kJ/mol. Minimised on, it would be lower still: the gap is at most that."
    )


def unrecorded(studies: Mapping[str, Study]) -> list[str]:
    """A line on the studies of which it is not recorded how they were made."""
    files = [f"`energies-{problem}.csv`" for problem, study in studies.items() if study.made is None]
    if not files:
        return []
    return [
        f"- not recorded: the commands of {' and '.join(files)}, and the folders of their minima beside the "
        "searches here"
    ]
