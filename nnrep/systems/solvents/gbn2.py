"""`system.solvent=gbn2`: generalised Born with necks (igb=8), as OpenMM's implicit/gbn2.xml has it."""

from nnrep.energies import generalized_born
from nnrep.systems.solvents.continuum import with_options
from nnrep.systems.solvents.solvent import Solvent

CHOICE = Solvent("implicit/gbn2.xml", with_options, generalized_born.TERMS)
