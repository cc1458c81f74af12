"""Whether the lowest minimum of all searches is native, as far as quenches can tell."""

import numpy as np
import pandas as pd

from folding.described import described
from nnrep.figures.claim import Verdict
from nnrep.records.style import number

# kJ/mol, by which energies of quenches must differ to be told apart: the lowest minima of both searches of
# 2JOF fall by 3.5 to 4.4 where they are minimised on to an RMS force of 0.5 in place of 5 kJ/mol/nm, as they
# are and annealed once more; which of the two is lower depends on that.
RESOLUTION = 5.0


def native_lowest(searches: pd.DataFrame) -> tuple[str, Verdict]:
    """The lowest minima near the native structure and elsewhere, in words, and what follows.

    Args:
        searches: of a problem, see `folding.outcomes`; one at least has a minimum with an RMSD.
    """
    parts = [_lowest(searches, "near"), _lowest(searches, "elsewhere"), _nearest(searches)]
    words = f"of {len(searches)} searches: {'; '.join(parts)}; quenches resolve {RESOLUTION:g} kJ/mol"
    return words, verdict_of(float(searches["near_energy"].min()), float(searches["elsewhere_energy"].min()))


def verdict_of(near: float, elsewhere: float) -> Verdict:
    """Of the lowest energies in kJ/mol near the native structure and elsewhere; NaN where there is none."""
    if np.isnan(near) or np.isnan(elsewhere):
        return Verdict.fails if np.isnan(near) else Verdict.holds
    if abs(elsewhere - near) <= RESOLUTION:
        return Verdict.undecided
    return Verdict.holds if near < elsewhere else Verdict.fails


def _lowest(searches: pd.DataFrame, side: str) -> str:
    """The lowest minimum of a side, "near" the native structure or "elsewhere", and of which search it is."""
    title = {"near": "native", "elsewhere": "not native"}[side]
    energies = searches[f"{side}_energy"]
    if energies.isna().all():
        return f"none is {title}"
    row = searches.loc[energies.idxmin()]
    return f"lowest {title} {_in_words(row, side)}"


def _nearest(searches: pd.DataFrame) -> str:
    """The quench nearest to the native structure, which the energy does not select."""
    return f"nearest to native {_in_words(searches.loc[searches['nearest_rmsd_ca'].idxmin()], 'nearest')}"


def _in_words(search: pd.Series, kind: str) -> str:
    """A quench of a search: "near", "elsewhere" or "nearest"."""
    energy, rmsd = search[f"{kind}_energy"], search[f"{kind}_rmsd_ca"]
    return f"{number(energy, 6)} kJ/mol at {rmsd:.2f} A ({described(search['arm']).title} {search['seed']})"
