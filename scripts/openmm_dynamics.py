"""OpenMM's `LangevinMiddleIntegrator` on the energy of a system, with the masses that our dynamics has."""

import numpy as np
import openmm

from nnrep.dynamics.masses import holds_centre, masses_of
from nnrep.dynamics.settings import Constraints, DynamicsSettings
from nnrep.structures.force_field import Continuum
from nnrep.structures.simulation import Solvent, heat, langevin, open_context, solvated
from nnrep.systems.system import System


def dynamics_of(
    system: System, continuum: Continuum | None, settings: DynamicsSettings, seed: int, positions: np.ndarray
) -> openmm.Context:
    """A simulation on the CPU platform, which has single precision, on one thread.

    All forces act in every step. Of the settings' temperatures it has the first.

    Args:
        system: a molecule's, on AMBER.
        continuum: its solvent; None: vacuum.
        settings: time step, friction, masses, constraints.
        seed: of velocities and noise.
        positions: (n, 3) in nm.
    """
    assert system.molecule is not None
    assert settings.fastest_period_fs is None, "OpenMM has no mass matrix"
    rigid = settings.constraints is Constraints.hydrogen_bonds
    simulated, _ = solvated(system.molecule, positions, Solvent.vacuum, rigid, continuum)
    for atom, mass in enumerate(masses_of(system, settings).tolist()):
        simulated.setParticleMass(atom, mass)
    if holds_centre(system, settings):
        simulated.addForce(openmm.CMMotionRemover())
    kelvin = settings.temperatures_k[0]
    integrator = langevin(kelvin, settings.friction_per_ps, settings.time_step_fs, seed)
    context = open_context(simulated, integrator, "CPU", 1)
    context.setPositions(positions)
    heat(context, kelvin, seed)
    return context
