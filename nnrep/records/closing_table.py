"""The closing tables of the verbs, on standard output."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from nnrep.host.terminal import print_table

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


def show_table(rows: "pd.DataFrame", title: str) -> None:
    """Print the closing table of a run."""
    table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 1))
    shown = {name: form for name, form in TABLE_COLUMNS.items() if rows[form[0]].notna().any()}
    for name in shown:
        table.add_column(name, justify="left" if name == "status" else "right", no_wrap=True)
    for _, row in rows.iterrows():
        table.add_row(*(form.format(row[column]) for column, form in shown.values()))
    print_table(table)


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
