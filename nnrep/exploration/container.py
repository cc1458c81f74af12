"""The container that keeps particles and molecules from flying apart, in dynamics alone."""

import numpy as np

from nnrep.dynamics.units import units_of
from nnrep.energies.container import container
from nnrep.errors import require
from nnrep.exploration.settings import ExploreConfig
from nnrep.exploration.shape import may_fall_apart
from nnrep.systems.system import System, with_energy

DEPTH = 0.05  # of the radius: how deep particles at the highest temperature go into the wall


def radius_of(system: System, config: ExploreConfig) -> float | None:
    """The radius of the container of a system, in its unit of length; None where it has none.

    Raises:
        ConfigError: one is given of a system whose particles are held together, or in their places.
    """
    given = config.container_radius
    if given is None:
        return system.container_radius if may_fall_apart(system) else None
    allowed = f"null, as the particles of {system.name} stay together or in their places"
    require(may_fall_apart(system), "container_radius", allowed, given)
    return given if np.isfinite(given) else None


def contained(system: System, radius: float, kelvin: float) -> System:
    """The system in a container.

    Args:
        system: that may fall apart.
        radius: of the container, in the system's unit of length.
        kelvin: the highest temperature.
    """
    stiffness = units_of(system).boltzmann * kelvin / (DEPTH * radius) ** 2
    masses = np.ones(system.n) if system.masses is None else np.asarray(system.masses, float)
    return with_energy(system, container(radius, stiffness, np.pad(masses, (0, system.dummies))))
