"""`system.solvent=obc2`: generalised Born (igb=5), as OpenMM's implicit/obc2.xml has it."""

from nnrep.energies import generalized_born
from nnrep.systems.solvents.continuum import with_options
from nnrep.systems.solvents.solvent import Solvent

CHOICE = Solvent("implicit/obc2.xml", with_options, generalized_born.TERMS)
