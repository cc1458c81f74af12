"""The engines by name."""

from collections.abc import Mapping
from typing import Any

from nnrep.choices.registry import Registry
from nnrep.choices.settings import choose
from nnrep.errors import named_under
from nnrep.sweep.engines.engine import EngineSettings

ENGINES: Registry[type[EngineSettings]] = Registry("engine", "nnrep.sweep.engines")


def engine_settings(values: Mapping[str, Any], group: str = "engine") -> EngineSettings:
    """The settings of an engine.

    Args:
        values: key -> value, `name` among them; the others have their defaults.
        group: of the keys, as messages name it.

    Raises:
        ConfigError: an unknown engine or key, or a value that cannot be used; names the key.
    """
    with named_under(group):
        return choose(ENGINES, dict(values))
