"""What became of each search: a row a search, from its quenches."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from folding.kept import Kept
from folding.problem import FOLDED
from nnrep.records.exploration.running_minimum import lowest_so_far

MEASURES = ("evaluations", "cpu_s", "ps")


def folded_at(table: pd.DataFrame) -> int | None:
    """The quench at which the lowest minimum by energy came within 2 A of native to stay; None if it did not.

    A minimum that is native for a while, until a lower one is met that is not, does not count.
    """
    native = (lowest_so_far(table)["rmsd_ca"] < FOLDED).to_numpy()
    if not native[-1]:
        return None
    others = np.flatnonzero(~native)
    return int(others[-1]) + 1 if len(others) else 0


def outcome(search: Kept) -> dict[str, Any]:
    """A row: until it folded, in all, its lowest minimum, the nearest to native, the lowest of either side.

    `near_energy` is the lowest energy within 2 A of the native structure, `elsewhere_energy` of all others.
    """
    table, made = search.table, search.made
    place, last, lowest = folded_at(table), table.iloc[-1], lowest_so_far(table).iloc[-1]
    nearest = None if table["rmsd_ca"].isna().all() else table.loc[table["rmsd_ca"].idxmin()]
    return {
        "problem": search.problem,
        "arm": search.arm,
        "seed": search.seed,
        "processor": made.machine.split(", ")[0] if made else "",
        "budget_evaluations": made.budget_evaluations if made else np.nan,
        "budget_cpu_s": np.nan if made is None or made.budget_cpu_s is None else made.budget_cpu_s,
        "folded": place is not None,
        **{f"{name}_folded": np.nan if place is None else table[name].iloc[place] for name in MEASURES},
        **{name: last[name] for name in MEASURES},
        "quenches": len(table),
        "energy": lowest["energy"],
        "rmsd_ca": lowest["rmsd_ca"],
        "radius_of_gyration": lowest["radius_of_gyration"],
        "nearest_rmsd_ca": np.nan if nearest is None else nearest["rmsd_ca"],
        "nearest_energy": np.nan if nearest is None else nearest["energy"],
        **_lowest(table[table["rmsd_ca"] >= FOLDED], "elsewhere"),
        **_lowest(table[table["rmsd_ca"] < FOLDED], "near"),
    }


def _lowest(quenches: pd.DataFrame, side: str) -> dict[str, float]:
    """Energy and RMSD of the lowest of some quenches; not numbers where there is none."""
    if quenches["energy"].isna().all():
        return {f"{side}_energy": np.nan, f"{side}_rmsd_ca": np.nan}
    lowest = quenches.loc[quenches["energy"].idxmin()]
    return {f"{side}_energy": lowest["energy"], f"{side}_rmsd_ca": lowest["rmsd_ca"]}


def outcomes(searches: Iterable[Kept]) -> pd.DataFrame:
    """A row a search."""
    return pd.DataFrame([outcome(search) for search in searches])
