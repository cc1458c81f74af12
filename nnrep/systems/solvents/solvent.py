"""`Solvent`: a choice of `system.solvent`, and its options."""

import math
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from nnrep.choices.settings import settings
from nnrep.energies.energy import Energy
from nnrep.errors import require

if TYPE_CHECKING:
    import openmm


class Surface(Enum):
    """The term of the molecule's surface: none, or that of ACE."""

    none = "none"
    ace = "ace"


@settings("system/protein", "solvent_options")
class SolventOptions:
    """The group `system.solvent_options`; `configs/system/protein.yaml` explains the defaults.

    Attributes:
        solute_dielectric, solvent_dielectric: constants within the molecule and around it.
        kappa: of the salt, in 1/nm, as OpenMM's `implicitSolventKappa`; zero without any.
        surface: ace or none.
    """

    solute_dielectric: float
    solvent_dielectric: float
    kappa: float
    surface: Surface

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        for name in ("solute_dielectric", "solvent_dielectric"):
            value = getattr(self, name)
            require(1 <= value < math.inf, name, "at least 1", value)
        require(0 <= self.kappa < math.inf, "kappa", "zero or positive, in 1/nm", self.kappa)


class Solvent(NamedTuple):
    """What surrounds a molecule.

    Attributes:
        file: of OpenMM's that has it, "implicit/gbn2.xml"; None for nothing at all.
        build: (the force that this file adds to the molecule's OpenMM system, options) -> the energy that it
            adds to a force field's, in nm and kJ/mol; None for nothing.
        terms: names of its terms, by which tables have them: energy_NAME.
    """

    file: str | None = None
    build: "Callable[[openmm.CustomGBForce, SolventOptions], Energy] | None" = None
    terms: tuple[str, ...] = ()
