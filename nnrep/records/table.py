"""The table of runs: its columns, and how it is written."""

import os
from pathlib import Path

import pandas as pd

# One row a seed. Times in seconds; energies in the system's unit.
RUN_COLUMNS = [
    "run_id",
    "system",
    "potential",
    "n",
    "reparam",
    "modes",
    "optimizer",
    "learning_rate",
    "learning_rate_coarse",
    "seed",
    "status",
    "energy",
    "energy_start",
    "energy_coarse",
    "energy_bound",
    "bond_fraction",
    "contact_fraction",
    "gradient_rms",
    "steps_coarse",
    "steps_fine",
    "evaluations",
    "time_modes_s",
    "time_fit_s",
    "time_compile_s",
    "time_minimize_s",
    "time_total_s",
    "precision",
    "device",
    "versions",
    "config_hash",
]


def write_table(path: Path, rows: pd.DataFrame) -> None:
    """Write a table as CSV; a crash leaves the old file or the new one, never half of one."""
    unfinished = path.with_suffix(".partial")
    rows.to_csv(unfinished, index=False)
    os.replace(unfinished, path)
