"""`Calculator`: the energy of a `System` for ASE's optimisers and dynamics."""

from collections.abc import Sequence
from typing import Any

import ase
import jax
import numpy as np
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes
from jax import Array
from jax.tree_util import Partial

from nnrep.ase.convert import check_elements, positions_in, scale_of
from nnrep.errors import require
from nnrep.host.stored import stored
from nnrep.systems.system import System


class Calculator(AseCalculator):
    """Energy in eV and forces in eV/Angstrom of a system, at positions in Angstrom.

    A program is compiled at the first call, and shared by all systems of one shape. Positions are in the
    frame of the molecule's file, as those of `to_atoms` are. Systems without units are taken to be in ASE's.
    Proteins are evaluated in double precision, whatever the process has. Forces on frozen particles are zero.

    Attributes:
        system: whose energy it is.
    """

    implemented_properties = ["energy", "free_energy", "forces"]  # noqa: RUF012 (as ASE has it)

    def __init__(self, system: System) -> None:
        """Nothing is compiled yet.

        Raises:
            ConfigError: it is no system, or has units that are not known.
        """
        super().__init__()
        self._scale = scale_of(system)
        self.system = system

    def calculate(
        self,
        atoms: ase.Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """See ASE's `Calculator.calculate`; energy and forces come together."""
        if self.system.molecule is not None and {"numbers", "pbc"} & set(system_changes):
            # Before ASE takes them for known.
            self._check_kind(self.atoms if atoms is None else atoms)
        super().calculate(atoms, properties, system_changes)
        value, gradient = _evaluated(self.system, positions_in(self.system, self.atoms))
        slope = np.asarray(gradient, float)[: self.system.n] * self._scale.ev / self._scale.angstrom
        forces = np.pad(-slope, ((0, 0), (0, 3 - slope.shape[1])))
        energy = float(value) * self._scale.ev
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}

    def _check_kind(self, atoms: ase.Atoms) -> None:
        """Atoms are a molecule's, and alone, as its energy has no period."""
        if len(atoms) == self.system.n:
            check_elements(self.system, atoms)
        allowed = "not periodic, as the energy is of the molecule alone: atoms.pbc = False"
        require(not atoms.pbc.any(), "atoms", allowed, f"pbc {atoms.pbc.tolist()}")

    @property
    def jax_energy(self) -> Partial:
        """positions (n, 3) in Angstrom -> energy in eV, a JAX function; `System.from_ase` takes it."""
        system = self.system
        origin = np.zeros(system.positions.shape[1]) if system.origin is None else system.origin
        dummies = np.asarray(system.positions)[system.n :]
        return Partial(_in_ase_units, system.energy, self._scale, origin, dummies)


def _in_ase_units(energy: Partial, scale: Any, origin: Array, dummies: Array, positions: Array) -> Array:
    own = positions[:, : len(origin)] / scale.angstrom - origin
    return scale.ev * energy(jax.numpy.concatenate([own, dummies]))


def _evaluated(system: System, positions: np.ndarray) -> tuple[Array, Array]:
    """Energy and gradient, in double precision where the system has its energy in it."""
    if system.exact is None:
        return _energy_and_gradient(system.energy, positions)
    with jax.enable_x64(True):
        return _energy_and_gradient(system.exact_energy, np.asarray(positions, np.float64))


@stored
def _energy_and_gradient(energy: Partial, positions: Array) -> tuple[Array, Array]:
    return jax.value_and_grad(energy)(positions)
