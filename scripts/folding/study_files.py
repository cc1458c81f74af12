"""Files of a study of energies: energies-PDB.csv, a row a force field and solvent; .json, how it was made."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from folding.circumstances import Circumstances, read_made, save_made
from nnrep.records.table import read_table, write_table
from nnrep.structures.file_names import structure_name


class StudyMade(NamedTuple):
    """How a study was made: see `Circumstances`; `wall_s` is how long it took."""

    date: str
    command: str
    commit: str
    machine: str
    versions: str
    wall_s: float


class Study(NamedTuple):
    """Its table, see `folding.energy_study`, and how it was made; None if that is not recorded."""

    table: pd.DataFrame
    made: StudyMade | None


def study_path(folder: Path, pdb: str) -> Path:
    """Of the table of a molecule."""
    return folder / f"energies-{structure_name(pdb)}.csv"


def save_study(folder: Path, pdb: str, table: pd.DataFrame, made: Circumstances, wall_s: float) -> None:
    """Write a study into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = study_path(folder, pdb)
    save_made(path.with_suffix(".json"), StudyMade(*made, wall_s=round(wall_s, 1))._asdict())
    write_table(path, table)


def studies_in(folder: Path, problems: Iterable[str]) -> dict[str, Study]:
    """The studies of those problems that have one, by problem.

    Raises:
        UserError: a file cannot be read.
    """
    paths = {problem: study_path(folder, problem) for problem in problems}
    return {
        problem: Study(read_table(path), read_made(path.with_suffix(".json"), StudyMade, "a study"))
        for problem, path in paths.items()
        if path.exists()
    }
