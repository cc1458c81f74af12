"""The stopping rules by name."""

from nnrep.choices.registry import Registry
from nnrep.minimization.stopping.settings import RuleChoice

RULES: Registry[RuleChoice] = Registry("stopping rule", "nnrep.minimization.stopping")
