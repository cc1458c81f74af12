"""`system.force_field=amber14`: ff14SB in vacuum, as OpenMM's amber14-all.xml has it."""

from typing import TYPE_CHECKING

from nnrep.energies import amber
from nnrep.energies.energy import Energy
from nnrep.systems.force_fields.force_field import ForceField
from nnrep.systems.force_fields.parameters import amber_parameters

if TYPE_CHECKING:
    import openmm
    from openmm import app


def _build(topology: "app.Topology", system: "openmm.System", settings: None) -> Energy:
    return Energy(
        amber_parameters(system),
        amber.amber_energy_and_gradient,
        amber.amber_terms,
        amber.coupling_terms,
        amber.local_terms,
        amber.padded,
    )


CHOICE = ForceField(_build, terms=amber.TERMS)
