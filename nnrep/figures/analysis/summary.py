"""A row a setting: what its seeds have in common, and statistics over them."""

import pandas as pd

from nnrep.figures.analysis.selection import diverged
from nnrep.minimization import Status
from nnrep.records.table import Role, columns_of

# What tells settings apart.
SETTING_COLUMNS = ["config_hash", *columns_of(Role.setting), "energy_bound"]
# Programs are compiled for each of these.
SHAPE_COLUMNS = [
    *("system", "structure", "potential", "n", "baseline", "reparam", "modes", "hidden", "precision")
]
MEASURES = [
    *("energy", "energy_coarse", "bond_fraction", "contact_fraction", "pieces", "largest_piece"),
    *("rmsd_ca", "rmsd_backbone", "rmsd_all", "steps", "steps_coarse", "steps_fine"),
    *("time_s", "time_modes_fresh_s", "time_fit_s", "time_minimize_s", "time_with_compile_s"),
]
# Columns that a summary has even if every run has diverged.
ALWAYS_KEPT = {
    f"{name}_{what}"
    for name in ("energy", "time_s", "time_with_compile_s")
    for what in ("mean", "std", "best")
}
# How a finished run may have ended.
ENDS = (Status.converged, Status.stalled, Status.finished, Status.step_limit, Status.diverged)
HIGHER_IS_BETTER = ("bond_fraction", "contact_fraction", "largest_piece")


def with_times(runs: pd.DataFrame) -> pd.DataFrame:
    """A table of runs with what each one would have taken by itself.

    `time_s` is what the method costs: modes, fit and minimisation. `time_compile_alone_s` is the compilation
    for the modes, and the longest one that a run of the same shape had to wait for: in a sweep the other
    runs use what that one has compiled.
    """
    runs = runs.copy()
    runs["time_s"] = runs["time_modes_fresh_s"] + runs["time_fit_s"] + runs["time_minimize_s"]
    shapes = runs.groupby(SHAPE_COLUMNS, dropna=False)["time_compile_s"]
    runs["time_compile_alone_s"] = shapes.transform("max") + runs["time_modes_compile_s"]
    runs["time_with_compile_s"] = runs["time_s"] + runs["time_compile_alone_s"]
    runs["steps"] = runs["steps_coarse"] + runs["steps_fine"]
    return runs


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Statistics over the seeds of every setting, in the order in which settings come up.

    Mean, standard deviation (of a sample) and best of every measure, and the median of the energy, over
    the runs that have not diverged; how many runs there are, and how they ended.

    Args:
        runs: with the columns of `nnrep.records.table`.
    """
    runs = with_times(runs)
    known = [name for name in SETTING_COLUMNS if name in runs]  # a table may be older than a column
    rows = []
    for _, group in runs.groupby("config_hash", sort=False):
        good = group[~diverged(group)]
        row: dict[str, object] = {name: group[name].iloc[0] for name in known}
        row["runs"] = len(group)
        for status in ENDS:
            row[status.name] = int((group["status"] == status.name).sum())
        for name in MEASURES:
            values = good[name].astype(float)
            best = values.max() if name in HIGHER_IS_BETTER else values.min()
            row |= {f"{name}_mean": values.mean(), f"{name}_std": values.std(), f"{name}_best": best}
        row["energy_median"] = good["energy"].median()
        row["energy_over_bound"] = row["energy_mean"] / group["energy_bound"].iloc[0]
        row["time_compile_alone_s"] = group["time_compile_alone_s"].iloc[0]
        rows.append(row)
    summary = pd.DataFrame(rows)
    # What no setting has (the RMSD of a loop, say) says nothing.
    unknown = [name for name in known if summary[name].isna().all()]
    unmeasured = [name for name in MEASURES if summary[f"{name}_mean"].isna().all()]
    triples = [f"{name}_{what}" for name in unmeasured for what in ("mean", "std", "best")]
    return summary.drop(columns=[*unknown, *(set(triples) - ALWAYS_KEPT)])
