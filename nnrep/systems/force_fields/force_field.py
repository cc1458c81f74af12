"""`ForceField`: a choice of `system.force_field`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from nnrep.energies.energy import Energy

if TYPE_CHECKING:
    import openmm
    from openmm import app

    from nnrep.systems.force_fields.parameters import Cutoff


class ForceField(NamedTuple):
    """An energy of molecules, in nm and kJ/mol.

    Attributes:
        build: (topology, its OpenMM system in vacuum on AMBER14, settings) -> the energy with the molecule's
            parameters. Raises `ConfigError` for what it does not know.
        terms: names of its terms, by which tables have them: energy_NAME.
        settings: a checked dataclass of its own settings, the group `system.NAME`; None if it has none.
        with_cutoff: (OpenMM system, where pairs end) -> the energy with a cutoff; None if it knows none.
        in_openmm: whether it is the energy that OpenMM's own minimiser and dynamics have as well.
        in_solvent: whether a solvent can be added to it.
    """

    build: "Callable[[app.Topology, openmm.System, Any], Energy]"
    terms: tuple[str, ...]
    settings: type | None = None
    with_cutoff: "Callable[[openmm.System, Cutoff], Energy] | None" = None
    in_openmm: bool = True
    in_solvent: bool = False
