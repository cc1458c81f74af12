"""The force fields by name."""

from nnrep.choices.registry import Registry
from nnrep.structures.force_field_names import files_of, is_of_files
from nnrep.systems.force_fields.files import OF_FILES
from nnrep.systems.force_fields.force_field import ForceField

FORCE_FIELDS: Registry[ForceField] = Registry("force field", "nnrep.systems.force_fields")


def force_field_of(name: str, key: str) -> ForceField:
    """A force field by its name, or by its files.

    Raises:
        ConfigError: naming the key: there is none.
    """
    if name in FORCE_FIELDS or not is_of_files(name):
        return FORCE_FIELDS.named(name, key)
    files_of(name)
    return OF_FILES


def term_names() -> list[str]:
    """The names of the terms of all force fields, each once."""
    return list(dict.fromkeys(name for known in FORCE_FIELDS.values() for name in known.terms))
