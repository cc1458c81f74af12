"""Structures whose names match patterns, as a shell has them: `pdb/*.pdb`."""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path

from nnrep.errors import ConfigError
from nnrep.structures.file_names import FORMATS, entries_in, is_structure_file


def matching_structures(
    include: Sequence[str], exclude: Sequence[str] = (), folders: Sequence[str | Path] = ()
) -> list[str]:
    """The structures that match any of some patterns, sorted and each once.

    Args:
        include: patterns of files, relative to the working directory; `**` stands for any folders. The
            names of entries of the Protein Data Bank in `folders` may match as well.
        exclude: patterns of the paths or names that are left out.
        folders: where entries are looked for.

    Raises:
        ConfigError: nothing matches, or a folder is not there.
    """
    found: dict[str, str] = {}  # absolute path -> how it is named
    for path in _files(include):
        found.setdefault(os.path.abspath(path), path)
    for entry, file in entries_in(folders):
        if any(fnmatchcase(entry, pattern.upper()) for pattern in include):
            found.setdefault(os.path.abspath(file), entry)
    names = {name for name in found.values() if not any(_matches(name, pattern) for pattern in exclude)}
    if not names:
        patterns = ", ".join(include) + (f" without {', '.join(exclude)}" if exclude else "")
        kinds = f"({', '.join(FORMATS)}, or one of these with .gz)"
        more = ", nor an entry in paths.structures" if folders else ""
        reason = f"glob({patterns}) matches no structure file {kinds} relative to {Path.cwd()}{more}"
        raise ConfigError("system.pdb", reason)
    return sorted(names)


def _files(patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        for path in glob(os.path.expanduser(pattern), recursive=True):
            if is_structure_file(Path(path)):
                # A name that begins with a tilde would be read as someone's home.
                yield f"./{path}" if path.startswith("~") else path


def _matches(name: str, pattern: str) -> bool:
    whole = fnmatchcase(os.path.normpath(name), os.path.normpath(os.path.expanduser(pattern)))
    return whole or fnmatchcase(os.path.basename(name), pattern)
