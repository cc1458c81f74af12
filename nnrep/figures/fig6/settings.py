"""Figure 6's methods and starts: which ones a run is of, the best of its seeds, the best settings."""

import pandas as pd

from nnrep.choices.identity import hash_of
from nnrep.figures.analysis.labels import (
    BASELINE_LABELS,
    GNN,
    MINIMIZER,
    NO_BASELINE,
    methods_of,
)
from nnrep.figures.analysis.selection import diverged, energies_of, lowest, runs_of
from nnrep.figures.analysis.statistics import deviation
from nnrep.figures.evidence import Evidence

BEST_OF = 3  # runs of a setting
MARKED_ITERATIONS = (5000, 10_000)  # of OpenMM's minimiser: the paper's star and dashed line
DISTRIBUTION_COLUMNS = [
    *("method", "lr", "runs", "energy, mean", "energy, std", "lowest", "10 %", "25 %", "median", "75 %"),
    *("90 %", "highest"),
]


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """A table of runs or settings with `method` (GD, GNN1, ...) and `from` (native, unfolded 0, ...).

    Raises:
        ValueError: a map, optimizer or baseline has no label.
    """
    seeds = table["start_seed"] if "start_seed" in table.columns else pd.Series(float("nan"), table.index)
    numbered = table["start"] + " " + seeds.fillna(-1).astype(int).astype(str)
    hidden = table["hidden"] if "hidden" in table.columns else pd.Series("", table.index)
    layers = hidden.fillna("").astype(str).str.count("-")
    methods = methods_of(table)
    method = (GNN + layers.astype(str)).where(methods == GNN, methods)
    return table.assign(**{"method": method, "from": numbered.where(seeds.notna(), table["start"])})


def at_first_start(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a labelled table that begin where its first row does: those of panels (a) and (b)."""
    return table[table["from"] == table["from"].iloc[0]] if len(table) else table


def minimized(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a labelled table that are none of OpenMM's."""
    return table[table["baseline"] == NO_BASELINE]


def of_all_starts(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of panel (c): of each method those at the first learning rate that all starts have."""
    runs = minimized(runs)
    counts = runs.groupby(["method", "learning_rate"])["from"].transform("nunique")
    everywhere = runs[counts == runs["from"].nunique()]
    first = everywhere.groupby("method")["learning_rate"].transform("first")
    return everywhere[everywhere["learning_rate"] == first]


def networks_of(table: pd.DataFrame) -> list[str]:
    """The networks of a labelled table."""
    return sorted(name for name in table["method"].unique() if name.startswith(GNN))


def first_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Of every setting the runs of its first seeds, as many as the paper takes the best of."""
    return runs[runs.groupby("config_hash")["seed"].rank() <= BEST_OF]


def best_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Of every setting the lowest of its first runs; none of one in which all of these diverged."""
    runs = first_runs(runs)
    good = runs[~diverged(runs)]
    return good.loc[good.groupby("config_hash", sort=False)["energy"].idxmin()]


def best_of_methods(summary: pd.DataFrame) -> dict[str, pd.Series]:
    """At the first start, the setting of lowest mean energy of GD and of each network."""
    first = minimized(at_first_start(labelled(summary)))
    best = {name: lowest(rows) for name, rows in first.groupby("method", sort=False)}
    return {str(name): setting for name, setting in best.items() if setting is not None}


def repeated(summary: pd.DataFrame) -> list[str]:
    """At the first start: the best setting of GD and of each network, all of OpenMM's minimiser."""
    first = at_first_start(labelled(summary))
    best = [setting["config_hash"] for setting in best_of_methods(summary).values()]
    return [*map(str, best), *first.loc[first["baseline"] == MINIMIZER, "config_hash"].astype(str)]


def fresh_runs(evidence: Evidence, method: str) -> pd.DataFrame:
    """The fresh runs of a method's best setting."""
    return runs_of(evidence.repeats, best_of_methods(evidence.summary).get(method))


def minimizers_of(evidence: Evidence) -> dict[float, str]:
    """Settings of OpenMM's minimiser that were run: tolerance in kJ/mol/nm -> hash."""
    configs = [config for config in evidence.configs if config.baseline.name == MINIMIZER]
    hashes = {config.baseline.tolerance: hash_of(config) for config in configs}
    held = set(at_first_start(labelled(evidence.summary))["config_hash"])
    return {tolerance: name for tolerance, name in hashes.items() if name in held}


def minimizer_name(tolerance: float) -> str:
    """OpenMM's minimiser at a tolerance, as pictures and tables name it."""
    return f"{BASELINE_LABELS[MINIMIZER]} ({tolerance:g})"


def openmm_energies(evidence: Evidence, setting: str) -> dict[int, float]:
    """Energies of the best run of a setting of OpenMM's minimiser: iterations done by then -> energy.

    After each of `MARKED_ITERATIONS`, or at its end, which comes sooner; empty without such a run.
    """
    best = best_runs(evidence.runs[evidence.runs["config_hash"] == setting])
    if best.empty:
        return {}
    history = evidence.histories(best.iloc[0]["run_id"])
    lasts = [history[history["step"] <= most].iloc[-1] for most in MARKED_ITERATIONS]
    return {int(last["step"]): float(last["energy"]) for last in lasts}


def tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """How the final energies of the best rates are distributed over fresh seeds: a row a method."""
    best = best_of_methods(evidence.summary)
    settings = {name: (setting["learning_rate"], setting["config_hash"]) for name, setting in best.items()}
    settings |= {minimizer_name(each): (None, name) for each, name in minimizers_of(evidence).items()}
    rows = []
    for name, (rate, setting) in settings.items():
        energies = energies_of(evidence.repeats[evidence.repeats["config_hash"] == setting])
        if len(energies):
            marks = energies.quantile([0, 0.1, 0.25, 0.5, 0.75, 0.9, 1], interpolation="nearest")
            rows.append((name, rate, len(energies), energies.mean(), deviation(energies), *marks))
    return {"best_rates": pd.DataFrame(rows, columns=DISTRIBUTION_COLUMNS)}


def mean_energy(runs: pd.DataFrame) -> float:
    """Infinite where a run diverged."""
    return float(energies_of(runs).mean())
