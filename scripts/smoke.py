"""Hold the tables of a smoke reproduction against committed references, or make these.

    scripts/nnrep reproduce all profile=smoke results_dir=DIR
    scripts/smoke check DIR          # what is wrong, a line each; exit status 1 if anything is

    scripts/nnrep reproduce all profile=smoke seeds=20 results_dir=DIR
    scripts/smoke reference DIR      # writes results/smoke/FIG.json

Trajectories of float32 differ from machine to machine: a reference is the band in which mean, median and
best energy of five runs fall when they are drawn from twenty. Starts are the same everywhere, and their
energies must be as well.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from nnrep.figures import FIGURES
from nnrep.figures.analysis.labels import NO_BASELINE, PLAIN
from nnrep.figures.analysis.selection import runs_of
from nnrep.records.table import Role, columns_of, read_table

REFERENCES = Path(__file__).resolve().parent.parent / "results" / "smoke"
TABLES = ("runs.csv", "summary.csv", "claims.csv")
KEYS = [
    *("potential", "structure", "start", "start_seed", "n", "baseline", "reparam", "modes", "hidden"),
    *("learning_rate", "learning_rate_coarse", "min_delta"),
]
SEEDS = 5
DRAWS = 10_000
STATISTICS = {"energy_mean": np.mean, "energy_median": np.median, "energy_best": np.min}
START_TOLERANCE = 1e-3  # relative
SIMULATED_TOLERANCE = 2e-2  # of starts that OpenMM has simulated, which round by the machine


def make_reference(folder: Path) -> dict:
    """Columns and rows of the tables, and bands of energies, from runs of many seeds."""
    tables = {name: read_table(folder / name) for name in TABLES}
    runs, summary = tables["runs.csv"], tables["summary.csv"]
    rows = {name: len(table) for name, table in tables.items()}
    rows["runs.csv"] = SEEDS * len(summary)
    return {
        "columns": {name: _first_columns(table) for name, table in tables.items()},
        "rows": rows,
        "claims": tables["claims.csv"]["claim"].tolist(),
        "settings": [_setting(row, runs_of(runs, row)) for _, row in summary.iterrows()],
    }


def _first_columns(table: pd.DataFrame) -> list[str]:
    """All but those that tables of earlier versions do without."""
    later = columns_of(Role.later)
    return [name for name in table.columns if name not in later]


def complaints(folder: Path, reference: dict) -> list[str]:
    """What is wrong with the tables of a figure, a line each."""
    wrong = []
    tables = {}
    for name in TABLES:
        if not (folder / name).exists():
            wrong.append(f"{folder / name}: is missing")
            continue
        table = tables[name] = read_table(folder / name)
        lacking = [column for column in reference["columns"][name] if column not in table.columns]
        if lacking:
            wrong.append(f"{folder / name}: lacks the columns {', '.join(lacking)}")
        if len(table) != reference["rows"][name]:
            wrong.append(f"{folder / name}: has {len(table)} rows, not {reference['rows'][name]}")
    if wrong:
        return wrong
    claims = set(tables["claims.csv"]["claim"])
    wrong += [f"{folder}: lacks the claim '{claim}'" for claim in reference["claims"] if claim not in claims]
    held = {_key(row): row for _, row in tables["summary.csv"].iterrows()}
    for wanted in reference["settings"]:
        row = held.get(wanted["setting"])
        if row is None:
            wrong.append(f"{folder}: lacks the setting {wanted['setting']}")
            continue
        seen = {name: row[name] for name in STATISTICS} | _start(row, runs_of(tables["runs.csv"], row))
        for name, value in seen.items():
            low, high = wanted[name]
            if not low <= value <= high:
                band = f"{low:.5g} to {high:.5g}"
                wrong.append(f"{folder}: {name} of {wanted['setting']} is {value:.5g}, not in {band}")
    return wrong


def _key(row: pd.Series) -> str:
    """What tells a setting from the others."""
    values = {name: row.get(name) for name in KEYS}
    known = {name: value for name, value in values.items() if not pd.isna(value)}
    if known.get("baseline") == NO_BASELINE:
        del known["baseline"]
    return ", ".join(f"{name} {value}" for name, value in known.items())


def _setting(row: pd.Series, runs: pd.DataFrame) -> dict:
    """The bands of a setting, a little wider than those of its runs: twenty do not show everything."""
    bands = {}
    draws = np.random.default_rng(0).choice(runs["energy"].to_numpy(), (DRAWS, SEEDS))
    bound = row.get("energy_bound", np.nan)
    scale = abs(row["energy_mean"] if np.isnan(bound) else bound)
    for name, statistic in STATISTICS.items():
        values = statistic(draws, axis=1)
        margin = 0.25 * np.ptp(values) + 0.01 * scale
        bands[name] = [np.fmax(values.min() - margin, bound), values.max() + margin]
    for name, value in _start(row, runs).items():
        simulated = row.get("start") == "unfolded"
        width = (SIMULATED_TOLERANCE if simulated else START_TOLERANCE) * abs(value)
        bands[name] = [value - width, value + width]
    if not np.isfinite(list(bands.values())).all():
        raise SystemExit(f"{_key(row)}: has runs that diverged, and makes no reference")
    rounded = {name: [float(f"{limit:.5g}") for limit in band] for name, band in bands.items()}
    return {"setting": _key(row), **rounded}


def _start(row: pd.Series, runs: pd.DataFrame) -> dict[str, float]:
    """The mean energy of the starts; those of a network are not the system's own."""
    if row["reparam"] != PLAIN:
        return {}
    return {"energy_start": runs.loc[runs["seed"] < SEEDS, "energy_start"].mean()}


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "reference"):
        print(__doc__, file=sys.stderr)
        return 2
    action, folder = sys.argv[1], Path(sys.argv[2])
    wrong = []
    for figure in FIGURES:
        path = REFERENCES / f"{figure}.json"
        if action == "reference":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(make_reference(folder / figure), indent=1) + "\n")
        elif path.exists():
            wrong += complaints(folder / figure, json.loads(path.read_text()))
        else:
            wrong.append(f"{path}: is missing; scripts/smoke reference DIR writes it")
    print("\n".join(wrong) or f"smoke: {', '.join(FIGURES)} as the references have them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
