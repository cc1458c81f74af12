"""Figure 3's settings that are run again with fresh seeds."""

import pandas as pd

from nnrep.figures.analysis.labels import LOOP_LABELS, METHOD_LABELS, PLAIN
from nnrep.figures.analysis.selection import best_setting, lowest


def repeated(summary: pd.DataFrame) -> list[str]:
    """The best setting of every method, and the best map within the time of plain minimisation."""
    picked = [best_setting(summary, potential, name) for potential in LOOP_LABELS for name in METHOD_LABELS]
    picked += [best_in_time(summary, potential) for potential in LOOP_LABELS]
    return list(dict.fromkeys(str(setting["config_hash"]) for setting in picked if setting is not None))


def best_in_time(summary: pd.DataFrame, potential: str) -> pd.Series | None:
    """The setting of CG or GNN of lowest mean energy that takes no longer than the best one of GD."""
    plain = best_setting(summary, potential, PLAIN)
    if plain is None:
        return None
    mapped = summary[(summary["potential"] == potential) & (summary["reparam"] != PLAIN)]
    return lowest(mapped[mapped["time_s_mean"] <= plain["time_s_mean"]])
