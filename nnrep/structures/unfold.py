"""Unfolded starts: a molecule shaken loose by Langevin dynamics at a high temperature."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, field

import numpy as np
import openmm

from nnrep.choices.identity import matters_if
from nnrep.choices.settings import settings
from nnrep.errors import ConfigError, require
from nnrep.structures import store
from nnrep.structures.molecule import Molecule
from nnrep.structures.simulation import (
    Solvent,
    blew_up,
    heat,
    langevin,
    open_context,
    positions_of,
    solvated,
)
from nnrep.structures.write import pdb_text

KIND = "unfolded"  # in the store
VERSION = 1  # raise it where the same configuration comes to mean another dynamics
PIECE = 500  # steps from one report of progress to the next
RELAX_TOLERANCE, RELAX_ITERATIONS = 10.0, 200  # kJ/mol/nm; enough to take the heat out of a bad contact

_IF_SIMULATED = matters_if(lambda unfold: unfold.steps > 0, "system.unfold.steps=0 simulates nothing")


@settings("system/protein", "unfold")
class UnfoldConfig:
    """How a molecule is unfolded.

    Attributes:
        temperature: in K.
        steps: of dynamics.
        timestep_fs: above 1 fs the bonds to hydrogen are held at their lengths, as flexible ones blow up
            at 2 fs and 1000 K.
        friction_per_ps: of the Langevin dynamics.
        solvent: vacuum, implicit or explicit. In vacuum the charges hold a chain together even at 1000 K.
        seed: of velocities and noise.
        minimize: relax the molecule for a moment before.
    """

    temperature: float = field(metadata=_IF_SIMULATED)
    steps: int
    timestep_fs: float = field(metadata=_IF_SIMULATED)
    friction_per_ps: float = field(metadata=_IF_SIMULATED)
    solvent: Solvent
    seed: int = field(metadata=_IF_SIMULATED)
    minimize: bool

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        require(0 < self.temperature < math.inf, "temperature", "positive", self.temperature)
        require(0 <= self.steps < 2**31, "steps", "from 0 to 2^31 - 1", self.steps)
        require(0 < self.timestep_fs < math.inf, "timestep_fs", "positive", self.timestep_fs)
        friction = self.friction_per_ps
        require(0 <= friction < math.inf, "friction_per_ps", "zero or positive", friction)
        require(0 <= self.seed < 2**31, "seed", "from 0 to 2^31 - 1", self.seed)


def unfolded(
    molecule: Molecule, config: UnfoldConfig, on_progress: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """The molecule after dynamics at a high temperature, made once and then taken from the store.

    Args:
        molecule: in its native state, where the dynamics starts.
        config: how.
        on_progress: called with steps done and steps in all while the dynamics runs; what it raises goes
            through, and nothing is stored then.

    Returns:
        (n, 3) in nm, rounded to 1e-4 nm, centred at the origin.

    Raises:
        ConfigError: the dynamics blew up.
    """
    key = unfolding_key(molecule, config)
    text = store.load(KIND, key)
    if text is None:
        text = pdb_text(molecule.topology, _simulated(molecule, config, on_progress), KIND)
        store.save(KIND, key, text)
    # Read back even when fresh, so that fresh and stored are the same numbers.
    positions = Molecule.from_pdb(text, molecule.name, KIND).positions
    return positions - positions.mean(axis=0)


def unfolding_key(molecule: Molecule, config: UnfoldConfig) -> str:
    """What an unfolded start is stored under: a hash of all that it depends on."""
    values = {name: getattr(value, "name", value) for name, value in asdict(config).items()}
    parts = [VERSION, molecule.hash, values, openmm.version.full_version]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _simulated(
    molecule: Molecule, config: UnfoldConfig, on_progress: Callable[[int, int], None] | None
) -> np.ndarray:
    """Positions (n, 3) in nm after the dynamics, centred: those of the molecule, without its water."""
    system, positions = solvated(molecule, molecule.positions, config.solvent, config.timestep_fs > 1)
    integrator = langevin(config.temperature, config.friction_per_ps, config.timestep_fs, config.seed)
    # Several threads sum forces in an order of their own each time, even when told to be deterministic.
    context = open_context(system, integrator, "CPU", threads=1)
    context.setPositions(positions)
    try:
        if config.minimize:
            openmm.LocalEnergyMinimizer.minimize(context, RELAX_TOLERANCE, RELAX_ITERATIONS)
        heat(context, config.temperature, config.seed)
        for done in range(0, config.steps, PIECE):
            piece = min(PIECE, config.steps - done)
            integrator.step(piece)
            if on_progress is not None:
                on_progress(done + piece, config.steps)
        end = positions_of(context)[: molecule.n]
    except openmm.OpenMMException as error:
        if not blew_up(error):
            raise
        raise _blown_up(config) from error
    if not np.all(np.isfinite(end)):
        raise _blown_up(config)
    return end - end.mean(axis=0)


def _blown_up(config: UnfoldConfig) -> ConfigError:
    wanted = f"short enough for dynamics at {config.temperature:g} K"
    return ConfigError(
        "system.unfold.timestep_fs", f"must be {wanted}, which blew up, got {config.timestep_fs:g}"
    )
