"""Made-up folders of runs, for tests of what reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from nnrep.records.table import ERROR, run_columns

LOOP = {
    "system": "loop",
    "potential": "pure_lj",
    "n": 4,
    "baseline": "none",
    "reparam": "none",
    "optimizer": "adam",
}
TIMES = ("time_modes_s", "time_modes_fresh_s", "time_modes_compile_s", "time_fit_s", "time_compile_s")


def table(energies: Sequence[float], **columns: Any) -> pd.DataFrame:
    """Rows of a table of runs, one an energy."""
    count = len(energies)
    config_hash = columns.get("config_hash", "c0ffee")
    rows = pd.DataFrame(LOOP | dict.fromkeys(TIMES, 0.0), index=range(count)).assign(
        seed=range(count),
        run_id=[f"{config_hash}-{seed}" for seed in range(count)],
        config_hash=config_hash,
        energy=energies,
        status="converged",
        steps_coarse=0,
        steps_fine=40,
        evaluations=40,
        time_minimize_s=0.5,
        time_total_s=1.0,
        precision="float32",
        device="cpu",
        versions="nnrep 0",
    )
    return rows.assign(**columns).reindex(columns=run_columns())


def history(seeds: int, stages: Mapping[str, int], **measures: float) -> pd.DataFrame:
    """Checks of falling energy, one a step; stage -> its checks."""
    rows = []
    for seed in range(seeds):
        step = 0
        for stage, checks in stages.items():
            for _ in range(checks):
                step += 1
                rows.append((seed, stage, step, 0.01 * step, 1.0 / step, 2.0 / step))
    names = ["seed", "stage", "step", "time_s", "energy", "gradient_norm"]
    return pd.DataFrame(rows, columns=names).assign(**measures)


def write_run(
    folder: Path,
    rows: pd.DataFrame,
    config: Mapping[str, Any] | None = None,
    checks: pd.DataFrame | None = None,
    start: np.ndarray | None = None,
) -> Path:
    """A run's folder; starts (seeds, n, d) give positions, which end at half of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_csv(folder / "runs.csv", index=False)
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False))
    if checks is not None:
        checks.to_csv(folder / "history.csv", index=False)
    if start is not None:
        np.savez(folder / "positions.npz", seeds=np.arange(len(start)), start=start, final=start / 2)
    return folder


def write_sweep_table(folder: Path, jobs: Sequence[pd.DataFrame], errors: Sequence[str] = ()) -> None:
    """`runs.csv` of a sweep: the rows of its jobs, and a row for each that could not be run."""
    failed = pd.DataFrame({"status": "failed", "system": "loop", ERROR: list(errors)})
    whole = pd.concat([*(rows.assign(**{ERROR: ""}) for rows in jobs), failed], ignore_index=True)
    whole.reindex(columns=[*run_columns(), ERROR]).to_csv(folder / "runs.csv", index=False)
