"""Searches of one problem by several arms and seeds, those that a folder lacks."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from folding.arms.registry import ARMS
from folding.circumstances import circumstances, now
from folding.kept import Made, keep, names_in, table_path
from folding.problem import Problem
from folding.problem_names import common_names
from folding.searching import Budget, search
from nnrep.errors import UserError
from nnrep.host.interruption import Interruption


def run_searches(
    problem: Problem, folder: Path, arms: Sequence[str], seeds: Sequence[int], budget: Budget
) -> None:
    """Search, a seed after the other, and say what came of each; a search is written once it has ended.

    Raises:
        KeyboardInterrupt: it was interrupted; the search under way is dropped.
        UserError: the folder has searches of another problem, or a seed is negative.
    """
    if min(seeds) < 0:
        raise UserError(f"--seeds: expected numbers that are not negative, got {min(seeds)}")
    common_names(folder, [problem.names, *names_in(folder)])
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(arm, seed) for seed in seeds for arm in arms]
    present = sum(table_path(folder, *one).exists() for one in wanted)
    if present:
        print(f"{folder}: has {present} of {len(wanted)} searches, whatever their budgets", flush=True)
    begun = circumstances()
    # An exception that a signal raises at once may be lost in a callback of JAX.
    with Interruption() as interruption:
        for arm, seed in wanted:
            interruption.stop_if_requested()
            if table_path(folder, arm, seed).exists():
                continue
            date, began = now(), time.monotonic()
            result = search(problem, ARMS[arm](problem), seed, budget, interruption.stop_if_requested)
            made = Made(
                **begun._replace(date=date)._asdict(),
                budget_evaluations=budget.evaluations,
                budget_cpu_s=_finite(budget.cpu_s),
                wall_s=round(time.monotonic() - began, 1),
                budget_energy=_finite(budget.energy),
                **problem.names._asdict(),
            )
            table = pd.DataFrame(result.rows)
            keep(folder, arm, seed, table, result.lowest, made)
            _say(arm, seed, table)


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
