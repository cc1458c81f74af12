"""A finished run as a worker sends it: ready to be written, so that the parent has little to do for each."""

import csv
import gzip
import io
from typing import NamedTuple

import numpy as np
import pandas as pd

from nnrep.records.thinning import evenly_spaced

MOST_KEPT = 500  # rows of a run's history


class Keep(NamedTuple):
    """What is kept of runs beside their rows: where they ended, and how they went there."""

    positions: bool = False
    histories: bool = False


class FinishedRun(NamedTuple):
    """A run.

    Attributes:
        row: of the table of runs, as text, empty where it is empty.
        positions: where it ended (n, d); None if they are not kept.
        history: how it went, a compressed table; None if it is not kept.
    """

    row: dict[str, str]
    positions: np.ndarray | None
    history: bytes | None


def finished_runs(
    rows: pd.DataFrame, positions: np.ndarray, histories: pd.DataFrame, keep: Keep
) -> list[FinishedRun]:
    """The runs of several seeds.

    Args:
        rows: of the table of runs, one a seed.
        positions: (s, n, d).
        histories: of all of them, with a column `seed`.
        keep: what is kept.
    """
    runs = []
    for row, seed, final in zip(as_text(rows), rows["seed"], positions, strict=True):
        history = compressed(histories[histories["seed"] == seed]) if keep.histories else None
        runs.append(FinishedRun(row, np.asarray(final) if keep.positions else None, history))
    return runs


def as_text(rows: pd.DataFrame) -> list[dict[str, str]]:
    """Rows as they are read back from their file: what was resumed and what was not are then the same."""
    return list(csv.DictReader(io.StringIO(rows.to_csv(index=False))))


def compressed(history: pd.DataFrame) -> bytes:
    """The history of a run as its file has it."""
    kept = thinned(history.drop(columns="seed"), MOST_KEPT)
    text = kept.to_csv(index=False, float_format="%.7g")
    return gzip.compress(text.encode(), mtime=0)  # without a time in it, the same history is the same file


def thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows, evenly spaced, with the first and the last one."""
    return rows.iloc[evenly_spaced(len(rows), most)]
