"""`system.force_field=amber14`: ff14SB in vacuum, as OpenMM's amber14-all.xml has it."""

from typing import TYPE_CHECKING

from nnrep.energies import amber
from nnrep.energies.energy import Energy
from nnrep.systems.force_fields.force_field import ForceField
from nnrep.systems.force_fields.parameters import Cutoff, amber_parameters, amber_parameters_with_cutoff

if TYPE_CHECKING:
    import openmm
    from openmm import app


def _build(topology: "app.Topology", system: "openmm.System", settings: None) -> Energy:
    return amber.whole_energy(amber_parameters(system))


def _with_cutoff(system: "openmm.System", cutoff: Cutoff) -> Energy:
    return amber.whole_energy(amber_parameters_with_cutoff(system, cutoff))


CHOICE = ForceField(_build, terms=amber.TERMS, with_cutoff=_with_cutoff, in_solvent=True)
