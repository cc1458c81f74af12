"""The engines by name, and by the files that they write."""

from pathlib import Path

from nnrep.choices.registry import Registry
from nnrep.errors import ConfigError
from nnrep.structures.engines.engine import Engine

ENGINES: Registry[Engine] = Registry("engine", "nnrep.structures.engines")


def engine_of(topology: str, key: str) -> str:
    """The name of the engine that a topology file is of, by its suffix.

    Raises:
        ConfigError: there is none.
    """
    suffix = Path(topology).suffix.lower()
    for name, engine in ENGINES.items():
        if suffix in engine.suffixes:
            return name
    known = ", ".join(f"{' or '.join(engine.suffixes)} ({engine.title})" for engine in ENGINES.values())
    raise ConfigError(key, f"must be a topology: {known}; got {topology}")
