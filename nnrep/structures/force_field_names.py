"""Force fields in OpenMM's XML files by name: where the files are found."""

import re
from importlib.util import find_spec
from pathlib import Path

from nnrep.choices.identity import hash_of_bytes
from nnrep.errors import ConfigError
from nnrep.structures.file_names import at_home

KEY, SUFFIX = "system.force_field", ".xml"
INCLUDED = re.compile(rb"""<Include\b[^>]*?\bfile\s*=\s*["']([^"']+)["']""")
# Names of files that a package has, which are not ours to ship.
PACKAGED = {"amber14_onlysc": ("openmmforcefields", "ffxml/amber/protein.ff14SBonlysc.xml")}


def is_of_files(force_field: str) -> bool:
    """Whether a force field is given by files, or by a name that stands for one."""
    return force_field in PACKAGED or force_field.endswith(SUFFIX)


def files_of(force_field: str) -> list[Path]:
    """The files of a force field, FILE.xml[,FILE.xml]: each a path, or the name of one that OpenMM has.

    Raises:
        ConfigError: there is no such file.
    """
    if force_field in PACKAGED:
        return [_packaged(force_field)]
    return [_found(name.strip()) for name in force_field.split(",")]


def _packaged(name: str) -> Path:
    package, file = PACKAGED[name]
    spec = find_spec(package)
    for folder in [] if spec is None else spec.submodule_search_locations or []:
        if (path := Path(folder) / file).is_file():
            return path
    wanted = f"the path of {Path(file).name} of {package}, or that package installed"
    raise ConfigError("force_field", f"must be {wanted}, which is not part of nnrep; got {name}")


def _found(name: str) -> Path:
    from nnrep.structures.openmm_names import DATA  # OpenMM is loaded for files alone

    for place in (at_home(name), DATA / name):
        if name.endswith(SUFFIX) and place.is_file():
            return place
    raise ConfigError("force_field", f"{name or 'nothing'}: no such {SUFFIX} file, and none that OpenMM has")


def hashes_of(force_field: str) -> list[str]:
    """A short hash of what each file of a force field holds, with the files that it includes."""
    return [hash_of_bytes(_whole(path, set())) for path in files_of(force_field)]


def _whole(path: Path, above: set[Path]) -> bytes:
    """What a file holds, then what those hold that it includes, wherever OpenMM finds them."""
    if path in above or not path.is_file():  # the latter OpenMM says where it reads the file
        return b""
    text = path.read_bytes()
    names = (name.decode() for name in INCLUDED.findall(text))
    own = above | {path}
    return text + b"".join(_whole(_beside(name, path), own) for name in names)


def _beside(name: str, path: Path) -> Path:
    """An included file where OpenMM looks for it: beside the other, then as it is named, then in folders of
    OpenMM's and of packages of force fields."""
    from openmm.app import forcefield

    places = [
        path.parent / name,
        Path(name),
        *(Path(each) / name for each in forcefield._getDataDirectories()),
    ]
    return next((place for place in places if place.is_file()), places[0])


def potential_name(force_field: str) -> str:
    """What a force field is called in tables: files without folder and suffix."""
    if not force_field.endswith(SUFFIX):
        return force_field
    return "+".join(Path(name.strip()).stem for name in force_field.split(","))
