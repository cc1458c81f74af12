"""`system.force_field=FILE.xml[,FILE.xml]`: OpenMM's files of another force field."""

from typing import TYPE_CHECKING

from nnrep.energies import amber
from nnrep.energies.energy import Energy
from nnrep.errors import ConfigError
from nnrep.structures.force_field_names import KEY
from nnrep.systems.force_fields.force_field import ForceField

if TYPE_CHECKING:
    import openmm
    from openmm import app


def _build(topology: "app.Topology", system: "openmm.System", settings: None) -> Energy:
    from nnrep.systems.force_fields.openmm_forces import UnknownForcesError, energy_of_system

    try:
        return energy_of_system(system)
    except UnknownForcesError as error:
        raise ConfigError(KEY, f"its files have {error}") from error


OF_FILES = ForceField(_build, terms=amber.TERMS, in_solvent=True)
