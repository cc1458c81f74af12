"""Runs that a sweep could not make: a table beside that of the runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from nnrep.records.table import write_table

FAILURES = "failed.csv"


class Failure(NamedTuple):
    """A run that could not be made.

    Attributes:
        run_id: its name.
        setting: the overrides of its setting.
        seed: of the run.
        status: `failed`, as its setting cannot be run, or `lost` with its worker.
        error: why, in one line.
    """

    run_id: str
    setting: str
    seed: int
    status: str
    error: str


def write_failures(folder: Path, failures: Iterable[Failure]) -> None:
    """Write the table of a folder; without failures there is none."""
    rows = pd.DataFrame(list(failures), columns=list(Failure._fields))
    if len(rows):
        write_table(folder / FAILURES, rows)
    else:
        (folder / FAILURES).unlink(missing_ok=True)
