"""The closing tables of the verbs, on standard output."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from nnrep.host.terminal import print_table
from nnrep.records.table import ERROR

if TYPE_CHECKING:
    import pandas as pd

# Column of the closing table -> column of the table of runs, and its form.
TABLE_COLUMNS = {
    "seed": ("seed", "{}"),
    "status": ("status", "{}"),
    "energy": ("energy", "{:.6g}"),
    "bonds": ("bond_fraction", "{:.2f}"),
    "contacts": ("contact_fraction", "{:.2f}"),
    "OpenMM's": ("energy_openmm", "{:.6g}"),
    "RMSD CA": ("rmsd_ca", "{:.2f} A"),
    "all": ("rmsd_all", "{:.2f} A"),
    "coarse": ("steps_coarse", "{}"),
    "fine": ("steps_fine", "{}"),
    "minimise": ("time_minimize_s", "{:.2f} s"),
    "total": ("time_total_s", "{:.1f} s"),
}


LEFT = ("status", "system", "structure", "potential", "start", "baseline", "reparam", "optimizer")

# Columns by which the jobs of a sweep may differ, shown where they do.
SETTINGS = (
    *("system", "structure", "potential", "start", "n", "baseline"),
    *("reparam", "modes", "hidden", "optimizer", "learning_rate", "precision"),
)


def show_table(rows: "pd.DataFrame", title: str) -> None:
    """Print the closing table of a run."""
    table = _titled(title)
    _add_rows(table, rows, [])
    print_table(table)


def show_sweep(rows: "pd.DataFrame", title: str) -> None:
    """Print the closing table of a sweep, and below it why jobs have failed.

    Args:
        rows: of a sweep's table, in text; the index is the number of the job.
        title: of the table.
    """
    table = _titled(title)
    differ = [name for name in SETTINGS if len(set(rows[name]) - {""}) > 1]
    _add_rows(table, rows.rename_axis("job").reset_index(), ["job", *differ])
    print_table(table)
    for job, error in rows[ERROR].items():
        if error:
            print(f"job {job} failed: {error}")


def outcome(rows: Sequence[Mapping[str, str]]) -> str:
    """How a job of a sweep ended, from its rows in text: "converged, energy -1908.2"."""
    statuses = ", ".join(dict.fromkeys(row["status"] for row in rows))
    energies = [float(row["energy"]) for row in rows if row["energy"]]
    several = f"{len(rows)} seeds, lowest " if len(rows) > 1 else ""
    return f"{statuses}, {several}energy {min(energies, default=nan):.6g}"


def _titled(title: str) -> Table:
    return Table(title=Text(title), title_justify="left", box=None, padding=(0, 1))


def _add_rows(table: Table, rows: "pd.DataFrame", first: list[str]) -> None:
    """Add rows, with some columns as they are, then those of the results that there are."""
    columns = {name: (name, "{}") for name in first} | TABLE_COLUMNS
    shown = {
        name: form for name, form in columns.items() if any(_cell(value, "{}") for value in rows[form[0]])
    }
    for name in shown:
        table.add_column(name, justify="left" if name in LEFT else "right", no_wrap=True)
    for _, row in rows.iterrows():
        table.add_row(*(Text(_cell(row[column], form)) for column, form in shown.values()))


def _cell(value: Any, form: str) -> str:
    """A value, which may be a number in text, as a form has it; nothing for no value."""
    if value is None or value == "" or value != value:
        return ""
    return form.format(float(value) if ":" in form else value)


MOST_MODES_SHOWN = 12


def show_modes(rows: "pd.DataFrame", title: str) -> None:
    """Print the first rows of a table of modes."""
    table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 1))
    forms = {"mode": "{}", "eigenvalue": "{:.4g}", "weight": "{:.4g}", "participation": "{:.2f}"}
    for name in forms:
        table.add_column(name, justify="right", no_wrap=True)
    for _, row in rows.head(MOST_MODES_SHOWN).iterrows():
        table.add_row(*(form.format(row[name]) for name, form in forms.items()))
    if len(rows) > MOST_MODES_SHOWN:
        table.add_row("...", f"{len(rows)} in all")
    print_table(table)
