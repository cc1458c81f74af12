"""Figure 4's numbers: every run of FG beside the run of the network from the same start."""

import numpy as np
import pandas as pd

from nnrep.figures.analysis.histories import before_loop, reached
from nnrep.figures.analysis.labels import NETWORK, PLAIN
from nnrep.figures.analysis.problems import PROBLEM_COLUMNS, MinimizationProblem, of_problem, problems_of
from nnrep.figures.analysis.selection import diverged, values_of
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.evidence import Evidence
from nnrep.figures.proteins import CHEMICAL_ACCURACY
from nnrep.minimization import Status

# Ratios of each pair, above one where the network is better -> their titles.
RATIOS = {
    "speedup": "speed-up",
    "speedup_compile": "with compilation",
    "speedup_energy": "to one energy",
    "speedup_steps": "in steps",
}
PAIR_COLUMNS = [
    *PROBLEM_COLUMNS,
    *("seed", "n", "limited", "energy_fg", "energy_gnn", "difference", "factor", "rmsd_fg", "rmsd_gnn"),
    *RATIOS,
]


def pairs_of(evidence: Evidence) -> pd.DataFrame:
    """A row a problem and seed that both methods have run.

    Columns: those of `PROBLEM_COLUMNS`, seed, n; energy_fg, energy_gnn, difference (GNN - FG), factor
    (FG / GNN); rmsd_fg, rmsd_gnn; limited, how many of both came to max_steps; and ratios of FG's time to
    GNN's: `speedup` by their own stopping rules, modes and fit included; `speedup_compile` with compilation;
    `speedup_energy` until both are within 1 kcal/mol of the higher of their two lowest energies;
    `speedup_steps` of that in steps. Where one of both diverged the ratios are infinite or zero, difference
    and factor NaN, its energy and RMSD infinite.
    """
    runs = with_times(evidence.runs)
    keys = [*PROBLEM_COLUMNS, "seed"]
    rows = []
    for key, both in runs.groupby(keys, sort=False):
        plain, mapped = both[both["reparam"] == PLAIN], both[both["reparam"] == NETWORK]
        if len(plain) == len(mapped) == 1:
            rows.append(dict(zip(keys, key, strict=True)) | _pair(evidence, plain, mapped))
    numbers = dict.fromkeys(PAIR_COLUMNS[len(PROBLEM_COLUMNS) :], float)
    return pd.DataFrame(rows, columns=PAIR_COLUMNS).astype(numbers)


def _pair(evidence: Evidence, plain: pd.DataFrame, mapped: pd.DataFrame) -> dict[str, float]:
    """The numbers of a pair, each run a table of one row."""
    fg, gnn = plain.iloc[0], mapped.iloc[0]
    broken = [bool(diverged(rows).iloc[0]) for rows in (plain, mapped)]
    limited = int((pd.concat([plain, mapped])["status"] == Status.step_limit.name).sum())
    row = {"n": fg["n"], "limited": limited} | {
        f"{name}_{method}": values_of(run, column).iloc[0]
        for name, column in (("energy", "energy"), ("rmsd", "rmsd_ca"))
        for method, run in (("fg", plain), ("gnn", mapped))
    }
    if any(broken):
        # A diverged run is infinitely slow and high; of two of them nothing is known.
        ratio = np.nan if all(broken) else np.inf if broken[0] else 0.0
        return row | {"difference": np.nan, "factor": np.nan} | dict.fromkeys(RATIOS, ratio)
    times, steps = _to_one_energy(evidence, fg, gnn)
    return row | {
        "difference": gnn["energy"] - fg["energy"],
        "factor": fg["energy"] / gnn["energy"],
        "speedup": fg["time_s"] / gnn["time_s"],
        "speedup_compile": fg["time_with_compile_s"] / gnn["time_with_compile_s"],
        "speedup_energy": times[0] / times[1],
        "speedup_steps": steps[0] / steps[1],
    }


def _to_one_energy(
    evidence: Evidence, fg: pd.Series, gnn: pd.Series
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds and steps of both until they are as low as the one that stays higher, but for 1 kcal/mol.

    To the last digit the higher one would be charged the whole tail of its descent, the other none.
    """
    histories = [evidence.histories(run["run_id"]) for run in (fg, gnn)]
    energy = max(history["energy"].min() for history in histories) + CHEMICAL_ACCURACY
    (fg_seconds, fg_steps), (gnn_seconds, gnn_steps) = (reached(history, energy) for history in histories)
    return (before_loop(fg) + fg_seconds, before_loop(gnn) + gnn_seconds), (fg_steps, gnn_steps)


def tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """A table a force field: a row a start and structure, over its pairs without a diverged run.

    Speed-ups are geometric means; "x/" is the factor of one standard deviation up or down.
    """
    by_potential = pairs_of(evidence).groupby("potential", sort=False)
    return {
        f"speedup_{potential}": pd.DataFrame(
            [_row(problem, of_problem(pairs, problem)) for problem in problems_of(pairs)]
        )
        for potential, pairs in by_potential
    }


def _row(problem: MinimizationProblem, pairs: pd.DataFrame) -> dict[str, object]:
    good = whole(pairs)
    row: dict[str, object] = {
        "start": problem.start,
        "structure": problem.structure,
        "atoms": int(pairs["n"].iloc[0]),
        "pairs": len(pairs),
        "diverged": len(pairs) - len(good),
        "at max_steps": f"{pairs['limited'].sum():.0f} of {2 * len(pairs)}",
        "E FG": good["energy_fg"].mean(),
        "E GNN": good["energy_gnn"].mean(),
        "GNN - FG": good["difference"].mean(),
        "E FG / E GNN, mean over pairs": good["factor"].mean(),
    }
    for name, title in RATIOS.items():
        mean, deviation = geometric(good[name])
        row |= {title: mean, f"{title}, x/": deviation}
    return row | {"RMSD FG": good["rmsd_fg"].mean(), "RMSD GNN": good["rmsd_gnn"].mean()}


def whole(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of which neither run diverged."""
    return pairs[np.isfinite(pairs["factor"])]


def geometric(ratios: pd.Series) -> tuple[float, float]:
    """Geometric mean and standard deviation of ratios; the deviation is a factor, of one ratio 1."""
    if ratios.empty:
        return float("nan"), float("nan")
    logs = np.log(ratios.to_numpy(float))
    return float(np.exp(logs.mean())), float(np.exp(logs.std(ddof=1))) if len(logs) > 1 else 1.0
