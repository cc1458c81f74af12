"""Figure 3's two kinds of starts: a fresh one for every run, and one that all settings and repeats share.

The authors drew one start for a whole table, so that their five "runs" of a setting differ in the network and
the repelling pairs alone; a table of theirs is one draw of a start.
"""

import numpy as np
import pandas as pd

from nnrep.figures.analysis.labels import LOOP_LABELS, METHOD_LABELS
from nnrep.figures.analysis.selection import diverged, energies_of, of_method
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig3.published import Published, published_of

# Statistics of a method's runs that were published -> their titles.
STATISTICS = {"best": "best single energy", "best_mean": "best mean", "median": "median energy"}
TABLE_COLUMNS = [
    *("loop", "start", "method", "runs", "diverged", "best", "best mean", "its time, mean / s"),
    *("median", "time, median / s", "time, all runs / s"),
]
SPREAD_COLUMNS = [
    "loop",
    "method",
    "statistic",
    "published",
    "lowest",
    "median",
    "highest",
    "starts",
    "within",
]
DIGITS = 4  # of the published tables


def with_fresh_starts(table: pd.DataFrame) -> pd.DataFrame:
    """The runs, or settings, of which each seed has a start of its own."""
    return table[table["start"].isna()] if "start" in table.columns else table


def with_shared_starts(table: pd.DataFrame) -> pd.DataFrame:
    """The runs, or settings, that share starts."""
    return table[table["start"].notna()] if "start" in table.columns else table.iloc[:0]


def fresh_part(evidence: Evidence) -> Evidence:
    """The evidence without the runs that share starts."""
    runs, summary = (with_fresh_starts(table) for table in (evidence.runs, evidence.summary))
    return evidence._replace(runs=runs, summary=summary)


def numbered(evidence: Evidence) -> pd.DataFrame:
    """The runs that share starts, with the number of theirs in `start`, from 0."""
    shared = max((getattr(config.system, "runs_per_start", 1) for config in evidence.configs), default=1)
    runs = with_shared_starts(evidence.runs)
    return runs.assign(start=runs["seed"] // shared)


def statistics_of(runs: pd.DataFrame) -> Published | None:
    """What the authors' tables have of a method's runs; None if there are none, or only diverged ones.

    A diverged run counts as infinitely high.
    """
    timed = with_times(runs).assign(energy=energies_of(runs))
    if timed.empty or bool(diverged(runs).all()):
        return None
    groups = timed.groupby("config_hash", sort=False)[["energy", "time_s"]].mean()
    best = groups.sort_values("energy", kind="stable").iloc[0]
    return Published(
        runs=len(timed),
        best=timed["energy"].min(),
        best_mean=best["energy"],
        best_mean_time=best["time_s"],
        median=timed["energy"].median(),
        median_time=timed["time_s"].median(),
        total_time=timed["time_s"].sum(),
    )


def tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """The authors' table of fresh starts, and of every shared one; and the spread over these."""
    fresh = with_fresh_starts(evidence.runs)
    shared = numbered(evidence)
    each = [_rows(runs, start) for start, runs in shared.groupby("start")]
    made = {"fresh_starts": pd.DataFrame(_rows(fresh, "fresh"), columns=TABLE_COLUMNS)}
    if each:
        made["one_start"] = pd.DataFrame([row for rows in each for row in rows], columns=TABLE_COLUMNS)
        made["over_starts"] = spread(evidence)
    return made


def _rows(runs: pd.DataFrame, start: object) -> list[tuple[object, ...]]:
    """A row a loop and method."""
    rows = []
    for potential, loop in LOOP_LABELS.items():
        for reparam, method in METHOD_LABELS.items():
            own = of_method(runs, potential, reparam)
            seen = statistics_of(own)
            if seen is not None:
                count, *numbers = seen
                rows.append((loop, start, method, count, int(diverged(own).sum()), *numbers))
    return rows


def spread(evidence: Evidence) -> pd.DataFrame:
    """A row a loop, method and statistic: the published value beside those of the shared starts."""
    runs = numbered(evidence)
    rows = []
    for potential, loop in LOOP_LABELS.items():
        known = published_of(evidence, potential)
        for reparam, method in METHOD_LABELS.items():
            own = of_method(runs, potential, reparam)
            seen = [statistics_of(each) for _, each in own.groupby("start")]
            for name, title in STATISTICS.items():
                values = pd.Series([getattr(each, name) for each in seen if each is not None], dtype=float)
                theirs = getattr(known[reparam], name) if reparam in known else float("nan")
                limits = values.min(), values.median(), values.max()
                within = _is_within(theirs, limits[0], limits[2])
                rows.append((loop, method, title, theirs, *limits, len(values), within))
    return pd.DataFrame(rows, columns=SPREAD_COLUMNS)


def _is_within(published: float, lowest: float, highest: float) -> bool | None:
    """Whether a published number, of four decimals, lies between others; None if one is not known."""
    if not np.isfinite([published, lowest, highest]).all():
        return None
    return bool(round(lowest, DIGITS) <= published <= round(highest, DIGITS))
