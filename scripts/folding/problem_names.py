"""What a problem is called on the command line; the searches of a folder are of one problem."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from nnrep.errors import UserError
from nnrep.structures.file_names import structure_name


class ProblemNames(NamedTuple):
    """A peptide, its energy and its start by name, a file by its name without suffix; None: not recorded."""

    pdb: str | None = None
    solvent: str | None = None
    force_field: str | None = None
    start: str | None = None


def names_of(pdb: str, solvent: str, force_field: str, start: str) -> ProblemNames:
    """The names of what `scripts/bench_folding` is given."""
    return ProblemNames(structure_name(pdb), solvent, force_field_name(force_field), Path(start).stem)


def force_field_name(force_field: str) -> str:
    """A force field by name; files by theirs, without suffix."""
    return ",".join(Path(file.strip()).stem for file in force_field.split(","))


def common_names(folder: Path, names: Iterable[ProblemNames]) -> ProblemNames:
    """The names that all searches of a folder share, as far as they are recorded.

    Raises:
        UserError: searches differ in one of them.
    """
    listed = list(names)
    values = {
        field: sorted({value for each in listed if (value := getattr(each, field)) is not None})
        for field in ProblemNames._fields
    }
    differing = [
        f"--{field.replace('_', '-')} {' and '.join(several)}"
        for field, several in values.items()
        if len(several) > 1
    ]
    if differing:
        raise UserError(f"{folder}: holds searches of one problem, not of {'; '.join(differing)}")
    return ProblemNames(**{field: several[0] for field, several in values.items() if several})
