"""The baselines by name."""

from nnrep.baselines.settings import BaselineConfig
from nnrep.choices.registry import Registry

BASELINES: Registry[type[BaselineConfig]] = Registry.of_group("baseline", "baseline")
