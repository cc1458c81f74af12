"""The table of a comparison as a terminal shows it: few groups side by side, many below each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from nnrep.host.terminal import print_table, printable

if TYPE_CHECKING:
    import pandas as pd

MOST_BESIDE = 6  # groups that stand side by side
DIGITS = 6
UNITS = {"rmsd_": "Å", "time_": "s"}  # of columns that begin so


def show_comparison(table: "pd.DataFrame", energy_unit: str) -> None:
    """Print a comparison to standard output; what no group has is left out.

    Args:
        table: a row a group, its name in the first column.
        energy_unit: of its energies.
    """
    shown = table.loc[:, [any(_cell(value) not in ("", "0") for value in table[name]) for name in table]]
    titles = [_title(str(name), energy_unit) for name in shown]
    rows = [[_cell(value) for value in row] for row in shown.to_numpy(dtype=object)]
    print_table(_beside(titles, rows) if len(rows) <= MOST_BESIDE else _below(titles, rows))


def _beside(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A column a group, below its name."""
    names, *others = zip(*rows, strict=True)
    return _below(["", *names], [[title, *cells] for title, cells in zip(titles[1:], others, strict=True)])


def _below(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 1))
    for place, title in enumerate(titles):
        table.add_column(Text(title), justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _title(name: str, energy_unit: str) -> str:
    unit = energy_unit if name.startswith("energy_") else ""
    unit = next((known for start, known in UNITS.items() if name.startswith(start)), unit)
    return f"{name} ({printable(unit)})" if unit else name


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
