"""Beyond the paper: the optimisers that a chemist would take, beside the paper's methods."""

from typing import Any

import pandas as pd

from nnrep.figures.methods import METHODS, diverged
from nnrep.figures.proteins import BASELINES
from nnrep.figures.request import OWN
from nnrep.figures.summary import with_times

# optimizer -> its name in the table.
OPTIMIZERS = {"lbfgs": "L-BFGS", "fire": "FIRE"}
GRADIENT_DESCENT = ("adam", "sgd")  # the paper's GD
# Maps of a list of stages -> the schedule that has them.
SCHEDULES = {"cg+spectral+none": "staged", "spectral+spectral+none": "smooth", "none+spectral": "relaxed"}
# What tells problems apart: settings that agree in these minimise one energy from the same starts.
PROBLEM = ["structure", "potential", "start", "start_seed", "n"]
SETTING = ["method", "modes", "hidden", "learning_rate"]
STATED = (
    "Plain minimisation by optimisers that the paper does not have, schedules of stages that it lacks "
    "and, of proteins on AMBER14, OpenMM's minimiser, a setting each, from the same starts. Of each of the "
    "paper's methods the setting of lowest mean energy is shown; it is picked by these very runs from so "
    "many settings, which flatters it. "
    "Energies, times (modes, fit and minimisation, without compilation), evaluations and RMS gradients are "
    "over the runs that have not diverged. The steps of a loop's L-BFGS and FIRE see all of the repulsion, "
    "which makes an evaluation dearer than one of a sample. Claims and pictures know nothing of these runs. "
    f"Keys of {', '.join(OWN)} that a command sets are for the figure's own runs alone, all others for both."
)


def beyond_table(runs: pd.DataFrame, summary: pd.DataFrame, beyond: pd.DataFrame) -> pd.DataFrame:
    """A row a problem and method: the paper's at their best settings, then what is beyond the paper.

    Args:
        runs: of the figure.
        summary: of them, a row a setting.
        beyond: runs that the paper does not have.
    """
    picked_from = best_settings(summary)
    best = runs[runs["config_hash"].isin(picked_from.index)]
    rows = [
        _row(group) | {"picked_from": picked_from.get(name, 1)}
        for table in (best, beyond)
        for name, group in with_times(table).groupby("config_hash", sort=False)
    ]
    table = pd.DataFrame(rows)
    place = table.groupby(PROBLEM, dropna=False, sort=False).ngroup()
    return table.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def best_settings(summary: pd.DataFrame) -> pd.Series:
    """Hash -> among how many it is, of the setting of lowest mean energy of every problem and method.

    Settings with diverged runs come last.
    """
    known = [name for name in PROBLEM if name in summary.columns]
    ordered = summary.assign(method=methods_of(summary)).sort_values(
        ["diverged", "energy_mean"], kind="stable"
    )
    groups = ordered.groupby([*known, "method"], dropna=False, sort=False)["config_hash"]
    return pd.Series(groups.size().to_numpy(), index=groups.first().to_numpy())


def methods_of(table: pd.DataFrame) -> pd.Series:
    """The name of the method of every run or setting.

    Raises:
        ValueError: a map, optimizer or baseline without a name here.
    """
    plain = table["optimizer"].map(OPTIMIZERS | dict.fromkeys(GRADIENT_DESCENT, METHODS["none"]))
    minimised = table["reparam"].map(METHODS | SCHEDULES).where(table["reparam"] != "none", plain)
    names = minimised.where(table["baseline"] == "none", table["baseline"].map(BASELINES))
    unknown = table.loc[names.isna(), ["baseline", "reparam", "optimizer"]].drop_duplicates()
    if len(unknown):
        raise ValueError(f"methods without a name in reports: {unknown.to_dict('records')}")
    return names


def _row(runs: pd.DataFrame) -> dict[str, Any]:
    """The runs of one setting, with times."""
    setting = runs.assign(method=methods_of(runs)).iloc[0]
    good = runs[~diverged(runs)]
    ended = ", ".join(f"{count} {status}" for status, count in runs["status"].value_counts().items())
    return {
        **{name: setting[name] for name in [*PROBLEM, *SETTING]},
        "energy_median": good["energy"].median(),
        "energy_mean": good["energy"].mean(),
        "energy_best": good["energy"].min(),
        "energy_worst": good["energy"].max(),
        "time_s_median": good["time_s"].median(),
        "evaluations_median": good["evaluations"].median(),
        "gradient_rms_median": good["gradient_rms"].median(),
        "ended": ended,
    }
