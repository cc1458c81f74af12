"""How runs went, as the curves of a report."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nnrep.records.table import check_numbers, read_columns
from nnrep.records.thinning import evenly_spaced

MOST_CURVES = 40
MOST_POINTS = 2000  # of a curve
MOST_POINTS_IN_ALL = 60_000
DIGITS = 9
NEEDED = ("step", "time_s", "energy")
NOT_DRAWN = ("seed", "stage", "step", "time_s")


def read_history(path: Path, *further: str) -> pd.DataFrame:
    """The history of a run, which may be compressed; empty where there is none.

    Args:
        path: of the table.
        further: columns of numbers that it must have beside those of every history.

    Raises:
        UserError: it cannot be read.
    """
    if not path.exists():
        return pd.DataFrame(columns=["seed", "stage", "step", "time_s", "energy"])
    history = read_columns(path, "history of a run", (*further, *NEEDED), ("stage",))
    check_numbers(path, history, [str(name) for name in history if name != "stage"])
    return history


def curve(history: pd.DataFrame, label: str, problem: str, most: int = MOST_POINTS) -> dict[str, Any]:
    """The curve of one seed.

    Args:
        history: of the seed, in the order of its steps.
        label: of the curve.
        problem: the same for curves whose energies can be compared.
        most: how many points it has at most; ends of stages are always kept.

    Returns:
        label, problem; `lowest`: energy of the whole history; `step` and `time_s`; `values`: name of a column
        -> its numbers; `ends`: name of a stage and the place of its last point.
    """
    stages = history["stage"].to_numpy()
    last = np.append(np.flatnonzero(stages[1:] != stages[:-1]), len(stages) - 1)
    kept = np.unique(np.concatenate([evenly_spaced(len(stages), most), last]))
    rows, energies = history.iloc[kept], history["energy"].to_numpy(float)
    finite = energies[np.isfinite(energies)]
    return {
        "label": label,
        "problem": problem,
        "step": rows["step"].tolist(),
        "time_s": numbers(rows["time_s"]),
        "lowest": float(np.min(finite)) if len(finite) else None,
        "values": {name: numbers(rows[name]) for name in rows.columns if name not in NOT_DRAWN},
        "ends": [[str(stages[place]), int(np.searchsorted(kept, place))] for place in last],
    }


def numbers(values: pd.Series) -> list[float | None]:
    """Numbers of JSON, which knows neither NaN nor infinity."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values.astype(float)]


def points_of_each(count: int) -> int:
    """How many points each of some curves may have."""
    return max(2, min(MOST_POINTS, MOST_POINTS_IN_ALL // max(count, 1)))
