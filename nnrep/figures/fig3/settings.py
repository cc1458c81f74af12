"""Figure 3's settings that are run again with fresh seeds, and which of them are compared."""

import pandas as pd

from nnrep.figures.analysis.labels import COARSE_GRAINED, LOOP_LABELS, METHOD_LABELS, NETWORK, PLAIN
from nnrep.figures.analysis.selection import best_setting
from nnrep.figures.comparison import Comparison
from nnrep.figures.fig3.starts import with_fresh_starts

# Two methods on pure LJ -> the budget of fresh seeds a side, where they are added.
BUDGETS = {(COARSE_GRAINED, PLAIN): 120, (NETWORK, PLAIN): 120, (COARSE_GRAINED, NETWORK): 350}
LARGEST_BUDGET = max(BUDGETS.values())
# Fresh seeds a side that were known when these were chosen to be compared, so that they do not count.
GRID_KNOWN_SEEDS = 20
GRID_MARGIN = 0.01  # a difference of energies that counts as none; one tangled pair costs 0.04


def repeated(summary: pd.DataFrame) -> list[str]:
    """The best setting of every method, by runs with fresh starts."""
    fresh = with_fresh_starts(summary)
    picked = [best_setting(fresh, potential, name) for potential in LOOP_LABELS for name in METHOD_LABELS]
    return [str(setting["config_hash"]) for setting in picked if setting is not None]


def comparison_name(potential: str, first: str, second: str) -> str:
    """How the comparison of two methods' energies is called."""
    return f"{LOOP_LABELS[potential]}: energy of {METHOD_LABELS[first]} less {METHOD_LABELS[second]}"


def comparisons(summary: pd.DataFrame) -> list[Comparison]:
    """The best settings of each two methods on pure LJ."""
    fresh = with_fresh_starts(summary)
    pairs = []
    for (first, second), budget in BUDGETS.items():
        both = [best_setting(fresh, "pure_lj", name) for name in (first, second)]
        ours, theirs = (None if setting is None else str(setting["config_hash"]) for setting in both)
        if ours is not None and theirs is not None:
            name = comparison_name("pure_lj", first, second)
            pairs.append(Comparison(name, ours, theirs, budget, GRID_MARGIN, known=GRID_KNOWN_SEEDS))
    return pairs
