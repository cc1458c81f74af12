"""The tables of a search as they are read back: what is something else is refused in one line."""

from pathlib import Path
from typing import TYPE_CHECKING

from nnrep.records.table import check_numbers, read_columns

if TYPE_CHECKING:
    import pandas as pd

# Numbers of the summary that a search may have none of.
_FURTHER = ("diverged", "energy", "rmsd_ca", "rmsd_heavy", "native_energy")


def read_summary(path: Path) -> "pd.DataFrame":
    """The row about a search; raises `UserError` as `read_columns` does."""
    numbers, texts = ("seeds", "minima", "quenches", "time_s"), ("system", "ended")
    rows = read_columns(path, "table of a search", numbers, texts, least=1)
    check_numbers(path, rows, [name for name in _FURTHER if name in rows])
    return rows


def read_minima(path: Path) -> "pd.DataFrame":
    """The minima of a search; raises as `read_summary` does."""
    return _of_numbers(path, "table of minima", ("rank", "energy"))


def read_quenches(path: Path) -> "pd.DataFrame":
    """The quenches of a search; raises as `read_summary` does."""
    return _of_numbers(path, "table of quenches", ("seed", "step", "time_s", "energy"))


def _of_numbers(path: Path, called: str, needed: tuple[str, ...]) -> "pd.DataFrame":
    rows = read_columns(path, called, needed)
    check_numbers(path, rows, rows.columns)
    return rows
