"""The paper's names and colours of the methods and loops, and how their settings are picked."""

import pandas as pd

# reparam -> name in the paper.
METHODS = {"none": "GD", "cg": "CG", "gnn": "GNN"}
COLORS = {"none": "tab:orange", "cg": "tab:blue", "gnn": "tab:green"}
LOOPS = {"bond_lj": "Bond+LJ", "pure_lj": "pure LJ"}


def of_method(table: pd.DataFrame, potential: str, reparam: str) -> pd.DataFrame:
    """The rows of a table of one loop and method."""
    return table[(table["potential"] == potential) & (table["reparam"] == reparam)]


def best_setting(summary: pd.DataFrame, potential: str, reparam: str) -> pd.Series | None:
    """The setting of a loop and method of lowest mean energy; None if there is none."""
    return lowest(of_method(summary, potential, reparam))


def lowest(settings: pd.DataFrame) -> pd.Series | None:
    """The setting of lowest mean energy, of equal ones the first; None if there is none."""
    rows = settings.dropna(subset=["energy_mean"])
    return None if rows.empty else rows.sort_values("energy_mean", kind="stable").iloc[0]


def energies_of(runs: pd.DataFrame, setting: pd.Series | None) -> pd.Series:
    """The energies of a setting's runs that have not diverged."""
    if setting is None:
        return pd.Series(dtype=float)
    rows = runs[(runs["config_hash"] == setting["config_hash"]) & (runs["status"] != "diverged")]
    return rows["energy"].astype(float)
