"""Positions of systems as ASE has them: in Angstrom, in the frame of the molecule's file, with three axes."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import ase
import numpy as np
from ase import units
from ase.constraints import FixAtoms
from ase.data import chemical_symbols
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.errors import AsCode, require, require_kind
from nnrep.systems.frozen import released
from nnrep.systems.system import System, perturbed

UNKNOWN = "X"  # symbol of a particle without an element
# Units of systems in those of ASE. A system without units is taken to be in those of ASE.
LENGTHS = {"nm": units.nm, "Å": 1.0, "": 1.0}
ENERGIES = {"kJ/mol": units.kJ / units.mol, "kcal/mol": units.kcal / units.mol, "eV": 1.0, "": 1.0}


class Scale(NamedTuple):
    """A system's units in those of ASE."""

    angstrom: float
    ev: float


def scale_of(system: System) -> Scale:
    """The units of a system.

    Raises:
        ConfigError: it has units that are not known.
    """
    require_kind(system, System, "system", "a nnrep.System")
    length, energy = system.length_unit, system.energy_unit
    require(length in LENGTHS, "length_unit", f"one of {', '.join(filter(None, LENGTHS))}, or empty", length)
    require(
        energy in ENERGIES, "energy_unit", f"one of {', '.join(filter(None, ENERGIES))}, or empty", energy
    )
    return Scale(LENGTHS[length], ENERGIES[energy])


def positions_in(system: System, atoms: ase.Atoms) -> np.ndarray:
    """Where atoms are, as positions (n, d) of a system in its own unit and frame, dummies behind them.

    Raises:
        ConfigError: their number is not that of the system's particles.
    """
    require_kind(atoms, ase.Atoms, "atoms", "an ase.Atoms")
    require(len(atoms) == system.n, "atoms", f"{system.n} atoms, as the system has", f"{len(atoms)}")
    own = atoms.positions[:, : system.positions.shape[1]] / scale_of(system).angstrom
    return system.with_dummies(system.from_file_frame(own))


def check_elements(system: System, atoms: ase.Atoms) -> None:
    """Atoms are those of a system's molecule, as far as their elements say; other systems have none.

    Raises:
        ConfigError: naming the first that differs.
    """
    if system.molecule is None:
        return
    for index, (wanted, given) in enumerate(zip(_symbols(system), atoms.symbols, strict=True)):
        allowed = f"of the molecule's elements in its order: {wanted} at {index}"
        require(wanted == given or UNKNOWN in (wanted, given), "atoms", allowed, given)


def start_at(system: System, atoms: ase.Atoms) -> System:
    """The system, started where atoms are: ``start_at(system, ase.io.read("start.extxyz"))``.

    All seeds start there, and frozen particles stay there. References of restraints stay where they were.

    Args:
        system: any system.
        atoms: as many as it has particles, in its order; in Angstrom, in the frame of the molecule's file.

    Raises:
        ConfigError: their number differs, or their elements.
    """
    positions = positions_in(system, atoms)
    check_elements(system, atoms)
    start = on_device(positions)
    return replace(system, positions=start, draw_start=None, draw_configuration=_drawn_about(system, start))


def _drawn_about(system: System, start: Array) -> Callable | None:
    """What modes are sampled from: of a molecule its start with noise."""
    drawn = released(system.draw_configuration)
    return Partial(perturbed, start, *drawn.args[1:]) if getattr(drawn, "func", None) is perturbed else drawn


def to_atoms(system: System, positions: np.ndarray | None = None, like: ase.Atoms | None = None) -> ase.Atoms:
    """A system as ASE's atoms; frozen particles are held by FixAtoms.

    Args:
        system: any system.
        positions: (n, d) as a `Result` has them; None for the start of the system.
        like: atoms whose elements and cell are taken, for a system made by `System.from_ase`; None takes the
            molecule's, or beads of element X.

    Raises:
        ConfigError: positions of another shape.
    """
    shape = (system.n, system.positions.shape[1])
    if positions is None:
        positions = system.in_file_frame(np.asarray(system.positions, float)[: system.n])
    require(np.shape(positions) == shape, "positions", f"of shape {shape}", AsCode(np.shape(positions)))
    in_space = np.pad(np.asarray(positions, float), ((0, 0), (0, 3 - shape[1])))
    atoms = like.copy() if like is not None else ase.Atoms(_symbols(system))
    require(len(atoms) == system.n, "like", f"{system.n} atoms, as the system has", len(atoms))
    if like is None and system.masses is not None:
        atoms.set_masses(system.masses)
    atoms.set_positions(scale_of(system).angstrom * in_space, apply_constraint=False)
    if system.frozen is not None:
        atoms.set_constraint(FixAtoms(mask=system.frozen))
    return atoms


def _symbols(system: System) -> list[str]:
    """Of each particle; deuterium, which ASE does not know, is hydrogen."""
    if system.molecule is None:
        return [UNKNOWN] * system.n
    elements = [atom.element for atom in system.molecule.topology.atoms()]
    return [UNKNOWN if element is None else chemical_symbols[element.atomic_number] for element in elements]
