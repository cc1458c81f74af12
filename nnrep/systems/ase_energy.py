"""Systems of ASE's atoms, in eV and Angstrom: of a JAX function, or of any calculator, asked on the host."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.energy import Energy
from nnrep.errors import AsCode, ConfigError, require
from nnrep.systems.system import System, as_partial

if TYPE_CHECKING:
    import ase

STEP = 1e-3  # Angstrom that a particle moves at most where the derivative of forces is taken by differences
TERM = "calculator"


def system_from_ase(
    atoms: "ase.Atoms", energy: Callable[[Array], Array] | None = None, name: str | None = None
) -> System:
    """See `System.from_ase`."""
    _check_atoms(atoms)
    function = energy or getattr(atoms.calc, "jax_energy", None)
    calculated = function is None and atoms.calc is not None
    require(
        function is not None or calculated, "atoms", "atoms with a calculator, or energy given", "neither"
    )
    origin = atoms.positions.mean(axis=0)
    of_calculator = _of_calculator(atoms, origin) if calculated else {}
    return System(
        **(of_calculator or {"energy": Partial(_from_origin, as_partial(function), origin)}),
        positions=atoms.positions - origin,
        name=name or atoms.get_chemical_formula(),
        masses=atoms.get_masses(),
        frozen=_frozen(atoms),
        origin=origin,
        energy_unit="eV",
        length_unit="Å",
    )


def _check_atoms(atoms: Any) -> None:
    positions = getattr(atoms, "positions", None)
    usable = positions is not None and hasattr(atoms, "calc") and len(positions) > 0
    require(usable, "atoms", "an ase.Atoms of one atom at least", AsCode(atoms))
    finite = np.isfinite(np.asarray(positions)).all(axis=1)
    first = f"atom {np.argmin(finite)}, which is not"
    require(bool(finite.all()), "atoms", "at positions that are finite", first)


def _frozen(atoms: "ase.Atoms") -> np.ndarray | None:
    """Which atoms (n,) a FixAtoms holds; None for none.

    Raises:
        ConfigError: there are constraints of another kind.
    """
    frozen = np.zeros(len(atoms), bool)
    for constraint in atoms.constraints:
        kind = type(constraint).__name__
        require(kind == "FixAtoms", "atoms", "without constraints other than FixAtoms", kind)
        frozen[constraint.index] = True
    return frozen if frozen.any() else None


def _from_origin(energy: Partial, origin: Array, positions: Array) -> Array:
    return energy(positions + origin)


def _of_calculator(atoms: "ase.Atoms", origin: np.ndarray) -> dict[str, Any]:
    """The energy of a calculator, and the same in double precision where the process computes in single."""
    from ase.calculators.singlepoint import SinglePointCalculator

    stored = isinstance(atoms.calc, SinglePointCalculator)
    given = f"{type(atoms.calc).__name__}, the results of one configuration"
    require(not stored, "atoms.calc", "a calculator that computes", given)
    host = _Host(atoms, origin)
    host(atoms.positions - origin)  # a calculator that lacks something says so here, not amid a program
    exact = None
    if not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        exact = Energy((), _OfParameters(host.on_device), _Terms(host.on_device))
    return {"energy": _energy_of(host.on_device), "exact": exact}


class _Host:
    """A calculator's energy (eV) and gradient (n, 3) (eV/Angstrom) at positions (n, 3) from an origin."""

    def __init__(self, atoms: "ase.Atoms", origin: np.ndarray) -> None:
        """Keep a copy of the atoms without constraints: frozen ones are the system's."""
        self._atoms, self._origin = atoms.copy(), origin
        self._atoms.set_constraint()
        self._atoms.calc = atoms.calc
        self.on_device = _energy_and_gradient_of(self)

    def __call__(self, positions: Any) -> tuple[np.ndarray, np.ndarray]:
        """Energy and gradient in the type of the positions."""
        given = np.asarray(positions)
        self._atoms.positions[:] = given + self._origin
        try:
            energy, forces = _energy_of_forces(self._atoms), self._atoms.get_forces()
        except NotImplementedError as error:
            what = f"must give energy and forces: {str(error).splitlines()[0]}"
            raise ConfigError("atoms.calc", what) from error
        return np.asarray(energy, given.dtype), -np.asarray(forces, given.dtype)


def _energy_of_forces(atoms: "ase.Atoms") -> float:
    """The energy whose derivatives the forces are: with smeared occupations that is the free energy."""
    try:
        return atoms.get_potential_energy(force_consistent=True)
    except NotImplementedError:
        return atoms.get_potential_energy()


def _energy_and_gradient_of(host: Callable) -> Callable[[Array], tuple[Array, Array]]:
    """positions (n, 3) -> energy and gradient, by a callback; derivatives of the gradient by differences."""

    def called(positions: Array) -> tuple[Array, Array]:
        shapes = (
            jax.ShapeDtypeStruct((), positions.dtype),
            jax.ShapeDtypeStruct(positions.shape, positions.dtype),
        )
        return jax.pure_callback(host, shapes, positions, vmap_method="sequential")

    both = jax.custom_jvp(called)

    def derivative(primals: tuple[Array], tangents: tuple[Array]) -> tuple[tuple, tuple]:
        (positions,), (direction,) = primals, tangents
        energy, gradient = both(positions)
        largest = jnp.max(abs(direction))
        h = STEP / jnp.where(largest > 0, largest, 1)
        (_, ahead), (_, behind) = both(positions + h * direction), both(positions - h * direction)
        return (energy, gradient), (jnp.vdot(gradient, direction), (ahead - behind) / (2 * h))

    both.defjvp(derivative)
    return both


def _energy_of(both: Callable[[Array], tuple[Array, Array]]) -> Callable[[Array], Array]:
    """positions (n, 3) -> energy, whose gradient comes with the same call."""

    @jax.custom_jvp
    def energy(positions: Array) -> Array:
        return both(positions)[0]

    def derivative(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
        value, gradient = both(*primals)
        return value, jnp.vdot(gradient, *tangents)

    energy.defjvp(derivative)
    return energy


@dataclass(frozen=True)
class _OfParameters:
    both: Callable[[Array], tuple[Array, Array]]

    def __call__(self, parameters: tuple, positions: Array) -> tuple[Array, Array]:
        return self.both(positions)


@dataclass(frozen=True)
class _Terms:
    both: Callable[[Array], tuple[Array, Array]]

    def __call__(self, parameters: tuple, positions: Array) -> dict[str, Array]:
        return {TERM: self.both(positions)[0]}
