"""The optimisers by name."""

from nnrep.choices.registry import Registry
from nnrep.minimization.optimizers.settings import OptimizerConfig

OPTIMIZERS: Registry[type[OptimizerConfig]] = Registry.of_group("optimiser", "optimizer")
