"""`system.solvent=vacuum`: nothing."""

from nnrep.systems.solvents.solvent import Solvent

CHOICE = Solvent()
