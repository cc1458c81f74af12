"""The lowest minimum that a search has met until each of its quenches."""

import numpy as np
import pandas as pd


def lowest_so_far(quenches: pd.DataFrame) -> pd.DataFrame:
    """For each quench (in order) the row of the lowest one until then, the first of equal ones.

    Rows before the first energy are empty.
    """
    energies = quenches["energy"].astype(float).fillna(np.inf).to_numpy()
    earlier = np.minimum.accumulate(np.concatenate([[np.inf], energies[:-1]]))
    falls = energies < earlier[: len(energies)]
    places = np.maximum.accumulate(np.where(falls, np.arange(len(energies)), -1))
    return quenches.reset_index(drop=True).reindex(places).set_axis(quenches.index)
