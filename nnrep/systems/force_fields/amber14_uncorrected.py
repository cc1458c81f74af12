"""`system.force_field=amber14_uncorrected`: what the paper's code sums in place of AMBER14."""

from typing import TYPE_CHECKING

from nnrep.energies import amber, amber_uncorrected
from nnrep.energies.energy import Energy
from nnrep.systems.force_fields.force_field import ForceField
from nnrep.systems.force_fields.parameters import uncorrected_parameters

if TYPE_CHECKING:
    import openmm
    from openmm import app


def _build(topology: "app.Topology", system: "openmm.System", settings: None) -> Energy:
    return Energy(
        uncorrected_parameters(system),
        amber_uncorrected.uncorrected_energy_and_gradient,
        amber_uncorrected.uncorrected_terms,
        amber_uncorrected.coupling_terms,
        amber_uncorrected.local_terms,
        amber_uncorrected.padded,
        amber_uncorrected.ALL_PAIRS,
    )


CHOICE = ForceField(_build, terms=amber.TERMS, in_openmm=False)
