"""A system as dynamics sees it: forces, masses, constraints and numbers, prepared by NumPy."""

import numpy as np

from nnrep.dynamics.constraints import count_of, stars_of
from nnrep.dynamics.forces import forces_of
from nnrep.dynamics.langevin import Mechanics, Numerics
from nnrep.dynamics.masses import particles_of
from nnrep.dynamics.settings import Constraints, DynamicsSettings
from nnrep.dynamics.units import FS_PER_PS
from nnrep.energies.arrays import on_device
from nnrep.systems.system import System


def mechanics_of(system: System, settings: DynamicsSettings) -> Mechanics:
    """That of a system, on the device.

    Raises:
        ConfigError: settings that the system cannot have.
    """
    forces = forces_of(system, settings.outer_every)
    particles = particles_of(system, settings)
    stars = None
    if settings.constraints is Constraints.hydrogen_bonds:
        stars = stars_of(system, particles)
        particles = particles._replace(freedom=particles.freedom - count_of(stars))
    step, every = settings.time_step_fs / FS_PER_PS, settings.outer_every
    numerics = Numerics(np.asarray(step), np.asarray(every), np.asarray(settings.friction_per_ps))
    return Mechanics(forces, *on_device((particles, stars, numerics)))
