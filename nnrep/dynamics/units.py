"""Units of dynamics: dalton, picosecond and kelvin beside a system's own length and energy."""

from typing import NamedTuple

from nnrep.errors import require
from nnrep.systems.system import System

FS_PER_PS = 1e3


class Units(NamedTuple):
    """What joins them.

    Attributes:
        boltzmann: Boltzmann's constant in energy / kelvin.
        mass: of a dalton, in energy ps^2 / length^2.
    """

    boltzmann: float
    mass: float


# By (energy, length); CODATA 2018. A system without units has temperatures in its unit of energy.
UNITS = {
    ("kJ/mol", "nm"): Units(8.31446261815324e-3, 1.0),
    ("eV", "Å"): Units(8.617333262e-5, 1.0364269656e-4),
    ("", ""): Units(1.0, 1.0),
}


def units_of(system: System) -> Units:
    """Those of a system.

    Raises:
        ConfigError: its units are none of `UNITS`.
    """
    own = system.energy_unit, system.length_unit
    known = ", ".join(" and ".join(pair) for pair in UNITS if all(pair))
    require(own in UNITS, "energy_unit", f"with length_unit one of {known}, or both empty", " and ".join(own))
    return UNITS[own]
