"""The force fields by name."""

from nnrep.choices.registry import Registry
from nnrep.errors import ConfigError, similar
from nnrep.structures.force_field_names import PACKAGED, files_of, is_of_files
from nnrep.systems.force_fields.files import OF_FILES
from nnrep.systems.force_fields.force_field import ForceField

FORCE_FIELDS: Registry[ForceField] = Registry("force field", "nnrep.systems.force_fields")


def force_field_of(name: str, key: str) -> ForceField:
    """A force field by its name, or by its files.

    Raises:
        ConfigError: naming the key: there is none.
    """
    if name in FORCE_FIELDS:
        return FORCE_FIELDS[name]
    if is_of_files(name):
        files_of(name)
        return OF_FILES
    names = (*FORCE_FIELDS.names, *PACKAGED)
    allowed = f"one of {', '.join(names)}, or files of OpenMM (FILE.xml[,FILE.xml])"
    raise ConfigError(key, f"must be {allowed}, got {name}{similar(name, names)}")


def term_names() -> list[str]:
    """The names of the terms of all force fields, each once."""
    return list(dict.fromkeys(name for known in FORCE_FIELDS.values() for name in known.terms))
