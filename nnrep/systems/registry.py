"""Systems by name."""

from typing import Any

import numpy as np

from nnrep.errors import ConfigError
from nnrep.schema import build
from nnrep.systems.loop import LoopConfig, loop_system
from nnrep.systems.system import System


def load_system(name: str, *, seed: int = 0, **options: Any) -> System:
    """A system by name, its options as the configuration group `system` has them.

    Example: ``load_system("loop", n=200, potential="pure_lj")``.

    Args:
        name: "loop".
        seed: of the start that `System.positions` holds; `minimize` draws the starts of its own seeds.
        options: fields of `LoopConfig`; enums by name.

    Raises:
        ConfigError: unknown name or option, wrong type, value out of range.
    """
    if name not in SYSTEMS:
        raise ConfigError("system", f"must be one of {', '.join(SYSTEMS)}, got {name}")
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in options.items()}
    return system_from_config(build(SYSTEMS[name], plain), seed)


def system_from_config(config: LoopConfig, seed: int = 0) -> System:
    """The system that a checked configuration describes."""
    return loop_system(config, seed)


SYSTEMS = {"loop": LoopConfig}
