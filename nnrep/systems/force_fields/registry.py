"""The force fields by name."""

from nnrep.choices.registry import Registry
from nnrep.systems.force_fields.force_field import ForceField

FORCE_FIELDS: Registry[ForceField] = Registry(
    "force field",
    "nnrep.systems.force_fields",
    others=("force_field", "openmm_forces", "parameters", "registry"),
)


def term_names() -> list[str]:
    """The names of the terms of all force fields, each once."""
    return list(dict.fromkeys(name for known in FORCE_FIELDS.values() for name in known.terms))
