"""Files of searches: ARM-SEED.csv.gz, a row a quench; .npy, the lowest minimum; .json, how it was made.

Each search has files of its own, so that several processes share a folder.
"""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from folding.circumstances import read_made, save_made
from folding.problem_names import ProblemNames
from folding.searching import Row
from nnrep.errors import UserError
from nnrep.host.cache import write_whole
from nnrep.records.table import read_table

COLUMNS = Row._fields
NAME = re.compile(r"(?P<arm>\w+)-(?P<seed>\d+)\.csv\.gz")


class Made(NamedTuple):
    """How a search was made.

    Attributes:
        date: when it began.
        command: that made it.
        commit: of the code, with "+ changes" if there were some.
        machine: processor, cores, memory.
        versions: of packages.
        budget_evaluations: after which it was to end.
        budget_cpu_s: the same in seconds of processor time; None for any number.
        wall_s: that it took.
        budget_energy: below which a native minimum was to end it, in kJ/mol; None for any.
        pdb, solvent, force_field, start: see `ProblemNames`.
    """

    date: str
    command: str
    commit: str
    machine: str
    versions: str
    budget_evaluations: int
    budget_cpu_s: float | None
    wall_s: float
    budget_energy: float | None = None
    pdb: str | None = None
    solvent: str | None = None
    force_field: str | None = None
    start: str | None = None

    @property
    def names(self) -> ProblemNames:
        """Of the problem."""
        return ProblemNames(self.pdb, self.solvent, self.force_field, self.start)


class Kept(NamedTuple):
    """A search: its table, a row a quench; None in the place of how it was made, if it did not say."""

    problem: str
    arm: str
    seed: int
    table: pd.DataFrame
    made: Made | None


def table_path(folder: Path, arm: str, seed: int) -> Path:
    """Of a search's quenches; it is written last."""
    return folder / f"{arm}-{seed}.csv.gz"


def keep(folder: Path, arm: str, seed: int, table: pd.DataFrame, lowest: np.ndarray, made: Made) -> None:
    """Write a search; `lowest` (n, 3) in nm is its lowest minimum."""
    name = f"{arm}-{seed}"
    np.save(folder / f"{name}.npy", lowest)
    save_made(folder / f"{name}.json", made._asdict())
    rows = table.to_csv(index=False, float_format="%.6g")
    write_whole(table_path(folder, arm, seed), gzip.compress(rows.encode(), mtime=0))


def names_in(folder: Path) -> Iterator[ProblemNames]:
    """The names of the problem of each search in a folder that says how it was made.

    Raises:
        UserError: a file cannot be read.
    """
    for path in sorted(folder.glob("*.csv.gz")):
        if match := NAME.fullmatch(path.name):
            made = _made(folder, match["arm"], match["seed"])
            if made is not None:
                yield made.names


def searches_in(folder: Path) -> Iterator[Kept]:
    """All searches in FOLDER/PROBLEM/, in order.

    Raises:
        UserError: a table cannot be read, or is of something else.
    """
    paths = [path for path in folder.glob("*/*.csv.gz") if NAME.fullmatch(path.name)]
    if not paths:
        raise UserError(
            f"{folder}: holds no PROBLEM/ARM-SEED.csv.gz, as scripts/bench_folding run writes them"
        )
    for problem, arm, seed, path in sorted(_named(path) for path in paths):
        table = read_table(path)
        lacking = [name for name in COLUMNS if name not in table.columns]
        if lacking or table.empty:
            raise UserError(f"{path}: lacks {', '.join(lacking) or 'rows'}; move it away")
        yield Kept(problem, arm, seed, table, _made(path.parent, arm, seed))


def _named(path: Path) -> tuple[str, str, int, Path]:
    match = NAME.fullmatch(path.name)
    assert match is not None
    return path.parent.name, match["arm"], int(match["seed"]), path


def _made(folder: Path, arm: str, seed: int | str) -> Made | None:
    return read_made(folder / f"{arm}-{seed}.json", Made, "a search")
