"""The closing table of a search, on standard output."""

from typing import TYPE_CHECKING

from nnrep.host.terminal import print_line, print_table, printable
from nnrep.records.closing_table import Shown, plain_table

if TYPE_CHECKING:
    import pandas as pd

MOST_SHOWN = 8


def show_exploration(
    minima: "pd.DataFrame", summary: "pd.DataFrame", folder: str, units: tuple[str, str]
) -> None:
    """Print the folder of a search, in a line of its own, its lowest minima, and what it was.

    Args:
        minima: see `minima_table`.
        summary: see `summary_table`.
        folder: of the search.
        units: of energies and lengths; empty for none.
    """
    print_line(folder)
    print_table(plain_table(shown_minima(minima, units)))
    print_line(printable(summary_line(summary.iloc[0], units)))


def shown_minima(minima: "pd.DataFrame", units: tuple[str, str], most: int = MOST_SHOWN) -> list[Shown]:
    """The lowest minima as columns of a closing table."""
    energy, length = units[0], "Å" if units[1] else ""
    columns = {
        "rank": ("rank", "", ".0f"),
        "energy": ("energy", energy, ".2f" if energy else ".6f"),
        "rmsd_ca": ("RMSD CA", length, ".2f"),
        "rmsd_heavy": ("RMSD heavy atoms", length, ".2f"),
        "radius_of_gyration": ("radius of gyration", length, ".2f"),
        "count": ("count", "quenches", ".0f"),
        "seed": ("ladder", "seed", ".0f"),
        "temperature": ("met at", "K" if energy else "", ".0f" if energy else ".3g"),
        "time_ps": ("time", "ps" if energy else "", ".0f" if energy else ".1f"),
        "time_s": ("wall time", "s", ".0f"),
    }
    rows = minima.head(most)
    return [
        Shown(title, unit, [f"{value:{form}}" if value == value else "" for value in rows[name]], False)
        for name, (title, unit, form) in columns.items()
        if name in rows
    ]


def summary_line(row: "pd.Series", units: tuple[str, str]) -> str:
    """What a search has come to, in one line."""
    energy, length = units[0], "Å" if units[1] else ""
    why = str(row["ended"])
    if 0 < row.get("diverged", 0) < row["seeds"]:
        why += f"; {row['diverged']} of {row['seeds']} ladders diverged"
    parts = [f"{row['minima']} minima of {row['quenches']} quenches in {row['time_s']:.0f} s ({why})"]
    if "energy" in row:
        parts.append(f"lowest {row['energy']:.6g} {energy}".rstrip())
    rmsd = next((name for name in ("rmsd_ca", "rmsd_heavy") if name in row), None)
    if rmsd is not None:
        kind = "CA" if rmsd == "rmsd_ca" else "heavy atoms"
        parts.append(f"{row[rmsd]:.2f} {length} ({kind}) from native")
    if "native_energy" in row:
        parts.append(f"native minimised {row['native_energy']:.6g} {energy}".rstrip())
    return ", ".join(parts)
