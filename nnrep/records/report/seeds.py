"""The rows of tables of runs, by names that tell them apart, and those of the lowest energies."""

import json
from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from nnrep.records.closing_table import differing_settings
from nnrep.records.runs_below import HeldRuns, problem

MOST_NAMED = 3  # settings in the label of a run


class Seed(NamedTuple):
    """One row of a table of runs.

    Attributes:
        label: what it is called in the page.
        folder: of its run.
        row: in text.
        problem: the same for seeds whose energies can be compared.
    """

    label: str
    folder: Path
    row: "pd.Series[str]"
    problem: str

    @property
    def seed(self) -> int:
        """Its number."""
        return int(float(self.row["seed"]))

    @property
    def energy(self) -> float | None:
        """Its final energy; None where it is no number."""
        energy = float(self.row["energy"] or "nan")
        return energy if isfinite(energy) else None


def lowest(seeds: Sequence[Seed], most: int) -> list[Seed]:
    """The seeds of the lowest energies of each problem, in turns, in the order in which they came."""
    energies = pd.Series([inf if seed.energy is None else seed.energy for seed in seeds])
    ranks = energies.groupby([seed.problem for seed in seeds]).rank(method="first")
    chosen = set(ranks.sort_values(kind="stable").index[:most])
    return [seed for place, seed in enumerate(seeds) if place in chosen]


def named_seeds(folder: Path, held: Sequence[HeldRuns]) -> list[Seed]:
    """All rows, by names that tell them apart."""
    named = differing_settings(pd.concat([each.rows for each in held]))[:MOST_NAMED]
    seeds = []
    for each in held:
        path = each.folder.relative_to(folder).as_posix()
        for _, row in each.rows.iterrows():
            values = [f"{name}={row[name]}" for name in named if row[name]]
            parts = [*([] if path == "." else [path]), *values, f"seed {row['seed']}"]
            same = json.dumps(problem(row, each.settings), sort_keys=True)
            seeds.append(Seed(", ".join(parts), each.folder, row, same))
    return seeds
