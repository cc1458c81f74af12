"""Beyond the paper: the optimisers that a chemist would take, beside the paper's methods."""

from typing import Any

import pandas as pd

from nnrep.figures.analysis.labels import GNN, methods_of
from nnrep.figures.analysis.selection import diverged
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.request import OWN_KEYS

# Settings that agree in these minimise one energy from the same starts.
START_COLUMNS = ["structure", "potential", "start", "start_seed", "n"]
OURS_SUFFIX = ", ours"  # of a network in another form than the paper's
METHOD_COLUMNS = ["method", "modes", "hidden", "learning_rate"]
BEYOND_EXPLAINED = (
    "Methods that the paper does not have, one setting each, from the same starts: plain minimisation "
    "by other optimisers, other schedules, the network in a form of ours (GNN, ours: on loops the "
    "largest weight of a slow mode is 5, on proteins the convolution runs along slow modes) and, for "
    "proteins on AMBER14, OpenMM's minimiser. For each method of the paper the setting of lowest mean "
    "energy is shown; it is chosen from many settings by the same runs, so that its mean is low partly "
    "by chance. Energies, times (modes, fit and minimisation, without compilation), evaluations and RMS "
    "gradients are over the runs that have not diverged. L-BFGS and FIRE use all of a loop's repulsion, "
    "so that an evaluation takes longer than one of a sample. Claims and pictures do not use these "
    f"runs. Keys of {', '.join(OWN_KEYS)} that a command sets apply to the figure's own "
    "runs only, all others to both."
)


def beyond_table(runs: pd.DataFrame, summary: pd.DataFrame, beyond: pd.DataFrame) -> pd.DataFrame:
    """A row a problem and method: the paper's at their best settings, then what is beyond the paper.

    Args:
        runs: of the figure.
        summary: of them, a row a setting.
        beyond: runs that the paper does not have.

    Raises:
        ValueError: a map, optimizer or baseline has no label.
    """
    picked_from = best_settings(summary)
    best = runs[runs["config_hash"].isin(picked_from.index)]
    rows = [
        _row(group, ours) | {"picked_from": picked_from.get(name, 1)}
        for table, ours in ((best, ""), (beyond, OURS_SUFFIX))
        for name, group in with_times(table).groupby("config_hash", sort=False)
    ]
    table = pd.DataFrame(rows)
    place = table.groupby(START_COLUMNS, dropna=False, sort=False).ngroup()
    return table.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def best_settings(summary: pd.DataFrame) -> pd.Series:
    """Hash -> among how many it is, of the setting of lowest mean energy of every problem and method.

    Settings with diverged runs come last.
    """
    known = [name for name in START_COLUMNS if name in summary.columns]
    ordered = summary.assign(method=methods_of(summary)).sort_values(
        ["diverged", "energy_mean"], kind="stable"
    )
    groups = ordered.groupby([*known, "method"], dropna=False, sort=False)["config_hash"]
    return pd.Series(groups.size().to_numpy(), index=groups.first().to_numpy())


def _row(runs: pd.DataFrame, ours: str) -> dict[str, Any]:
    """The runs of one setting, with times; a network beyond the paper is told from the paper's."""
    setting = runs.assign(method=methods_of(runs)).iloc[0]
    if setting["method"] == GNN:
        setting["method"] += ours
    good = runs[~diverged(runs)]
    ended = ", ".join(f"{count} {status}" for status, count in runs["status"].value_counts().items())
    return {
        **{name: setting[name] for name in [*START_COLUMNS, *METHOD_COLUMNS]},
        "energy_median": good["energy"].median(),
        "energy_mean": good["energy"].mean(),
        "energy_best": good["energy"].min(),
        "energy_worst": good["energy"].max(),
        "time_s_median": good["time_s"].median(),
        "evaluations_median": good["evaluations"].median(),
        "gradient_rms_median": good["gradient_rms"].median(),
        "ended": ended,
    }
