"""How structure files and the entries of the Protein Data Bank are named."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnrep.errors import ConfigError, UserError

FORMATS = (".pdb", ".ent", ".cif", ".mmcif")
SUFFIXES = (*FORMATS, *(f"{suffix}.gz" for suffix in FORMATS))
ENTRY = re.compile(r"[0-9][0-9A-Za-z]{3}")
VARIABLE = "NNREP_STRUCTURES"  # of the environment: folders in which entries are looked for
EMBEDDED = "1L2Y"  # the Trp-cage in the package


def at_home(path: str | Path) -> Path:
    """A path, where a leading ~ is the home folder; a name that only looks like one stays as it is."""
    return Path(os.path.expanduser(str(path)))


def suffix_of(name: str) -> str:
    """The suffix of a structure file, "" if it is none."""
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def stem_of(name: str) -> str:
    """A file's name without its suffix; an entry's letters if it is named by these, as in pdb1unc.ent."""
    stem = name[: -len(suffix_of(name))]
    letters = stem[-4:] if stem.lower() == f"pdb{stem[-4:].lower()}" else stem
    return letters.upper() if ENTRY.fullmatch(letters) else stem


def structure_name(pdb: str | None) -> str:
    """What the structure of a `system.pdb` is called, whether or not it can be found."""
    if pdb is None:
        return EMBEDDED
    if ENTRY.fullmatch(pdb):
        return pdb.upper()
    return stem_of(Path(pdb).name) if suffix_of(pdb) else pdb


def is_structure_file(path: Path) -> bool:
    """Whether a path is that of a file with a suffix of structure files."""
    return bool(suffix_of(path.name)) and path.is_file()


def structure_files(folder: Path) -> list[Path]:
    """The structure files of a folder by name; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if is_structure_file(path) and not path.name.startswith(".")
    )


def variable_folders() -> list[str]:
    """The folders that the environment names."""
    return [name for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]


def existing_folder(folder: str | Path, key: str) -> Path:
    """The path of a folder that was named by a key, or by a variable if the key is empty.

    Raises:
        UserError: there is no such folder.
    """
    path = at_home(folder)
    if path.is_dir():
        return path
    reason = f"{path}: {'not a folder' if path.exists() else 'no such folder'}"
    raise ConfigError(key, reason) if key else UserError(reason)


def entries_in(folders: Sequence[str | Path]) -> Iterator[tuple[str, Path]]:
    """The entries of the Protein Data Bank in the folders of `paths.structures`, each with its file.

    Raises:
        ConfigError: a folder that does not exist.
    """
    for folder in folders:
        for path in structure_files(existing_folder(folder, "paths.structures")):
            if ENTRY.fullmatch(name := stem_of(path.name)):
                yield name, path
