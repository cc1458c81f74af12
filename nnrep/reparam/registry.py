"""The maps by name."""

from nnrep.choices.registry import Registry
from nnrep.reparam.settings import MapConfig

MAPS: Registry[type[MapConfig]] = Registry.of_group("map", "reparam")
