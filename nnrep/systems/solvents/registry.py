"""The solvents by name."""

from nnrep.choices.registry import Registry
from nnrep.systems.solvents.solvent import Solvent

SOLVENTS: Registry[Solvent] = Registry("solvent", "nnrep.systems.solvents")
