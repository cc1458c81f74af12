"""Starts in files that an experiment names: looked for where entries of the Protein Data Bank are."""

from collections.abc import Sequence
from pathlib import Path

from nnrep.structures.fetch import UnavailableError
from nnrep.structures.file_names import VARIABLE, existing_folder, suffix_of, variable_folders

START_KEY = "system.start"


def with_start_file(point: Sequence[str], folders: Sequence[str]) -> list[str]:
    """The overrides of a point, a file name without a folder in `system.start` by the path of the file.

    It is looked for in the working folder, in `folders` and in those of the variable NNREP_STRUCTURES. Runs
    are known by what the file holds, not by where it is.

    Raises:
        UnavailableError: it is in none of them.
        UserError: a folder does not exist.
    """
    return [_found(override, folders) for override in point]


def _found(override: str, folders: Sequence[str]) -> str:
    key, _, value = override.partition("=")
    if key != START_KEY or not suffix_of(value) or Path(value).name != value:
        return override
    listed = [(name, "paths.structures") for name in folders]
    listed += [(name, VARIABLE) for name in variable_folders()]
    places = [Path(), *(existing_folder(name, source) for name, source in listed)]
    for place in places:
        if (place / value).is_file():
            path = str(place / value).replace("'", "\\'")
            return f"{key}='{path}'"
    where = "the working folder, paths.structures or NNREP_STRUCTURES"
    raise UnavailableError(f"{value}: no such file in {where}")
