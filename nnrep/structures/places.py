"""Where structures are found: the one in the package, files, folders, the cache, the Protein Data Bank."""

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from nnrep.errors import ConfigError
from nnrep.host.cache import cache_folder
from nnrep.host.text import readable
from nnrep.structures.fetch import fetch
from nnrep.structures.file_names import (
    EMBEDDED,
    ENTRY,
    FORMATS,
    SUFFIXES,
    VARIABLE,
    at_home,
    existing_folder,
    stem_of,
    structure_files,
    suffix_of,
    variable_folders,
)
from nnrep.structures.parse import unpacked

EMBEDDED_ORIGIN = "embedded in nnrep"


class Found(NamedTuple):
    """A structure that was found.

    Attributes:
        name: the file's name without its suffix, or the entry's letters in upper case.
        origin: for people: a path, an address, or "embedded in nnrep".
        path: the file, None if there is none.
        data: what it holds, decompressed.
    """

    name: str
    origin: str
    path: Path | None
    data: bytes


class Listed(NamedTuple):
    """A structure in one of the places where entries are looked for.

    Attributes:
        name: as in `Found`.
        place: "embedded", "folder", "NNREP_STRUCTURES" or "cache".
        origin: as in `Found`.
    """

    name: str
    place: str
    origin: str


def find_structure(pdb: str | None, folders: Sequence[str | Path], *, cache: Path | None = None) -> Found:
    """Find a structure.

    Args:
        pdb: None for the Trp-cage in the package (1L2Y, model 1); a PDB or mmCIF file, may be gzipped; or
            the four letters of an entry of the Protein Data Bank, which is looked for in `folders`, in
            those of the variable NNREP_STRUCTURES, in the cache, in the package, and at last fetched.
        folders: where entries are looked for first.
        cache: where fetched entries are kept, None for `structures` in the user's cache.

    Raises:
        UserError: no such file, entry or folder, no network, a damaged or empty file.
    """
    if pdb is None:
        return embedded()
    if ENTRY.fullmatch(pdb):
        return _find_entry(pdb.upper(), folders, cache or fetched_folder())
    if suffix_of(pdb):
        return from_file(at_home(pdb))
    if re.fullmatch(r"\d+(\.\d+)?([eE][+-]?\d+)?", pdb):
        reason = f"{pdb} is a number; quote an entry that reads like one, as in pdb: '1E10'"
        raise ConfigError("system.pdb", reason)
    known = f"a file ({', '.join(FORMATS)}, or one of these with .gz) nor the four letters of a PDB entry"
    raise ConfigError("system.pdb", f"{pdb!r} is neither {known} such as {EMBEDDED}")


def embedded() -> Found:
    """The Trp-cage in the package."""
    data = files("nnrep.structures").joinpath("data", f"{EMBEDDED}.pdb").read_bytes()
    return Found(EMBEDDED, EMBEDDED_ORIGIN, None, data)


def from_file(path: Path, name: str | None = None, key: str = "system.pdb") -> Found:
    """The structure in a file, named after it; the key is where it was asked for.

    Raises:
        UserError: there is no such file, or it is empty or damaged.
    """
    if not path.is_file():
        raise ConfigError(key, f"{path}: {'a folder' if path.is_dir() else 'no such file'}")
    return Found(
        name or readable(stem_of(path.name)), str(path), path, unpacked(path.read_bytes(), str(path))
    )


def fetched_folder() -> Path:
    """Where fetched entries are kept."""
    return cache_folder() / "structures"


def list_structures(folders: Sequence[str | Path]) -> list[Listed]:
    """All structures in the package, in folders, in those of NNREP_STRUCTURES, and in the cache.

    Raises:
        UserError: a folder that does not exist.
    """
    listed = [Listed(EMBEDDED, "embedded", EMBEDDED_ORIGIN)]
    for place, folder in _places(folders, "", fetched_folder()):
        listed += [Listed(stem_of(path.name), place, str(path)) for path in structure_files(folder)]
    return listed


def _find_entry(entry: str, folders: Sequence[str | Path], cache: Path) -> Found:
    places = list(_places(folders, "paths.structures", cache))
    for _, folder in places:
        path = _entry_file(folder, entry)
        if path is not None:
            return from_file(path, entry)
    if entry == EMBEDDED:
        return embedded()
    looked = ", ".join(str(folder) for _, folder in places)
    data, origin = fetch(entry, cache / f"{entry}.cif.gz", looked)
    return Found(entry, origin, None, data)


def _places(folders: Sequence[str | Path], key: str, cache: Path) -> Iterator[tuple[str, Path]]:
    """What each place is called, and where it is; the key is where the folders were named."""
    for folder in folders:
        yield "folder", existing_folder(folder, key)
    for name in variable_folders():
        yield VARIABLE, existing_folder(name, VARIABLE)
    yield "cache", cache


def _entry_file(folder: Path, entry: str) -> Path | None:
    """The file of an entry in a folder: 1UNC.pdb, pdb1unc.ent, or the only 1UNC_*.pdb; gzipped or not."""
    paths = {path.name.lower(): path for path in structure_files(folder)}
    letters = entry.lower()
    exact = [f"{letters}{suffix}" for suffix in SUFFIXES] + [f"pdb{letters}.ent", f"pdb{letters}.ent.gz"]
    for name in exact:
        if name in paths:
            return paths[name]
    parts = [path for name, path in paths.items() if name.startswith(f"{letters}_") and name.endswith(".pdb")]
    if len(parts) > 1:
        names = ", ".join(path.name for path in parts)
        raise ConfigError("system.pdb", f"{entry} may be any of {names} in {folder}: name one with its path")
    return parts[0] if parts else None
