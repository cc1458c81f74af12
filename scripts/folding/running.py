"""Searches of one problem by several arms and seeds, those that are not there yet."""

import shlex
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from folding.arms.registry import ARMS
from folding.kept import Made, keep, table_path
from folding.problem import Problem
from folding.searching import Budget, search
from nnrep.figures.provenance import describe_machine, git_commit
from nnrep.host.runtime import describe_versions


def run_searches(
    problem: Problem, folder: Path, arms: Sequence[str], seeds: Sequence[int], budget: Budget
) -> int:
    """Search, a seed after the other, and say what came of each; returns how many searches were made."""
    folder.mkdir(parents=True, exist_ok=True)
    commit, machine, made = git_commit(), describe_machine(), 0
    for seed in seeds:
        for arm in arms:
            if table_path(folder, arm, seed).exists():
                continue
            date, began = f"{datetime.now():%Y-%m-%d %H:%M}", time.monotonic()
            result = search(problem, ARMS[arm](problem), seed, budget)
            how = Made(
                date=date,
                command=shlex.join(["scripts/bench_folding", *sys.argv[1:]]),
                commit=commit,
                machine=machine,
                versions=describe_versions(),
                budget_evaluations=budget.evaluations,
                budget_cpu_s=_finite(budget.cpu_s),
                wall_s=round(time.monotonic() - began, 1),
                budget_energy=_finite(budget.energy),
            )
            table = pd.DataFrame(result.rows)
            keep(folder, arm, seed, table, result.lowest, how)
            _say(arm, seed, table)
            made += 1
    return made


def _finite(limit: float) -> float | None:
    """A limit; None where there is none."""
    return limit if np.isfinite(limit) else None


def _say(arm: str, seed: int, table: pd.DataFrame) -> None:
    last = table.iloc[-1]
    used = f"{last.evaluations:.0f} evaluations, {last.ps:.0f} ps, {last.cpu_s:.0f} s"
    if table["energy"].isna().all():
        print(f"{arm} {seed}: no minimum; {used}", flush=True)
        return
    best = table.loc[table["energy"].idxmin()]
    place = "" if np.isnan(best.rmsd_ca) else f", {best.rmsd_ca:.2f} A"
    lowest = f"{best.energy:.2f} kJ/mol{place}, after {best.evaluations:.0f} evaluations"
    print(f"{arm} {seed}: {lowest}; {used}", flush=True)
