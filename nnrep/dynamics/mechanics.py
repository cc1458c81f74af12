"""A system as dynamics sees it: forces, masses, constraints and numbers, prepared by NumPy."""

import jax
import numpy as np

from nnrep.dynamics.constraints import count_of, stars_of
from nnrep.dynamics.forces import forces_of
from nnrep.dynamics.langevin import Mechanics, Numerics
from nnrep.dynamics.masses import particles_of
from nnrep.dynamics.settings import Constraints, DynamicsSettings
from nnrep.dynamics.units import FS_PER_PS
from nnrep.energies.arrays import on_device
from nnrep.systems.system import System

_last: list[tuple[System, DynamicsSettings, bool, Mechanics]] = []  # one at most


def mechanics_of(system: System, settings: DynamicsSettings) -> Mechanics:
    """That of a system, on the device; the last one is kept.

    Raises:
        ConfigError: settings that the system cannot have.
    """
    wide = bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]
    for known, own, precision, mechanics in _last:
        if known is system and own == settings and precision == wide:
            return mechanics
    mechanics = _prepared(system, settings)
    _last[:] = [(system, settings, wide, mechanics)]
    return mechanics


def _prepared(system: System, settings: DynamicsSettings) -> Mechanics:
    forces = forces_of(system, settings.outer_every)
    particles = particles_of(system, settings)
    stars = None
    if settings.constraints is Constraints.hydrogen_bonds:
        stars = stars_of(system, particles)
        particles = particles._replace(freedom=particles.freedom - count_of(stars))
    step, every = settings.time_step_fs / FS_PER_PS, settings.outer_every
    numerics = Numerics(np.asarray(step), np.asarray(every), np.asarray(settings.friction_per_ps))
    return Mechanics(forces, *on_device((particles, stars, numerics)))
