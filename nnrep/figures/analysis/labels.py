"""The names and colours of methods, loops and baselines in pictures, tables and claims.

Keys are the values of the columns `reparam`, `optimizer`, `baseline` and `potential` of a table of runs. Runs
of other schedules than the paper's are called by these.
"""

from collections.abc import Mapping

import pandas as pd

from nnrep.choices.registry import choice_of
from nnrep.records.palette import method_color

# The paper's maps, the first one the positions themselves, and the baselines.
PLAIN, COARSE_GRAINED, NETWORK = "none", "cg", "gnn"
PAPERS_SCHEDULE = "paper"
NO_BASELINE, DYNAMICS, MINIMIZER = "none", "openmm_dynamics", "openmm_minimizer"
# The paper's names of these methods; figure 4 calls plain minimisation FG.
GD, CG, GNN, FG = "GD", "CG", "GNN", "FG"


class Labels(dict[str, str]):
    """The labels of the values of a column. A value without one is an error, and has no other one's label.

    These are the paper's methods and systems; a choice that the paper does not have says its label itself.
    """

    def __init__(self, column: str, labels: Mapping[str, str]) -> None:
        """Take the labels of a column's values."""
        super().__init__(labels)
        self._column = column

    def __missing__(self, value: str) -> str:
        """Raise `ValueError`, naming the value."""
        raise ValueError(f"{self._column} {value}: has no label in figures, which know {', '.join(self)}")


METHOD_LABELS = Labels("reparam", {PLAIN: GD, COARSE_GRAINED: CG, NETWORK: GNN})
METHOD_COLORS = Labels("reparam", {name: method_color(name) for name in METHOD_LABELS})
LOOP_LABELS = Labels("potential", {"bond_lj": "Bond+LJ", "pure_lj": "pure LJ"})
BASELINE_LABELS = Labels("baseline", {DYNAMICS: "OpenMM dynamics", MINIMIZER: "OpenMM minimiser"})
# Plain minimisation by its optimiser.
OPTIMIZER_LABELS = Labels("optimizer", {"adam": GD, "sgd": GD})
# Of tables that are older than their column `schedule`: the maps of a list of stages -> that list.
SCHEDULE_LABELS = Labels(
    "reparam",
    {
        "cg+spectral+none": "staged",
        "spectral+spectral+none": "smooth",
        "egnn+spectral+none": "network",
        "none+cholesky": "relaxed",
    },
)


def methods_of(table: pd.DataFrame) -> pd.Series:
    """The name of the method of every run or setting, also of those that the paper does not have.

    Raises:
        ValueError: a map, optimizer or baseline has no label.
    """
    plain = _labelled(table["optimizer"], OPTIMIZER_LABELS)
    mapped = _labelled(table["reparam"], METHOD_LABELS | SCHEDULE_LABELS)
    minimized = mapped.where(table["reparam"] != PLAIN, plain)
    if "schedule" in table:  # those of the paper's schedule are called by map or optimiser
        named = table["schedule"].notna() & ~table["schedule"].isin(["", PAPERS_SCHEDULE])
        minimized = minimized.where(~named, table["schedule"].map(_label_of_schedule, na_action="ignore"))
    names = minimized.where(table["baseline"] == NO_BASELINE, _labelled(table["baseline"], BASELINE_LABELS))
    unknown = table.loc[names.isna(), ["baseline", "reparam", "optimizer"]].drop_duplicates()
    if len(unknown):
        raise ValueError(f"methods without a label in figures: {unknown.to_dict('records')}")
    return names


def _labelled(values: pd.Series, known: Mapping[str, str]) -> pd.Series:
    """The labels of a column's values: those that are known, and of other choices their own."""
    labels = {name: known.get(name) or _own_label(str(values.name), name) for name in values.unique()}
    return values.map(labels)


def _own_label(group: str, name: str) -> str | None:
    """The label that a choice has in its own file, or its name; None of what is no choice."""
    choice = choice_of(group, name)
    return None if choice is None else choice.label or name


def _label_of_schedule(name: str) -> str:
    """Lists of stages are called by their titles, whoever has written them."""
    return _own_label("schedule", name) or name
