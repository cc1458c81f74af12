"""The tables of a search: its minima, and one row about the whole."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrep.exploration import Exploration
from nnrep.host.runtime import describe_device, describe_versions
from nnrep.records.rows import described
from nnrep.records.table import TERM
from nnrep.systems import System

if TYPE_CHECKING:
    import pandas as pd

RMSDS = ("rmsd_ca", "rmsd_backbone", "rmsd_heavy")


def minima_table(system: System, outcome: Exploration, with_terms: int) -> "pd.DataFrame":
    """A row a minimum, the lowest first: `Exploration.to_frame`, and the energies by term of the lowest.

    Args:
        system: that was searched.
        outcome: of the search.
        with_terms: how many have their terms: those that are written as structures.
    """
    table = outcome.to_frame()
    if not len(table):
        return table
    placed = (system.in_file_frame(each.minimum.positions) for each in outcome.lowest[:with_terms])
    terms = [described(system, positions)[0] for positions in placed]
    place = list(table.columns).index("energy") + 1
    for name in reversed(terms[0]):
        values = [each[name] for each in terms]
        table.insert(place, f"{TERM}{name}", values + [np.nan] * (len(table) - len(values)))
    return table


def summary_table(
    system: System, outcome: Exploration, settings: dict[str, Any], config_hash: str
) -> "pd.DataFrame":
    """One row about a search.

    Columns: settings of the system; seeds (how many ladders), ended, diverged (how many ladders), minima,
    quenches; of the lowest minimum its energy, shape and time of the first quench that ended there;
    least_rmsd_*, of all quenches; native_energy and native_*, of the native structure minimised in the same
    way; what it took.

    Args:
        system: that was searched.
        outcome: of the search.
        settings: columns that tell which system it is.
        config_hash: of the configuration.
    """
    import pandas as pd

    quenches, row = outcome.quenches, dict(settings)
    row |= {
        "n": system.n,
        "seeds": outcome.exchange["seed"].nunique(),
        "ended": outcome.ended.value,
        "diverged": len(outcome.diverged),
        "minima": len(outcome.lowest),
        "quenches": len(quenches),
    }
    if outcome.lowest:
        lowest = outcome.lowest[0]
        met = lowest.minimum.first
        row |= {"energy": lowest.minimum.energy, **lowest.shape}
        row |= {"met_time_s": met.time_s, "met_time_ps": met.step * outcome.time_step_ps}
    row |= {f"least_{name}": quenches[name].min() for name in RMSDS if name in quenches}
    if outcome.native is not None:
        row["native_energy"] = outcome.native.minimum.energy
        row |= {f"native_{name}": value for name, value in outcome.native.shape.items()}
    row |= {
        "steps": outcome.steps,
        "evaluations_quenches": int(quenches["evaluations"].sum()),
        "acceptance": outcome.exchange["acceptance"].mean(),
        "round_trips": int(outcome.exchange.groupby("seed")["round_trips"].first().sum()),
        "time_s": outcome.time_s,
        "device": describe_device(),
        "versions": describe_versions(),
        "config_hash": config_hash,
    }
    return pd.DataFrame([row])
